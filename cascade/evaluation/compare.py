"""Running several detectors over the same annotated images and counting."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cascade.boxes import BoxAdjustment
from cascade.detector import Detections, FaceDetector
from cascade.detectors.boosted import CascadeDetector
from cascade.errors import DataError
from cascade.evaluation.adjustment import fit_adjustment
from cascade.evaluation.curves import Curve
from cascade.evaluation.matching import match
from cascade.evaluation.tiles import Tiles
from cascade.evaluation.truth import read_image
from cascade.pictures import Image
from cascade.samples.image_annotations import ImageAnnotations

_Scans = list[list[Detections]]  # by image, by setting of min_neighbors


@dataclass(frozen=True)
class OperatingPoint:
    """What a detector does with one setting.

    Attributes:
        min_neighbors: the setting; None for detectors without it.
        found: faces found.
        wrong: false alarms, over all images.
        rate: share of the faces that are found, 0 to 1.
    """

    min_neighbors: int | None
    found: int
    wrong: int
    rate: float


@dataclass(frozen=True, eq=False)
class DetectorResult:
    """One detector's measurements.

    Attributes:
        curve: over its scores, with the least `min_neighbors` of the sweep.
        operating: with its own settings.
        sweep: with each `min_neighbors`; empty for other detectors than cascades.
        adjustment: what was fitted and applied to its boxes; None when nothing was.
        verdicts: for each image the detections and, as letters, whether each is right (`r`), wrong (`w`)
            or excused (`e`), with its own settings.
        misses: the missed faces, with its own settings.
        false_alarms: likewise.
    """

    curve: Curve
    operating: OperatingPoint
    sweep: list[OperatingPoint]
    adjustment: BoxAdjustment | None
    verdicts: list[tuple[Detections, str]]
    misses: Tiles
    false_alarms: Tiles


@dataclass(frozen=True, eq=False)
class Comparison:
    """Several detectors on the same images.

    Attributes:
        results: by detector.
        images: the images counted, without those that an adjustment was fitted on.
        unreadable: images that were left out because OpenCV cannot read them.
        training_images: how many images an adjustment was fitted on.
    """

    results: dict[str, DetectorResult]
    images: list[ImageAnnotations]
    unreadable: list[Path] = field(default_factory=list)
    training_images: int = 0


def compare(
    detectors: Mapping[str, FaceDetector],
    images: Sequence[ImageAnnotations],
    *,
    iou_threshold: float = 0.4,
    sweep: Sequence[int] = (1, 2, 3, 5, 8, 12),
    fit_share: float = 0.0,
    seed: int = 0,
    tiles: int = 60,
    progress: Callable[[], None] = lambda: None,
) -> Comparison:
    """Let every detector look at every image, and count.

    Args:
        detectors: by name.
        images: with the faces to find and those to ignore.
        iou_threshold: least intersection over union of a detection with the face that it finds.
        sweep: settings of `min_neighbors` at which cascades are counted.
        fit_share: share of the images, drawn by `seed`, on which a box adjustment is fitted for each
            detector; those images are not counted for any. 0 fits none.
        seed: of that draw.
        tiles: how many misses and how many false alarms are kept as pictures.
        progress: called after each image and detector.

    Raises:
        DataError: no readable image, no face to find, or nothing left to fit on.
    """
    scans: dict[str, _Scans] = {name: [] for name in detectors}
    settings = {name: _settings(detector, sweep) for name, detector in detectors.items()}
    readable: list[ImageAnnotations] = []
    unreadable: list[Path] = []
    for entry in images:
        image = read_image(entry.path)
        if image is None:
            unreadable.append(entry.path)
        else:
            readable.append(entry)
        for name, detector in detectors.items():
            if image is not None:
                scans[name].append(_scan(detector, image, settings[name]))
            progress()
    if not readable:
        raise DataError(f"OpenCV can read none of the {len(images)} images; the first is {unreadable[0]}")
    training, counted = _split(len(readable), fit_share, seed)
    kept = [readable[i] for i in counted]
    if not any((~entry.ignore).any() for entry in kept):
        raise DataError("no annotated face counts: all are ignored; loosen the filter (count=...)")
    results = {}
    for name in detectors:
        widest = [scan[0] for scan in scans[name]]
        fitted = fit_adjustment((widest[i], readable[i]) for i in training) if fit_share else None
        own = [[_adjusted(found, fitted) for found in scans[name][i]] for i in counted]
        results[name] = _count(name, own, kept, settings[name], iou_threshold, fitted, tiles)
    return Comparison(results, kept, unreadable, len(training))


def _settings(detector: FaceDetector, sweep: Sequence[int]) -> list[int | None]:
    """Settings of `min_neighbors` to scan with: rising, the detector's own last."""
    if not isinstance(detector, CascadeDetector):
        return [None]
    return [*sorted(set(sweep)), detector.min_neighbors]


def _scan(detector: FaceDetector, image: Image, settings: list[int | None]) -> list[Detections]:
    if isinstance(detector, CascadeDetector):
        found = detector.sweep(image, [least for least in settings if least is not None])
        return [*found[:-1], found[-1].above(detector.min_score)]
    return [detector.detect(image)]


def _split(count: int, share: float, seed: int) -> tuple[list[int], list[int]]:
    """Indices of the images to fit on and of those to count, each rising."""
    if not 0 <= share < 1:
        raise DataError(f"the share of images to fit on must be at least 0 and below 1, not {share}")
    taken = round(share * count)
    order = np.random.default_rng(seed).permutation(count)
    if taken == count:
        raise DataError(f"{count} images are too few to fit on a share of {share} and count the rest")
    return sorted(order[:taken].tolist()), sorted(order[taken:].tolist())


def _adjusted(found: Detections, adjustment: BoxAdjustment | None) -> Detections:
    return found if adjustment is None else Detections(adjustment.apply(found.boxes), found.scores)


def _count(
    name: str,
    scans: _Scans,
    images: list[ImageAnnotations],
    settings: list[int | None],
    threshold: float,
    adjustment: BoxAdjustment | None,
    limit: int,
) -> DetectorResult:
    faces = sum(int((~entry.ignore).sum()) for entry in images)
    points: list[OperatingPoint] = []
    curve: Curve | None = None
    for number, least in enumerate(settings):
        scores, right, found = [], [], 0
        for scan, entry in zip(scans, images, strict=True):
            matches = match(scan[number], entry.boxes, entry.ignore, threshold)
            scores.append(scan[number].scores[~matches.excused])
            right.append((matches.face >= 0)[~matches.excused])
            found += int(matches.found.sum())
        flat = np.concatenate(right)
        points.append(OperatingPoint(least, found, int((~flat).sum()), found / faces))
        curve = curve or Curve.of(np.concatenate(scores), flat, faces, len(images))
    assert curve is not None  # there is always one setting
    misses, alarms = Tiles(f"{name}: missed faces", limit), Tiles(f"{name}: false alarms", limit)
    verdicts = []
    for scan, entry in zip(scans, images, strict=True):
        verdicts.append((scan[-1], _judge(scan[-1], entry, threshold, misses, alarms)))
    return DetectorResult(curve, points[-1], points[:-1], adjustment, verdicts, misses, alarms)


def _judge(detections: Detections, entry: ImageAnnotations, threshold: float, misses: Tiles, alarms: Tiles) -> str:
    """The letters of one image's detections; its errors go to the sheets."""
    matches = match(detections, entry.boxes, entry.ignore, threshold)
    missed = np.flatnonzero(~entry.ignore & ~matches.found)
    wrong = np.flatnonzero(matches.wrong)
    if len(missed) or len(wrong):
        image = read_image(entry.path)
        if image is not None:
            for index in missed:
                box = entry.boxes[index]
                misses.add(image, box, float(box[2]), f"{entry.path.stem[-12:]} {box[2]:.0f}x{box[3]:.0f}")
            for index in wrong:
                score = float(detections.scores[index])
                alarms.add(image, detections.boxes[index], score, f"{entry.path.stem[-12:]} {score:.1f}")
    letters = np.where(matches.face >= 0, "r", np.where(matches.excused, "e", "w"))
    return "".join(letters.tolist())
