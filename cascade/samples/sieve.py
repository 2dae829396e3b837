"""Deciding which pictures can become samples, and keeping account of those that cannot."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cascade.boxes import Box
from cascade.detector import FaceDetector
from cascade.errors import ImageError
from cascade.pictures import Image, read_gray
from cascade.samples.image_annotations import ImageAnnotations
from cascade.samples.window import WindowFitter


@dataclass(frozen=True)
class Source:
    """A picture that may become a sample.

    Attributes:
        path: the file.
        boxes: what is in it; None takes the whole picture, or what a detector finds.
    """

    path: Path
    boxes: ImageAnnotations | None = None


@dataclass
class Account:
    """What became of a picture.

    Attributes:
        role: `positive` or `negative`.
        source: the file given.
        boxes: boxes used, in pixels of that file; empty for negatives.
        changes: what was left out or changed, and why.
        used: whether it is in the prepared folder.
        split: `train` or `held_out`; empty when it is not used.
        file: its name in the prepared folder.
    """

    role: str
    source: Path
    boxes: list[Box] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    used: bool = False
    split: str = ""
    file: str = ""


@dataclass
class Sieve:
    """Looks at pictures one by one and decides which can be used.

    Attributes:
        fitter: makes boxes of the window's aspect.
        min_std: pictures whose grays have a smaller standard deviation are blank.
        detector: finds the face in positives without boxes; None takes the whole picture.
    """

    fitter: WindowFitter
    min_std: float = 4.0
    detector: FaceDetector | None = None
    _seen: dict[bytes, Path] = field(default_factory=dict)

    def positive(self, source: Source) -> Account:
        """Decide on a positive."""
        account = Account("positive", source.path)
        image = self._readable(account)
        if image is None:
            return account
        height, width = image.shape
        for box, reason in self._boxes(source, image):
            fit = self.fitter.fit(box, width, height)
            region = None if fit.box is None else _inside(image, fit.box)
            if reason:
                account.changes.append(reason)
            elif fit.box is None:
                account.changes.append(fit.change)
            elif region is None or region.std() < self.min_std:
                account.changes.append("blank")
            else:
                account.boxes.append(fit.box)
                if fit.change:
                    account.changes.append(fit.change)
        account.used = bool(account.boxes)
        if not account.used and not account.changes:
            account.changes.append("no face in it")
        return account

    def negative(self, source: Source) -> Account:
        """Decide on a negative."""
        account = Account("negative", source.path)
        image = self._readable(account)
        if image is None:
            return account
        height, width = image.shape
        if width < self.fitter.w or height < self.fitter.h:
            account.changes.append(f"too small: {width}×{height}, the window is {self.fitter.w}×{self.fitter.h}")
        elif image.std() < self.min_std:
            account.changes.append("blank")
        else:
            account.used = True
        return account

    def _readable(self, account: Account) -> Image | None:
        try:
            image = read_gray(account.source)
        except ImageError:
            account.changes.append("unreadable" if account.source.is_file() else "missing")
            return None
        digest = hashlib.sha256(repr(image.shape).encode() + image.tobytes()).digest()
        first = self._seen.setdefault(digest, account.source)
        if first is not account.source:
            account.changes.append(f"duplicate of {first}")
            return None
        return image

    def _boxes(self, source: Source, image: Image) -> list[tuple[tuple[float, float, float, float], str]]:
        """Boxes of a positive, each with the reason for leaving it out, if there is one."""
        height, width = image.shape
        if source.boxes is not None:
            invalid = source.boxes.flags.get("invalid", np.zeros(len(source.boxes), np.int64))
            refused = source.boxes.ignore | (invalid > 0)
            return [
                ((float(x), float(y), float(w), float(h)), "marked as not to be used" if bad else "")
                for (x, y, w, h), bad in zip(source.boxes.boxes, refused, strict=True)
            ]
        if self.detector is not None:
            found = self.detector.detect(image)
            return [((float(x), float(y), float(w), float(h)), "") for x, y, w, h in found.boxes[:1]]
        return [((0.0, 0.0, float(width), float(height)), "")]


def _inside(image: Image, box: Box) -> Image | None:
    x, y, w, h = box
    region = image[max(0, y) : y + h, max(0, x) : x + w]
    return region if region.size else None
