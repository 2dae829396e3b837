"""Looking at pictures: which can be used, and the samples that are cut from each while it is in hand."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import cv2
import numpy as np

from cascade.boxes import Box
from cascade.detector import FaceDetector
from cascade.errors import ImageError
from cascade.pictures import Image, read_gray, save_picture
from cascade.samples.image_annotations import ImageAnnotations
from cascade.samples.lists import binary_suffix
from cascade.samples.variants import Variants
from cascade.samples.window import Window


@dataclass
class Picture:
    """A picture that was given, and what became of it.

    Attributes:
        role: `positive` or `negative`.
        source: the file given.
        faces: what is in it; None takes the whole picture, or what a detector finds.
        boxes: boxes used, in pixels of that file; empty for negatives.
        changes: what was left out or changed, and why.
        placed: the file for the prepared folder: `source`, or another one where that had to be padded or converted;
            None when it is not used.
        size: width and height of `placed` in pixels.
        listed: the boxes in pixels of `placed`.
        ignored: regions that are neither positives nor negatives, in pixels of `placed`: boxes left out, too.
        samples: (N, K, h, w) uint8, of each box the sample and its copies.
        digest: of the gray pixels.
        split: `train` or `held_out`; empty when it is not used.
        file: its name in the prepared folder.
    """

    role: str
    source: Path
    faces: ImageAnnotations | None = None
    boxes: list[Box] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    placed: Path | None = None
    size: tuple[int, int] = (0, 0)
    listed: list[Box] = field(default_factory=list)
    ignored: list[Box] = field(default_factory=list)
    samples: Image | None = None
    digest: bytes = b""
    split: str = ""
    file: str = ""


@dataclass(frozen=True)
class Sieve:
    """Decides which pictures can be used, and cuts the samples.

    Attributes:
        window: the detector's.
        variants: what is made of each box besides its sample.
        seed: of the variants; with the same one, the same picture has the same.
        min_std: pictures whose grays have a smaller standard deviation are blank.
        detector: finds the face in positives without boxes; None takes the whole picture.
        scratch: a folder for pictures that have to be written anew.
    """

    window: Window
    variants: Variants
    seed: int
    min_std: float
    detector: FaceDetector | None
    scratch: Path

    def sift(self, pictures: Sequence[Picture]) -> Iterator[Picture]:
        """Look at each picture once, several at a time; they come in their order, with what became of them."""
        seen: dict[bytes, Picture] = {}
        pool = ThreadPoolExecutor()
        try:
            for picture in pool.map(self._look, pictures, count()):
                first = seen.setdefault(picture.digest, picture) if picture.digest else picture
                if first is not picture:
                    picture.placed, picture.samples, picture.boxes = None, None, []
                    picture.changes = [f"duplicate of {first.source}"]
                yield picture
        finally:
            pool.shutdown(cancel_futures=True)

    def _look(self, picture: Picture, number: int) -> Picture:
        try:
            image = given = read_gray(picture.source)
        except ImageError:
            picture.changes.append("unreadable" if picture.source.is_file() else "missing")
            return picture
        picture.digest = hashlib.sha256(repr(image.shape).encode() + image.data).digest()
        if picture.role == "positive":
            self._choose(picture, image)
            image, left, top = _padded(given, picture.boxes)
            picture.listed = [box.moved(left, top) for box in picture.boxes]
            picture.ignored = [region.moved(left, top) for region in picture.ignored]
            self._cut(picture, image)
        elif problem := self._problem(image):
            picture.changes.append(problem)
        if picture.boxes or not picture.changes:
            as_it_is = image is given and binary_suffix(picture.source) is not None
            picture.placed = picture.source if as_it_is else save_picture(self.scratch / f"{number}.png", image)
            picture.size = (image.shape[1], image.shape[0])
        return picture

    def _problem(self, image: Image) -> str:
        """Why a negative cannot be used; empty when it can."""
        (height, width), window = image.shape, self.window
        if width < window.w or height < window.h:
            return f"too small: {width}×{height}, the window is {window.w}×{window.h}"
        return "blank" if self._is_blank(image) else ""

    def _is_blank(self, image: Image) -> bool:
        return float(cv2.meanStdDev(image)[1][0, 0]) < self.min_std

    def _choose(self, picture: Picture, image: Image) -> None:
        """Choose the boxes of a positive; no change and no box means that there is none in it."""
        for row, refusal in self._faces(picture, image):
            box, change = (None, refusal) if refusal else self.window.fit(row, *image.shape[::-1])
            if box and self._is_blank(image[max(0, box.y) : box.y + box.height, max(0, box.x) : box.x + box.width]):
                box, change = None, "blank"
            picture.boxes += [box] if box else []
            picture.ignored += [] if box else [Box.around(row)]
            picture.changes += [change] if change else []
        if not picture.boxes and not picture.changes:
            picture.changes.append("no face in it")

    def _faces(self, picture: Picture, image: Image) -> Iterable[tuple[Sequence[float], str]]:
        """The boxes of what is in a positive, each with why it is not to be used; empty when it may be."""
        if (faces := picture.faces) is not None:
            invalid = faces.flags.get("invalid", np.zeros(len(faces), np.int64)) > 0
            refusals = np.where(faces.ignore | invalid, "marked as not to be used", "")
            return zip(faces.boxes.tolist(), refusals.tolist(), strict=True)
        if self.detector is not None:
            found = self.detector.detect(image).boxes.tolist()
            return [(box, "not the surest in its picture" if index else "") for index, box in enumerate(found)]
        return [((0, 0, image.shape[1], image.shape[0]), "")]

    def _cut(self, picture: Picture, image: Image) -> None:
        size = (self.window.w, self.window.h)
        generator = np.random.default_rng([self.seed, int.from_bytes(picture.digest[:8])])
        kinds = [
            [self.window.cut(image, box)]
            + [self.variants.vary(image, box, size, generator) for _ in range(self.variants.copies)]
            for box in picture.listed
        ]
        picture.samples = np.array(kinds, np.uint8) if kinds else None


def _padded(image: Image, boxes: list[Box]) -> tuple[Image, int, int]:
    """A picture continued at its borders so that all boxes lie in it, and how far that moves it right and down."""
    left = max([0, *(-box.x for box in boxes)])
    top = max([0, *(-box.y for box in boxes)])
    right = max([0, *(box.x + box.width - image.shape[1] for box in boxes)])
    bottom = max([0, *(box.y + box.height - image.shape[0] for box in boxes)])
    if left == top == right == bottom == 0:
        return image, 0, 0
    padded = cv2.copyMakeBorder(image, top, bottom, left, right, cv2.BORDER_REPLICATE)
    return np.asarray(padded, np.uint8), left, top
