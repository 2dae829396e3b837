"""Reading what opencv_traincascade prints while it trains."""

import re
from dataclasses import dataclass, field

from cascade.training.trainer import Stage

_STAGE = re.compile(r"^===== TRAINING (\d+)-stage =====")
_LIVE = re.compile(r"^(POS|NEG) current samples: (\d+)$")
_POSITIVES = re.compile(r"^POS count : consumed\s+(\d+) : (-?\d+)")
_NEGATIVES = re.compile(r"^NEG count : acceptanceRatio\s+(\d+) : (\S+)")
_ROUND = re.compile(r"^\|\s*(\d+)\|\s*([\d.eE+-]+|-?nan)\|\s*([\d.eE+-]+|-?nan)\|")
_ENDED = re.compile(r"^Training until now has taken")
_NOTABLE = (
    "Image reader can not be created",
    "Train dataset for temp stage can not be filled",
    "Required leaf false alarm rate achieved",
    "The required acceptanceRatio for the model has been reached",
    "can not be opened",
    "Cascade classifier can't be trained",
    "Can not get new positive sample",
    "OpenCV Error",
    "OpenCV(",
    "error: (",
    "terminate called",
    "what():",
    "bad_alloc",
)


@dataclass
class TrainingLog:
    """Follows a training through its output, line by line.

    Attributes:
        stages: the stages of this run, in order; the last may be unfinished.
        activity: what it is doing just now, in words.
        notable: lines that tell of an end or an error.
    """

    stages: list[Stage] = field(default_factory=list)
    activity: str = "starting"
    notable: list[str] = field(default_factory=list)

    def feed(self, line: str) -> bool:
        """Take in one line; returns whether it belongs into a log file (sample counters do not)."""
        line = line.rstrip()
        if match := _LIVE.match(line):
            kind = "positives" if match[1] == "POS" else "negatives"
            self.activity = f"collecting {kind}: {match[2]}"
            return False
        if match := _STAGE.match(line):
            self.stages.append(Stage(int(match[1]), own={"weak": 0}))
            self.activity = "collecting positives"
        elif any(text in line for text in _NOTABLE):
            self.notable.append(line)
        elif self.stages:
            self._feed_stage(self.stages[-1], line)
        return True

    def _feed_stage(self, stage: Stage, line: str) -> None:
        if match := _POSITIVES.match(line):
            stage.positives, stage.positives_consumed = int(match[1]), int(match[2])
        elif match := _NEGATIVES.match(line):
            stage.negatives, stage.acceptance_ratio = int(match[1]), float(match[2])
            self.activity = "computing features"
        elif match := _ROUND.match(line):
            stage.own["weak"], stage.hit_rate, stage.false_alarm_rate = int(match[1]), float(match[2]), float(match[3])
            self.activity = f"boosting: {match[1]} weak trees, false alarms {stage.false_alarm_rate:.3f}"
        elif _ENDED.match(line):
            stage.finished = True
            self.activity = "saved"

    def says(self, text: str) -> bool:
        """Whether a notable line contains the text."""
        return any(text in line for line in self.notable)

    @property
    def finished(self) -> list[Stage]:
        """The stages of this run that were trained to their end."""
        return [stage for stage in self.stages if stage.finished]
