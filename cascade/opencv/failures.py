"""What went wrong in a training, told from its log and its files: the binary's exit status does not tell."""

from pathlib import Path

from cascade.errors import EarlyStop, TrainingError
from cascade.opencv.log import TrainingLog
from cascade.opencv.options import TrainOptions
from cascade.opencv.requirements import LESS_MEMORY, too_few_samples
from cascade.training.preflight import list_problem, not_writable, unusable_negatives, vec_problem
from cascade.training.trainer import Inputs
from cascade.xml import count_stages

_KILLED = -9
_GOES_ON = "Finished stages are kept; the same command goes on after them."


def diagnose(
    status: int, log: TrainingLog, options: TrainOptions, inputs: Inputs, folder: Path, log_file: Path
) -> TrainingError | None:
    """Judge a run of opencv_traincascade.

    Args:
        status: exit status, negative for a signal.
        log: what the binary printed.
        options: what it was asked to do.
        inputs: what it was given.
        folder: the folder that it wrote to.
        log_file: named in the messages.

    Returns:
        The failure or early stop, or None when the whole cascade is there.
    """
    reason = _fatal(status, log, options, inputs, folder)
    cascade = folder / "cascade.xml"
    trained = count_stages(cascade)
    if reason is None and trained is None:
        reason = f"{not_writable(folder, f'{cascade.name} is missing or damaged')} {_GOES_ON}"
    if reason is not None:
        return TrainingError(f"{reason} Log: {log_file}")
    if trained is not None and trained < options.numStages:
        return EarlyStop(
            f"Training ended after {trained} of {options.numStages} stages; cascade.xml holds those {trained} and can "
            f"be used as it is (accept_early_stop=true makes this a success). {_why_early(log, options)} "
            f"Log: {log_file}"
        )
    return None


def _fatal(status: int, log: TrainingLog, options: TrainOptions, inputs: Inputs, folder: Path) -> str | None:
    """Why there is no cascade, in the words of the checks that were made before; None when there should be one."""
    if log.says("Image reader can not be created", "wrong file format", "Parsing error", "vecSize"):
        return vec_problem(inputs.vec, inputs.window) or list_problem(inputs.bg) or f"{inputs.vec} cannot be read."
    if log.says("Can not get new positive sample"):
        stage = log.stages[-1].index if log.stages else 0
        reason = f"and they ran out in stage {stage}: too few are left of what the stages before rejected"
        return f"{too_few_samples(inputs, options, reason)} The {stage} finished stages are in {folder}."
    if log.says("can not be opened"):
        return not_writable(folder, "a file can not be opened")
    if status == _KILLED or log.says("bad_alloc", "Insufficient memory"):
        return f"The binary ran out of memory. {LESS_MEMORY} {_GOES_ON}"
    collecting = log.activity.startswith(("collecting negatives", "collecting positives"))
    if log.says("Cascade classifier can't be trained") or (status < 0 and collecting and not log.finished):
        return unusable_negatives(inputs.bg, inputs.window)
    if status != 0:
        said = log.notable[-1] if log.notable else "it said nothing"
        return f"opencv_traincascade failed with {'signal' if status < 0 else 'status'} {abs(status)}: {said}."
    return None


def _why_early(log: TrainingLog, options: TrainOptions) -> str:
    if log.says("Required leaf false alarm rate achieved"):
        return (
            "They already reach the false-alarm rate asked for, maxFalseAlarmRate^numStages = "
            f"{options.maxFalseAlarmRate**options.numStages:.3g}. For a stricter cascade give harder or more "
            "negatives, or a lower options.maxFalseAlarmRate."
        )
    if log.says("can not be filled"):
        return (
            f"The negatives hold no {options.numNeg} more windows that these stages mistake for a positive. "
            "Add pictures without faces, or lower options.numNeg."
        )
    if log.says("The required acceptanceRatio"):
        return (
            "The share of accepted negatives fell to options.acceptanceRatioBreakValue "
            f"{options.acceptanceRatioBreakValue}."
        )
    return "The next stage could not be trained."
