"""What went wrong in a training, told from its log and its files: the binary's exit status does not tell."""

import signal
from pathlib import Path

from cascade.errors import EarlyStop, TrainingError
from cascade.opencv.log import TrainingLog
from cascade.opencv.options import TrainOptions
from cascade.opencv.requirements import LESS_MEMORY, too_few_samples
from cascade.training.preflight import list_problem, not_writable, unusable_negatives, vec_problem
from cascade.training.trainer import Inputs
from cascade.xml import read_if_whole

_GOES_ON = "Finished stages are kept; the same command goes on after them."


def diagnose(
    status: int, log: TrainingLog, options: TrainOptions, inputs: Inputs, folder: Path, log_file: Path
) -> TrainingError | None:
    """Judge a run of opencv_traincascade, in the words of the checks that were made before it.

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
    cascade = read_if_whole(folder / "cascade.xml")
    stages = len(cascade.stages) if cascade else 0
    unreadable = vec_problem(inputs.vec, inputs.window) or list_problem(inputs.bg) or f"{inputs.vec} cannot be read."
    begun = log.stages[-1].index if log.stages else 0
    ran_out = f"and they ran out in stage {begun}: too few are left of what the stages before rejected"
    short = f"{too_few_samples(inputs, options, ran_out)} The {begun} finished stages are in {folder}."
    no_memory = f"The binary ran out of memory. {LESS_MEMORY} {_GOES_ON}"
    collecting = log.activity.startswith(("collecting negatives", "collecting positives"))
    crashed = status < 0 and collecting and not log.finished
    said = log.notable[-1] if log.notable else "it said nothing"
    ended = f"{'signal' if status < 0 else 'status'} {abs(status)}: {said}"
    failures = (
        (log.says("Image reader can not be created", "wrong file format", "Parsing error", "vecSize"), unreadable),
        (log.says("Can not get new positive sample"), short),
        (log.says("can not be opened"), not_writable(folder, "a file can not be opened")),
        (log.says("bad_alloc", "Insufficient memory") or status == -signal.SIGKILL, no_memory),
        (log.says("Cascade classifier can't be trained") or crashed, unusable_negatives(inputs.bg, inputs.window)),
        (status != 0, f"opencv_traincascade failed with {ended}."),
        (stages == 0, f"{not_writable(folder, 'cascade.xml is missing or damaged')} {_GOES_ON}"),
    )
    for happened, reason in failures:
        if happened:
            return TrainingError(f"{reason} Log: {log_file}")
    if stages >= options.numStages:
        return None
    return EarlyStop(
        f"Training ended after {stages} of {options.numStages} stages; cascade.xml holds those {stages} and can be "
        f"used as it is (accept_early_stop=true makes this a success). {_why_early(log, options)} Log: {log_file}"
    )


def _why_early(log: TrainingLog, options: TrainOptions) -> str:
    reasons = {
        "Required leaf false alarm rate achieved": "They already reach the false-alarm rate asked for, "
        f"maxFalseAlarmRate^numStages = {options.maxFalseAlarmRate**options.numStages:.3g}. For a stricter cascade "
        "give harder or more negatives, or a lower options.maxFalseAlarmRate.",
        "can not be filled": f"The negatives hold no {options.numNeg} more windows that these stages mistake for a "
        "positive. Add pictures without faces, or lower options.numNeg.",
        "The required acceptanceRatio": "The share of accepted negatives fell to options.acceptanceRatioBreakValue "
        f"{options.acceptanceRatioBreakValue}.",
    }
    return next((why for sign, why in reasons.items() if log.says(sign)), "The next stage could not be trained.")
