"""Face detection with convolutional cascades: networks in stages, one ONNX graph from picture to faces."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Self

import cv2
import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Meta

from cascade.boxes import BoxAdjustment
from cascade.detector import Detections
from cascade.detectors.file_detector import FileDetector
from cascade.detectors.names import declared_adjustment, find_cascade
from cascade.detectors.size import Size, pixels
from cascade.errors import ModelError
from cascade.onnx import TRIAL_SECONDS, OnnxGraph
from cascade.pictures import Image, to_gray
from cascade.plain_values import converted
from cascade.ranges import Count, Share

METADATA_KEY = "convolutional_cascade"
"""The key under which a file's metadata hold `ConvolutionalInfo`, as JSON."""

FORMAT = 1

_LEAST = 4
"""Pixels. Nothing can be seen of a smaller face, and the picture, enlarged for it, would take gigabytes."""

_REMEDY = "take the detector.onnx of a finished training"

# Types and shapes, None where a size is open
_PICTURE = {"picture": ("tensor(uint8)", (None, None))}
_SETTINGS = {
    "min_size": ("tensor(float)", ()),
    "threshold": ("tensor(float)", ()),
    "max_windows": ("tensor(int64)", ()),
}
_FACES = {"boxes": ("tensor(float)", (None, 4)), "scores": ("tensor(float)", (None,))}


_Whole = Annotated[int, Meta(ge=1, lt=2**31)]


@dataclass(frozen=True)
class ConvolutionalInfo:
    """What the file of a convolutional cascade says of itself.

    Attributes:
        name: of the training.
        window: width and height in pixels of what the last stage looks at.
        stages: how many there are.
        min_size: width in pixels of the smallest face looked for, where nothing else is asked for.
        threshold: likewise the least score of a face, 0 to 1.
        max_windows: likewise the most windows of a picture that the later stages look at.
        about: how it was trained.
    """

    name: str
    window: tuple[_Whole, _Whole]
    stages: _Whole
    min_size: Annotated[float, Meta(gt=0, lt=2**31)]
    threshold: Share
    max_windows: _Whole
    about: dict[str, Any] = field(repr=False)

    @classmethod
    def read(cls, text: str, path: Path) -> Self:
        """Check the description that the file at `path` holds.

        Raises:
            ModelError: not this format, or a value that is missing or cannot be.
        """
        try:
            values = converted(msgspec.json.decode(text), dict[str, Any])
            if (version := values.pop("format", None)) != FORMAT:
                raise ValueError(f"it has format {version!r}, this version reads {FORMAT}")
            return converted(values, cls)
        except (ValueError, RecursionError) as error:  # msgspec's own are ValueErrors
            raise ModelError(f"{path} does not describe its cascade as it must: {error}; {_REMEDY}") from error


def graph_settings(min_size: float, threshold: float, max_windows: int) -> dict[str, npt.NDArray[Any]]:
    """The optional inputs of a cascade's graph, by name, of the types that it takes."""
    return {
        "min_size": np.array(min_size, np.float32),
        "threshold": np.array(threshold, np.float32),
        "max_windows": np.array(max_windows, np.int64),
    }


class ConvolutionalDetector(FileDetector):
    """Finds faces with a convolutional cascade. May be used from several threads, and can be pickled.

    Args:
        model: a name, an ONNX file's path, or a training's result folder: see `find_cascade`.
        min_size: width of the smallest face looked for: see `Size`. None: the model's own.
        threshold: least score, 0 to 1, a calibrated probability. None: the model's own.
        max_windows: most windows of a picture that the later stages look at: bounds the time that a crowd takes.
            None: the model's own.
        threads: of one call. None: as many as OpenCV's, two at most.
        box_adjustment: from the model's boxes to canonical ones. None: what `declared_adjustment` finds;
            `BoxAdjustment()` gives the boxes as they are.

    Attributes:
        info: what the file says of itself; the settings that were None take its values.

    Raises:
        ModelError: unknown name, a file that is missing, broken or no such cascade, or an impossible setting.
    """

    def __init__(
        self,
        model: str | Path = "convolutional",
        min_size: Size = None,
        threshold: Share | None = None,
        max_windows: Count | None = None,
        *,
        threads: Count | None = None,
        box_adjustment: BoxAdjustment | None = None,
    ) -> None:
        path = find_cascade(model, ".onnx")
        super().__init__(path, min_size, box_adjustment or declared_adjustment(path))
        if threshold is not None and not 0 <= threshold <= 1:
            raise ModelError(f"threshold must be from 0 to 1, not {threshold}")
        for name, value in (("max_windows", max_windows), ("threads", threads)):
            if value is not None and not 1 <= value < 2**31:
                raise ModelError(f"{name} must be 1 or more, not {value}")
        self.threads = threads
        self.info = _described(self._graph())
        self.threshold = float(self.info.threshold if threshold is None else threshold)
        self.max_windows = int(self.info.max_windows if max_windows is None else max_windows)
        trial = graph_settings(_LEAST, self.threshold, self.max_windows)
        self._graph().run({"picture": np.zeros((8, 8), np.uint8), **trial}, seconds=TRIAL_SECONDS)

    def detect(self, image: Image) -> Detections:
        """Find the faces in one image: see `FaceDetector.detect`. Scores are probabilities.

        Raises:
            ImageError: not an image.
            ModelError: what the file computes are no faces.
        """
        return self.detect_down_to(image, self.threshold)

    def detect_down_to(self, image: Image, score: float) -> Detections:
        """See `ThresholdDetector`."""
        gray = to_gray(image)
        smallest = self.info.min_size if self.min_size is None else pixels(self.min_size, min(gray.shape))
        smallest = max(smallest, _LEAST)
        settings = graph_settings(smallest, min(score, self.threshold), self.max_windows)
        boxes, scores = self._graph().run({"picture": gray, **settings}, *_FACES)
        good = scores.ndim == 1 and boxes.shape == (len(scores), 4) and bool(np.isfinite(boxes).all())
        if not (good and (boxes[:, 2:] > 0).all() and ((scores >= 0) & (scores <= 1)).all()):
            raise ModelError(f"{self.path} gives boxes without an area or scores that are no probabilities; {_REMEDY}")
        return Detections.ranked(boxes, scores).adjusted(self.box_adjustment)

    def _graph(self) -> OnnxGraph:
        """The file, opened once for each number of threads that OpenCV was given."""
        threads = self.threads or min(2, cv2.getNumThreads())
        # there is none in a new detector, nor in an unpickled one
        graphs: dict[int, OnnxGraph] = vars(self).setdefault("_graphs", {})
        if threads not in graphs:
            graphs[threads] = OnnxGraph(self.path, threads)
        return graphs[threads]


def _described(graph: OnnxGraph) -> ConvolutionalInfo:
    """What the file says of itself, if its graph is one to run.

    Raises:
        ModelError: it is none.
    """
    text = graph.metadata.get(METADATA_KEY)
    if text is None:
        hint = f"{_REMEDY}; YuNet's file is for detector=yunet"
        raise ModelError(f"{graph.path} does not say of itself that it is a convolutional cascade; {hint}")
    info = ConvolutionalInfo.read(text, graph.path)
    for what, given, wanted in (
        ("input", graph.inputs, _PICTURE),
        ("optional input", graph.optional, _SETTINGS),
        ("output", graph.outputs, _FACES),
    ):
        if given.keys() != wanted.keys():
            names = ", ".join(given) or "none"
            raise ModelError(f"{graph.path} has as {what}s {names}; it must have {', '.join(wanted)}; {_REMEDY}")
        for name, (kind, shape) in given.items():
            wants_kind, sizes = wanted[name]
            fits = len(shape) == len(sizes)
            fits &= all(own == size or not isinstance(own, int) for own, size in zip(shape, sizes, strict=False))
            if not fits or kind != wants_kind:
                wrong = f"{name} is {kind} {shape}, not {wants_kind} {list(sizes)}"
                raise ModelError(f"{graph.path}: its {wrong}; {_REMEDY}")
    return info
