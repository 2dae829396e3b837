"""What went wrong in a training, told from its log and its files: the binary's exit status does not tell."""

from pathlib import Path
from xml.etree import ElementTree

from cascade.errors import EarlyStop, TrainingError
from cascade.opencv.log import TrainingLog
from cascade.opencv.options import TrainOptions

_KILLED = -9


def diagnose(
    status: int, log: TrainingLog, options: TrainOptions, *, folder: Path, vec: Path, bg: Path, log_file: Path
) -> TrainingError | None:
    """Judge a run of opencv_traincascade.

    Args:
        status: exit status, negative for a signal.
        log: what the binary printed.
        options: what it was asked to do.
        folder: the folder that it wrote to.
        vec: the positives.
        bg: the list of negatives.
        log_file: named in the messages.

    Returns:
        The failure under its own name, or None when the whole cascade is there.
    """
    failure = _fatal(status, log, options, folder, vec, bg, log_file)
    if failure is not None:
        return failure
    trained = count_stages(folder / "cascade.xml")
    if trained is None:
        return TrainingError(
            f"Training ended, but {folder / 'cascade.xml'} is missing or damaged: is the disk full? "
            f"Finished stages are kept; the same command goes on. Log: {log_file}"
        )
    if trained < options.numStages:
        return _early_stop(trained, log, options, log_file)
    return None


def _fatal(
    status: int, log: TrainingLog, options: TrainOptions, folder: Path, vec: Path, bg: Path, log_file: Path
) -> TrainingError | None:
    see = f"Log: {log_file}"
    window = f"{options.w}×{options.h}"
    collecting = log.activity.startswith(("collecting negatives", "collecting positives"))
    if log.says("Image reader can not be created"):
        if vec.is_file() and not bg.is_file():
            return TrainingError(f"There is no list of negatives at {bg}. {see}")
        return TrainingError(f"The .vec file {vec} is missing or empty; make it with python -m cascade.prepare. {see}")
    if log.says("wrong file format") or log.says("Parsing error"):
        return TrainingError(f"{vec} is no .vec file; make it with python -m cascade.prepare. {see}")
    if log.says("vecSize"):
        return TrainingError(
            f"{vec} was not made for a window of {window}: set options.w and options.h to the size it was "
            "made "
            f"with, or make it anew. {see}"
        )
    if log.says("Can not get new positive sample"):
        stage = log.stages[-1].index if log.stages else 0
        return TrainingError(
            f"{vec} ran out of samples in stage {stage}: numPos {options.numPos} are not left after what "
            "the stages "
            f"before rejected. Lower options.numPos or add positives, and train under a new name; the "
            f"{stage} finished stages are in {folder}. {see}"
        )
    if log.says("can not be opened"):
        return TrainingError(f"Nothing can be written to {folder}: check its permissions and the disk. {see}")
    if status == _KILLED or log.says("bad_alloc") or log.says("Insufficient memory"):
        return TrainingError(
            "The binary ran out of memory: lower options.precalcValBufSize and "
            "options.precalcIdxBufSize, or numPos "
            f"and numNeg. The same command goes on after the last finished stage. {see}"
        )
    if log.says("Cascade classifier can't be trained") or (status < 0 and collecting and not log.finished):
        return TrainingError(
            f"No negatives could be taken from the pictures that {bg} lists: they are unreadable, or "
            "smaller than the "
            f"window of {window}. {see}"
        )
    if status != 0:
        said = log.notable[-1] if log.notable else "it said nothing"
        signal = f"signal {-status}" if status < 0 else f"status {status}"
        return TrainingError(f"opencv_traincascade failed with {signal}: {said}. {see}")
    return None


def _early_stop(trained: int, log: TrainingLog, options: TrainOptions, log_file: Path) -> EarlyStop:
    have = (
        f"Training ended after {trained} of {options.numStages} stages; cascade.xml holds those {trained} "
        "and can be used "
        "as it is (accept_early_stop=true makes this a success)."
    )
    if log.says("Required leaf false alarm rate achieved"):
        return EarlyStop(
            f"{have} They already reach the false-alarm rate asked for, maxFalseAlarmRate^numStages = "
            f"{options.maxFalseAlarmRate**options.numStages:.3g}. For a stricter cascade give harder or "
            "more negatives, "
            f"or a lower options.maxFalseAlarmRate. Log: {log_file}"
        )
    if log.says("can not be filled"):
        return EarlyStop(
            f"{have} The negatives hold no {options.numNeg} more windows that these stages mistake for a "
            "positive. "
            f"Add pictures without faces, or lower options.numNeg. Log: {log_file}"
        )
    if log.says("The required acceptanceRatio"):
        return EarlyStop(
            f"{have} The share of accepted negatives fell to options.acceptanceRatioBreakValue "
            f"{options.acceptanceRatioBreakValue}. Log: {log_file}"
        )
    return EarlyStop(f"{have} The next stage could not be trained. Log: {log_file}")


def count_stages(cascade: Path) -> int | None:
    """The number of stages in a cascade file of either format; None when it is missing or damaged."""
    try:
        root = ElementTree.parse(cascade).getroot()
    except (OSError, ElementTree.ParseError):
        return None
    stages = root.find("./*/stages")
    if stages is None or len(stages) == 0:
        return None
    declared = root.findtext("./*/stageNum")
    return len(stages) if declared is None or int(declared) == len(stages) else None
