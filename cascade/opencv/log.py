"""Reading what opencv_traincascade prints while it trains."""

import re
import time
from collections.abc import Sequence

from cascade.training.trainer import Observer, Stage

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


class TrainingLog:
    """Follows a training through its output, line by line, and tells the observers.

    Attributes:
        stages: the stages of this run, in order; the last may be unfinished.
        activity: what it is doing just now, in words.
        notable: lines that tell of an end or an error.
    """

    def __init__(self, observers: Sequence[Observer] = ()) -> None:
        self.stages: list[Stage] = []
        self.activity = "starting"
        self.notable: list[str] = []
        self._observers = observers
        self._told = 0
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
        for stage in self.finished[self._told :]:
            self._told += 1
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
