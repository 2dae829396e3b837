"""Reading what opencv_traincascade prints, and telling from it what went wrong: its exit status does not tell."""

import re
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from cascade.errors import EarlyStop, TrainingError
from cascade.opencv.options import LESS_MEMORY, TrainOptions, too_few_samples
from cascade.training.preflight import list_problem, not_writable, unusable_negatives, vec_problem
from cascade.training.trainer import Inputs, Observer, Stage
from cascade.xml import read_if_whole

_STAGE = re.compile(r"^===== TRAINING (\d+)-stage =====")
_COUNTER = re.compile(r"^(POS|NEG) current samples: (\d+)$")
_POSITIVES = re.compile(r"^POS count : consumed\s+(\d+) : (-?\d+)")
_NEGATIVES = re.compile(r"^NEG count : acceptanceRatio\s+(\d+) : (\S+)")
_ROUND = re.compile(r"^\|\s*(\d+)\|\s*([\d.eE+-]+|-?nan)\|\s*([\d.eE+-]+|-?nan)\|")
_NOTABLE = re.compile(
    "Image reader can not be created|Train dataset for temp stage can not be filled|can not be opened|"
    "Required leaf false alarm rate achieved|The required acceptanceRatio for the model has been reached|"
    "Cascade classifier can't be trained|Can not get new positive sample|"
    r"OpenCV Error|OpenCV\(|error: \(|terminate called|what\(\):|bad_alloc"
)
_GOES_ON = "Finished stages are kept; the same command goes on after them."


class TrainingLog:
    """Follows a training through its output, line by line, and tells the observers."""

    def __init__(self, observers: Sequence[Observer] = ()) -> None:
        self.stages: list[Stage] = []  # of this run, in order; the last may be unfinished
        self.activity = "starting"  # what it is doing just now, in words
        self.notable: list[str] = []  # lines that tell of an end or an error
        self._observers = observers
        self.told = 0  # stages that the observers know to be finished
        self._begun = time.monotonic()

    def feed(self, line: str) -> bool:
        """Take in one line; returns whether it belongs into a log file (sample counters do not)."""
        self.tell_finished()  # only now: the binary closes a stage's file after the line that says so
        line = line.rstrip()
        if counter := _COUNTER.match(line):
            self.activity = f"collecting {'positives' if counter[1] == 'POS' else 'negatives'}: {counter[2]}"
        elif match := _STAGE.match(line):
            self.stages.append(Stage(int(match[1]), own={"weak": 0}))
            self.activity = "collecting positives"
        elif _NOTABLE.search(line):
            self.notable.append(line)
        elif self.stages:
            self._feed_stage(self.stages[-1], line)
        for observer in self._observers:
            observer.update(self.stages[-1] if self.stages else None, self.activity)
        return counter is None

    def _feed_stage(self, stage: Stage, line: str) -> None:
        stage.seconds = time.monotonic() - self._begun
        if match := _POSITIVES.match(line):
            stage.positives, stage.positives_consumed = int(match[1]), int(match[2])
        elif match := _NEGATIVES.match(line):
            stage.negatives, stage.acceptance_ratio = int(match[1]), float(match[2])
            self.activity = "computing features"
        elif match := _ROUND.match(line):
            stage.own["weak"], stage.hit_rate, stage.false_alarm_rate = int(match[1]), float(match[2]), float(match[3])
            self.activity = f"boosting: {match[1]} weak trees, false alarms {stage.false_alarm_rate:.3f}"
        elif line.startswith("Training until now has taken"):
            stage.finished = True
            self.activity = "next stage"

    def tell_finished(self) -> None:
        """Tell the observers of finished stages that they were not told of yet."""
        for stage in self.finished[self.told :]:
            self.told += 1
            self._begun = time.monotonic()
            for observer in self._observers:
                observer.stage_finished(stage)

    def says(self, *texts: str) -> bool:
        """Whether a notable line contains one of the texts."""
        return any(text in line for line in self.notable for text in texts)

    @property
    def finished(self) -> list[Stage]:
        """The stages of this run that were trained to their end."""
        return [stage for stage in self.stages if stage.finished]


def diagnose(
    status: int, log: TrainingLog, options: TrainOptions, inputs: Inputs, folder: Path, log_file: Path
) -> EarlyStop | None:
    """Judge a run of opencv_traincascade by its exit status (negative for a signal), log and result folder.

    Returns:
        Why there are fewer stages than asked for; None when the whole cascade is there.

    Raises:
        TrainingError: it failed; told in the words of the checks made before it.
    """
    cascade = read_if_whole(folder / "cascade.xml")
    stages = len(cascade.stages) if cascade else 0
    unreadable = vec_problem(inputs.vec, inputs.window) or list_problem(inputs.bg) or f"{inputs.vec} cannot be read."
    begun = log.stages[-1].index if log.stages else 0
    ran_out = f"and they ran out in stage {begun}: too few are left of what the stages before rejected"
    short = f"{too_few_samples(inputs, options, ran_out)} The {begun} finished stages are in {folder}."
    no_memory = f"The binary ran out of memory. {LESS_MEMORY} {_GOES_ON}"
    crashed = status < 0 and log.activity.startswith("collecting") and not log.finished
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
            raise TrainingError(f"{reason} Log: {log_file}")
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
