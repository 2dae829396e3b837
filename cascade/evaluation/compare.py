"""Running several detectors over the same annotated images and counting."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cascade.boxes import BoxAdjustment
from cascade.detector import Detections, FaceDetector, ThresholdDetector
from cascade.detectors.boosted import CascadeDetector
from cascade.errors import DataError, ImageError
from cascade.evaluation.curves import Curve
from cascade.evaluation.matching import fit_adjustment, match
from cascade.pictures import Image, read_picture
from cascade.samples.image_annotations import ImageAnnotations

# So far down the scores do detectors with a threshold of their own go for their curves: one in fifty would be a face
_LEAST_SCORE = 0.02

log = logging.getLogger(__name__)

_Scan = list[Detections]  # of one image: for the curve first, as the detector is set last


class OperatingPoint(NamedTuple):
    """What a detector does with one setting, None where it has none: faces found, false alarms, share found, 0 to 1."""

    min_neighbors: int | None
    found: int
    wrong: int
    rate: float


class Outcome(NamedTuple):
    """A detection, `right`, `wrong` or `ignored`, or a `missed` face: box (4,), score (if missed: width in pixels)."""

    path: Path
    box: npt.NDArray[np.floating]
    score: float
    verdict: str


@dataclass(frozen=True, eq=False)
class DetectorResult:
    """One detector's measurements, with its own settings where nothing else is said.

    Attributes:
        curve: over its scores: of a cascade with the least `min_neighbors` of the sweep, of a `ThresholdDetector` down
            to a score of 0.02 or its own threshold, of others over what they detect.
        sweep: with each `min_neighbors`; empty for other detectors than cascades.
        adjustment: what was fitted and applied to its boxes; None when nothing was.
    """

    curve: Curve
    operating: OperatingPoint
    sweep: list[OperatingPoint]
    adjustment: BoxAdjustment | None
    outcomes: list[Outcome]


@dataclass(frozen=True, eq=False)
class Comparison:
    """Several detectors on the same images.

    Attributes:
        images: the images counted, without those that an adjustment was fitted on.
        unreadable: images that were left out because they cannot be read, and why.
        training_images: how many images an adjustment was fitted on.
    """

    results: dict[str, DetectorResult]
    images: list[ImageAnnotations]
    unreadable: dict[Path, str]
    training_images: int


def compare(
    detectors: Mapping[str, FaceDetector],
    images: Iterable[ImageAnnotations],
    *,
    iou: float,
    sweep: Sequence[int] = (),
    fit_share: float = 0.0,
    seed: int = 0,
) -> Comparison:
    """Let every detector look at every image, and count.

    Args:
        detectors: by name.
        images: with the faces to find and those to ignore.
        iou: least intersection over union of a detection with the face that it finds, above 0, at most 1.
        sweep: settings of `min_neighbors` at which cascades are counted.
        fit_share: share of the images, 0 to below 1, that are not counted: a box adjustment is fitted on them.
        seed: draws those.

    Raises:
        DataError: no readable image, no face to find, or nothing left to fit on.
    """
    sweep = sorted(set(sweep))
    looks: list[tuple[ImageAnnotations, dict[str, _Scan]]] = []
    unreadable: dict[Path, str] = {}
    for entry in images:
        try:
            image = read_picture(entry.path)
        except ImageError as error:
            unreadable[entry.path] = str(error)
        else:
            _tell_of_strays(entry, image)
            looks.append((entry, {name: _scan(detector, image, sweep) for name, detector in detectors.items()}))
    if not looks:
        raise DataError(f"none of {len(unreadable)} images can be read; the first: {next(iter(unreadable.values()))}")
    taken = round(fit_share * len(looks))
    if taken == len(looks):
        raise DataError(f"{taken} images are too few to fit on a share of {fit_share} and count the rest")
    order = np.random.default_rng(seed).permutation(len(looks)).tolist()
    training, counted = [looks[i] for i in order[:taken]], [looks[i] for i in sorted(order[taken:])]
    if not any(len(entry.boxes) for entry, _ in counted):
        raise DataError(f"there is nothing to find: not one face is annotated in {len(counted)} images")
    if all(entry.ignore.all() for entry, _ in counted):
        raise DataError("no annotated face counts: all are ignored; loosen the filter (count=...)")
    results = {}
    for name, detector in detectors.items():
        settings = [*sweep, detector.min_neighbors] if isinstance(detector, CascadeDetector) else []
        adjustment = fit_adjustment((scans[name][0], entry) for entry, scans in training)
        adjusted = [(entry, [found.adjusted(adjustment) for found in scans[name]]) for entry, scans in counted]
        results[name] = _count(adjusted, settings, iou, adjustment)
    return Comparison(results, [entry for entry, _ in counted], unreadable, len(training))


def _tell_of_strays(entry: ImageAnnotations, image: Image) -> None:
    """Warn of boxes that no detector can find."""
    height, width = image.shape[:2]
    x, y, right, bottom = (*entry.boxes[:, :2].T, *(entry.boxes[:, :2] + entry.boxes[:, 2:]).T)
    if strays := int(((x >= width) | (y >= height) | (right <= 0) | (bottom <= 0)).sum()):
        log.warning(
            "%s: %d of its boxes lie outside its %d×%d pixels, and count as missed", entry.path, strays, width, height
        )


def _scan(detector: FaceDetector, image: Image, sweep: list[int]) -> _Scan:
    if isinstance(detector, CascadeDetector):
        *swept, own = detector.sweep(image, [*sweep, detector.min_neighbors])
        return [*swept, own.above(detector.min_score)]
    # Looking twice, since what is found above a threshold may depend on what was allowed in below it
    lax = [detector.detect_down_to(image, _LEAST_SCORE)] if isinstance(detector, ThresholdDetector) else []
    return [*lax, detector.detect(image)]


def _count(
    looks: list[tuple[ImageAnnotations, _Scan]], settings: Sequence[int], iou: float, adjustment: BoxAdjustment | None
) -> DetectorResult:
    faces = sum(int((~entry.ignore).sum()) for entry, _ in looks)
    points: list[OperatingPoint] = []
    curves: list[Curve] = []
    for number in range(len(looks[0][1])):
        outcomes = [outcome for entry, scan in looks for outcome in _judge(entry, scan[number], iou)]
        counted = [outcome for outcome in outcomes if outcome.verdict in ("right", "wrong")]
        right = [outcome.verdict == "right" for outcome in counted]
        least = settings[number] if settings else None
        points.append(OperatingPoint(least, sum(right), len(right) - sum(right), sum(right) / faces))
        curves.append(Curve.of([outcome.score for outcome in counted], right, faces, len(looks)))
    return DetectorResult(curves[0], points[-1], points[:-1] if settings else [], adjustment, outcomes)


def _judge(entry: ImageAnnotations, detections: Detections, threshold: float) -> Iterator[Outcome]:
    claims = match(detections, entry, threshold)
    for box, score, face in zip(detections.boxes, detections.scores, claims, strict=True):
        verdict = "wrong" if face < 0 else "ignored" if entry.ignore[face] else "right"
        yield Outcome(entry.path, box, float(score), verdict)
    for box in entry.boxes[np.setdiff1d(np.flatnonzero(~entry.ignore), claims)]:
        yield Outcome(entry.path, box, float(box[2]), "missed")
