"""Faces in, expressions out: the one class that most users of the package need."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cascade.pictures import check_image, read_picture, to_gray
from fer.crop import Crop, crop_faces
from fer.inference.classifier import Classifier, load_classifier
from fer.inference.detector import Detector, detect
from fer.inference.faces import Face, Image, faces_from
from fer.inference.tracking import FaceTracker, Tracking
from fer.inference.videos import Frame, VideoFile


class ExpressionRecognizer:
    """Finds the faces in pictures and videos and reads their expressions.

        from cascade import CascadeDetector
        from fer.inference import ExpressionRecognizer

        recognizer = ExpressionRecognizer(CascadeDetector("frontalface_lbp", min_size=40, reduce=True))
        for face in recognizer.recognize("photo.jpg"):
            print(face.box, face.label, face.probabilities[face.label])

    Args:
        detector: any object with `detect(image)` that returns `boxes` (N, 4) and `scores` (N,).
        classifier: name of a released model, path of an `.onnx` or `.ckpt` file, or a classifier.
        crop: from the detector's box to the network's square; None takes the one that the model carries.
        detect_side: pictures with a longer side are searched for faces shrunk to it; None never shrinks.
            Expressions are read from the full picture.
        tracking: how faces are followed through videos.

    Raises:
        ModelError: the classifier cannot be used.
    """

    def __init__(
        self,
        detector: Detector,
        classifier: str | Path | Classifier = "mini_xception",
        *,
        crop: Crop | None = None,
        detect_side: int | None = 1920,
        tracking: Tracking | None = None,
    ) -> None:
        self.detector = detector
        self.classifier = load_classifier(classifier) if isinstance(classifier, str | Path) else classifier
        self.info = self.classifier.info
        self.crop = crop or self.info.crop
        self.detect_side = detect_side
        self.tracking = tracking or Tracking()

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
        gray = to_gray(image)
        boxes, scores = detect(self.detector, gray, self.detect_side)
        return faces_from(boxes, scores, self.classify(gray, boxes), self.classes)

    def classify(self, gray: Image, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Read the expressions in boxes (N, 4) of a gray picture: float32 (N, classes)."""
        faces = crop_faces(gray, boxes, self.crop, self.info.preprocessing)
        return self.classifier.probabilities(faces)

    def follow(self, frames: Iterable[Frame]) -> Iterator[tuple[Frame, list[Face]]]:
        """Find, follow and read faces from frame to frame; yields each frame at once and in order.

        Args:
            frames: of one video or camera, with rising time stamps.
        """
        tracker = FaceTracker(self.tracking)
        for frame in frames:
            gray = to_gray(frame.image)
            tracks = tracker.update(gray, frame.time_s, lambda g: detect(self.detector, g, self.detect_side))
            boxes = np.array([track.box for track in tracks], np.float32).reshape(-1, 4)
            scores = np.array([track.score for track in tracks], np.float32)
            smooth = [
                track.smoothed(row, frame.time_s, self.tracking.half_life_s)
                for track, row in zip(tracks, self.classify(gray, boxes), strict=True)
            ]
            rows = np.array(smooth, np.float32).reshape(-1, len(self.classes))
            ids = [track.id for track in tracks]
            yield frame, faces_from(boxes, scores, rows, self.classes, frame.index, frame.time_s, ids)

    def video(self, path: str | Path) -> Iterator[tuple[Frame, list[Face]]]:
        """Read a video file: each frame with its faces.

        Raises:
            ImageError: the file cannot be opened, or ends in the middle; frames read so far were yielded.
        """
        yield from self.follow(VideoFile(path).frames())
