"""Reading and writing the XML of a boosted cascade, in the format of `opencv_traincascade` and in that of OpenCV 1."""

import re
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from cascade.errors import DataError
from cascade.files import write_whole


@dataclass(frozen=True)
class CascadeXml:
    """A cascade as its file describes it; a training's `params.xml` is of the same form and has no stages."""

    node: ElementTree.Element  # the only child of <opencv_storage>

    @property
    def window(self) -> tuple[int, int]:
        """Width and height of the detector's window in pixels."""
        size = self.node.findtext("size", "").split() or [self.node.findtext(side, "0") for side in ("width", "height")]
        return int(size[0]), int(size[1])

    @property
    def feature_type(self) -> str:
        """HAAR, LBP or HOG; the old format has only the first and does not say so."""
        return self.parameter("featureType") or "HAAR"

    @property
    def stages(self) -> list[ElementTree.Element]:
        """The stages, in order."""
        return self.node.findall("stages/_")

    @property
    def thresholds(self) -> list[float]:
        """For each stage, the sum of its weak trees' votes that a window must reach."""
        texts = (stage.findtext("stageThreshold") or stage.findtext("stage_threshold") for stage in self.stages)
        return [float(text or 0) for text in texts]

    @property
    def weak_trees(self) -> list[int]:
        """For each stage, how many weak trees it has."""
        return [len(stage.findall("weakClassifiers/_") or stage.findall("trees/_")) for stage in self.stages]

    def parameter(self, path: str) -> str | None:
        """A parameter of the training, such as `stageParams/minHitRate`; None where the file does not tell."""
        text = self.node.findtext(path)
        return None if text is None else text.strip()

    def first_stages(self, count: int) -> "CascadeXml":
        """The cascade of the first stages alone: faster, and less strict."""
        node = deepcopy(self.node)
        for stages in node.iterfind("stages"):
            stages[:] = stages[:count]
            for number in node.iterfind("stageNum"):
                number.text = str(len(stages))
        return CascadeXml(node)

    def write(self, path: Path) -> None:
        """Write it as OpenCV reads it, or raise an OutputError."""
        root = ElementTree.Element("opencv_storage")
        root.append(self.node)
        write_whole(path, b'<?xml version="1.0"?>\n' + ElementTree.tostring(root) + b"\n")


def read_cascade(path: Path) -> CascadeXml:
    """Read a cascade, or the `params.xml` or `stageN.xml` of a training.

    Raises:
        DataError: the file is missing, damaged or incomplete.
    """
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError) as error:
        raise DataError(f"{path} is no cascade's XML file, or is damaged: {error}") from error
    if root.tag != "opencv_storage" or len(root) == 0:
        raise DataError(f"{path} holds no cascade")
    cascade = CascadeXml(root[0])
    declared = cascade.parameter("stageNum")
    if declared is not None and declared != str(len(cascade.stages)):
        raise DataError(f"{path} is incomplete: it announces {declared} stages and has {len(cascade.stages)}")
    return cascade


def read_if_whole(path: Path) -> CascadeXml | None:
    """Read a cascade; None when the file is missing, damaged or incomplete."""
    try:
        return read_cascade(path)
    except DataError:
        return None


def last_stage_threshold(path: Path) -> float:
    """What the last stage of a cascade's file demands; 0.0 where there is none, or where it cannot be read.

    The file is searched, not parsed, since every detector asks: parsing takes as long as OpenCV does to load it.
    """
    try:
        found = re.findall(rb"<stage_?[tT]hreshold>\s*([^<\s]+)", path.read_bytes())
        return float(found[-1]) if found else 0.0
    except (OSError, ValueError):
        return 0.0
