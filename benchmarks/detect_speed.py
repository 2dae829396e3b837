"""How fast and how well faces are found and read, side by side on the same frames and cores.

    python -m benchmarks.detect_speed annotations.txt images/ [--detectors alt2 frontalface_default]
    python -m benchmarks.detect_speed … --detectors "alt2 min_size=50 reduce=true scale_factor=1.2"

The frames are annotated pictures (WIDER FACE's text, OpenCV's info list …), brought to 640 pixels
of width. The reference, 1.0, is what the PyPI package `fer` spends 95% of its time in: OpenCV's
`haarcascade_frontalface_default` with its settings (smallest face 50 pixels, scale 1.1, 5 neighbours).
Its classifier's share is not counted against it. All take turns within one process, frame by frame, so that a
busy machine slows them alike; what counts are the ratios. Video is the frames of one picture that
moves slowly, followed with the defaults of detect.py.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks import CONFIGS
from cascade.evaluation.truth import FaceFilter
from cascade.samples.annotations import read_annotations
from fer.inference import ExpressionRecognizer
from fer.inference.classifier import load_classifier
from fer.inference.faces import Image
from fer.inference.tracking import iou
from fer.inference.videos import Frame

WIDTH = 640
MATCH = 0.4
SMALLEST = 50  # pixels, the package's smallest face
PACKAGE_FACES = 2350  # faces/s that the package classifies on one core (measured elsewhere, 25.10.3)


@dataclass
class Entry:
    """One contender: how it looks at a frame, and what came of it."""

    name: str
    look: Callable[[Image], NDArray[np.float32]]
    seconds: float = 0.0
    found: int = 0
    false: int = 0
    faces: int = field(default=0)


def frames(annotations: Path, images: Path, limit: int | None) -> list[tuple[Image, Any, Any]]:
    """Pictures at 640 pixels of width, with boxes (N, 4) and which of them do not count (N,)."""
    count = FaceFilter(min_size=None, max_blur=1, max_occlusion=0, max_pose=0, invalid=False)
    result = []
    for entry in track(read_annotations(annotations, images)[:limit], "reading", transient=True):
        image = cv2.imread(str(entry.path))
        if image is None:
            continue
        chosen = count.apply(entry)
        factor = WIDTH / image.shape[1]
        small = np.asarray(
            cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8
        )
        boxes = (chosen.boxes * factor).astype(np.float32)
        too_small = boxes[:, 2:].min(axis=1, initial=np.inf) < SMALLEST if len(boxes) else np.zeros(0, bool)
        result.append((small, boxes, chosen.ignore | too_small))
    return result


def score(entry: Entry, found: NDArray[np.float32], boxes: NDArray[np.float32], ignore: Any) -> None:
    """Count the faces that were found, and the detections that are no face at all."""
    overlap = iou(boxes, found) >= MATCH
    entry.found += int((overlap.any(axis=1) & ~ignore).sum())
    entry.false += int((~overlap.any(axis=0)).sum())
    entry.faces += len(found)


def package_detector() -> Callable[[Image], NDArray[np.float32]]:
    path = Path(cv2.data.haarcascades) / "haarcascade_frontalface_default.xml"
    classifier = cv2.CascadeClassifier(str(path))

    def look(image: Image) -> NDArray[np.float32]:
        gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        size = (SMALLEST, SMALLEST)
        found = classifier.detectMultiScale(gray, scaleFactor=1.1, minNeighbors=5, minSize=size)
        return np.asarray(found, np.float32).reshape(-1, 4)

    return look


def ours(option: str, model: str) -> ExpressionRecognizer:
    name, *overrides = option.split()
    settings = [f"detector.{item}" for item in overrides]
    config = compose("detect", [f"detector={name}", *settings])
    return ExpressionRecognizer(instantiate(config.detector), model)


def looking(recogniser: ExpressionRecognizer) -> Callable[[Image], NDArray[np.float32]]:
    def look(image: Image) -> NDArray[np.float32]:
        return np.array([face.box for face in recogniser.recognize(image)], np.float32).reshape(-1, 4)

    return look


def moving(image: Image, count: int) -> Iterator[Frame]:
    """A film of a picture that sways by a few pixels."""
    height, width = image.shape[:2]
    for index in range(count):
        shift = np.array([[1, 0, 12 * np.sin(index / 15)], [0, 1, 6 * np.cos(index / 20)]], np.float32)
        moved = cv2.warpAffine(image, shift, (width, height), borderMode=cv2.BORDER_REPLICATE)
        yield Frame(np.asarray(moved, np.uint8), index, index / 25)


def video_seconds(
    recogniser: ExpressionRecognizer, package: Callable[[Image], Any], films: Sequence[Sequence[Frame]]
) -> tuple[float, float]:
    """Seconds per frame of a film, ours and the package's, which looks at every tenth frame in between."""
    ours, theirs = 0.0, []
    for film in films:
        following = recogniser.follow(film)
        for index, frame in enumerate(film):
            started = time.perf_counter()
            next(following)
            ours += time.perf_counter() - started
            if index % 10 == 0:
                started = time.perf_counter()
                package(frame.image)
                theirs.append(time.perf_counter() - started)
    return ours / sum(map(len, films)), float(np.mean(theirs))


def classification_speed(model: str) -> float:
    """Faces/s in batches of 8, one thread, the best of ten rounds."""
    classifier = load_classifier(model)
    side = classifier.info.preprocessing.size
    faces = np.random.default_rng(0).integers(0, 256, (64, side, side), dtype=np.uint8)
    best = np.inf
    for _ in range(10):
        started = time.perf_counter()
        classifier.probabilities(faces)
        best = min(best, time.perf_counter() - started)
    return len(faces) / best


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("annotations", type=Path)
    parser.add_argument("images", type=Path)
    parser.add_argument("--detectors", nargs="+", default=["alt2", "frontalface_default"])
    parser.add_argument("--model", default="mini_xception")
    parser.add_argument("--limit", type=int, help="only so many pictures")
    parser.add_argument("--films", type=int, default=3, help="pictures that become films of 100 frames")
    parser.add_argument("--threads", type=int, default=1, help="of OpenCV")
    options = parser.parse_args()
    cv2.setNumThreads(options.threads)
    pictures = frames(options.annotations, options.images, options.limit)
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        recognisers = {option: ours(option, options.model) for option in options.detectors}
    package = Entry("fer's detector (OpenCV default, 50 px, 5 neighbours)", package_detector())
    entries = [package, *(Entry(option, looking(r)) for option, r in recognisers.items())]
    for image, boxes, ignore in track(pictures, "looking", transient=True):
        for entry in entries:
            started = time.perf_counter()
            found = entry.look(image)
            entry.seconds += time.perf_counter() - started
            score(entry, found, boxes, ignore)
    films = [list(moving(image, 100)) for image, boxes, _ in pictures if len(boxes)][: options.films]
    total = sum(int((~ignore).sum()) for *_, ignore in pictures)
    table = Table(
        title=f"{len(pictures)} pictures, {total} faces from {SMALLEST} pixels, {options.threads} thread(s)"
    )
    for column in ("", "pictures/s", "ratio", "faces found", "false alarms", "video frames/s", "ratio"):
        table.add_column(column, justify="left" if not column else "right")
    base = package.seconds / len(pictures)
    for entry in entries:
        took = entry.seconds / len(pictures)
        row = [entry.name, f"{1 / took:.1f}", f"{base / took:.2f}", str(entry.found), str(entry.false)]
        if entry.name in recognisers:
            per_frame, theirs = video_seconds(recognisers[entry.name], package.look, films)
            row += [f"{1 / per_frame:.0f}", f"{theirs / per_frame:.1f}"]
        table.add_row(*row)
    console = Console(width=140)
    console.print(table)
    speed = classification_speed(options.model)
    console.print(
        f"classification: {speed:,.0f} faces/s on one thread; the package's TFLite {PACKAGE_FACES:,} "
        f"(measured on another day): {speed / PACKAGE_FACES:.1f}×"
    )


if __name__ == "__main__":
    main()
