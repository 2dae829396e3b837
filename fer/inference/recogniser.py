"""Faces in, expressions out: the one class that most users of the package need."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cascade.detector import Detections, FaceDetector
from cascade.detectors.convolutional import ConvolutionalDetector
from cascade.pictures import Image, check_image, read_picture
from fer.crop import Crop, crop_faces, crop_square
from fer.inference.classifier import Classifier, load_classifier
from fer.inference.faces import Face, FrameFaces
from fer.inference.frames import Frame, ahead
from fer.inference.tracking import FaceTracker, Tracking
from fer.inference.videos import VideoFile


class ExpressionRecognizer:
    """Finds the faces in pictures and videos and reads their expressions.

        recognizer = ExpressionRecognizer()
        for face in recognizer.recognize("photo.jpg"):
            print(face.box, face.label, face.probabilities[face.label])

    Args:
        detector: any object with `detect(image)` that returns `boxes` (N, 4) and `scores` (N,), such as
            `cascade.CascadeDetector`; None: the convolutional cascade that comes with the project.
        classifier: name of a released model, path of an `.onnx` or `.ckpt` file, or a classifier.
        crop: from the detector's box to the network's square; None takes what the model carries for it.
        detect_side: pictures with a longer side are searched for faces shrunk to it; None never shrinks.
            Expressions are read from the full picture.
        tracking: how faces are followed through videos.
        unsure_below: labels of a smaller probability are `unsure`; None takes what the model carries, 0 none.

    Raises:
        ModelError: the classifier cannot be used.
    """

    def __init__(
        self,
        detector: FaceDetector | None = None,
        classifier: str | Path | Classifier = "small_resnet",
        *,
        crop: Crop | None = None,
        detect_side: int | None = 1920,
        tracking: Tracking | None = None,
        unsure_below: float | None = None,
    ) -> None:
        self.detector = ConvolutionalDetector() if detector is None else detector
        self.classifier = load_classifier(classifier) if isinstance(classifier, str | Path) else classifier
        self.info = self.classifier.info
        self.crop = crop or self.info.crop
        self.detect_side = detect_side
        self.tracking = tracking or Tracking()
        self.unsure_below = self.info.unsure_below if unsure_below is None else unsure_below

    @property
    def classes(self) -> tuple[str, ...]:
        """The expressions, in the order of the classifier's outputs."""
        return self.info.preprocessing.classes

    def recognize(self, picture: Image | str | Path) -> list[Face]:
        """Find and read the faces of one picture, surest first.

        Args:
            picture: a path, or an array, uint8, BGR (H, W, 3) or gray (H, W).

        Raises:
            ImageError: the picture cannot be read, or the array is no picture.
        """
        image = read_picture(picture) if isinstance(picture, str | Path) else check_image(picture)
        return list(self.read(Frame(image)))

    def recognize_many(self, pictures: Iterable[str | Path]) -> Iterator[tuple[str | Path, list[Face]]]:
        """Find and read the faces of pictures in turn, each with its path; the next is read from disk meanwhile.

        Raises:
            ImageError: one cannot be read; those before it were yielded.
        """
        for picture, image in ahead(((picture, read_picture(picture)) for picture in pictures), 2):
            yield picture, list(self.read(Frame(image)))

    def read(self, frame: Frame) -> FrameFaces:
        """Find and read the faces of one frame by itself, surest first."""
        found = self.find(frame)
        shares = self.classify(frame.gray, found.boxes)
        about = frame.index, frame.time_s, None, self.unsure_below
        return FrameFaces(found.boxes, found.scores, shares, self.classes, *about)

    def find(self, frame: Frame) -> Detections:
        """Find the faces of a frame; boxes are in its pixels, whatever it was searched at."""
        searched = frame.gray if self.detect_side is None else frame.shrunk(self.detect_side)
        found = self.detector.detect(searched)
        if searched is frame.gray:
            return found
        back = np.divide(frame.gray.shape, searched.shape)[[1, 0, 1, 0]].astype(np.float32)
        return Detections(found.boxes * back, found.scores)

    def classify(self, gray: Image, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Read the expressions in boxes (N, 4) of a gray picture: float32 (N, classes)."""
        return self.classifier.probabilities(crop_faces(gray, boxes, self.crop, self.info.preprocessing))

    def cut(self, frame: Frame, boxes: NDArray[np.float32]) -> list[Image]:
        """Cut boxes (N, 4) out of a frame, framed as the network sees them but in full size and colour."""
        return [crop_square(frame.image, *square) for square in self.crop.squares(boxes).tolist()]

    def follow(self, frames: Iterable[Frame]) -> Iterator[tuple[Frame, FrameFaces]]:
        """Find, follow and read faces in the frames of one video or camera; yields each at once and in order."""
        tracker = FaceTracker(self.tracking)
        for frame in frames:
            tracks = tracker.update(frame, self.find)
            boxes = np.array([track.box for track in tracks], np.float32).reshape(-1, 4)
            scores = np.array([track.score for track in tracks], np.float32)
            rows = np.array(self.classify(frame.gray, boxes))
            for track, row in zip(tracks, rows, strict=True):
                row[:] = track.smoothed(row, frame.time_s or 0.0, self.tracking.half_life_s)
            ids = np.array([track.id for track in tracks], np.int64)
            about = frame.index, frame.time_s, ids, self.unsure_below
            yield frame, FrameFaces(boxes, scores, rows, self.classes, *about)

    def video(self, path: str | Path) -> Iterator[tuple[Frame, FrameFaces]]:
        """Read a video file: each frame with its faces.

        Raises:
            ImageError: the file cannot be opened, or ends in the middle; frames read so far were yielded.
        """
        yield from self.follow(VideoFile(path).frames())
