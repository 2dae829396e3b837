"""How fast and how well faces are found and read, side by side on the same frames and cores.

    python -m benchmarks.detect_speed annotations.txt images/ --package /path/of/an/environment/bin/python
    python -m benchmarks.detect_speed … --detectors alt2 "frontalface_lbp scale_factor=1.1"

The frames are annotated pictures (WIDER FACE's text, OpenCV's info list …), brought to 640 pixels
of width. The reference, 1.0, is the PyPI package `fer` (smallest face 50 pixels, scale 1.1, 5 neighbours),
run by the Python of an environment of its own: `python -m venv other && other/bin/pip install fer==25.10.3`.
Without `--package` its part is taken by what it spends 95% of its time in, OpenCV's detector with these
settings. All take turns, frame by frame, so that a busy machine slows them alike; what counts are the ratios.
Times are from the decoded picture to the expressions. Video is pictures that move slowly, followed with the
defaults of detect.py; the reference looks at every tenth of those frames. To compare single threads, run it
under `taskset -c 0`.
"""

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
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
from cascade.boxes import iou
from cascade.detectors.names import find_cascade
from cascade.evaluation.truth import FaceFilter
from cascade.pictures import Image
from cascade.samples.annotations import read_annotations
from fer.inference import ExpressionRecognizer
from fer.inference.classifier import load_classifier
from fer.inference.frames import Frame

WIDTH = 640
MATCH = 0.4
SMALLEST = 50  # pixels, the package's smallest face
SAMPLED = 10  # the reference looks at every so many-th frame of a film
BATCH = 8  # faces of a frame that are classified together
Boxes = NDArray[np.float32]
#: A frame's number and picture to the boxes found in it and the seconds that this took.
Look = Callable[[int, Image], tuple[Boxes, float]]


@dataclass
class Entry:
    """One contender: how it looks at a frame, and what came of it."""

    name: str
    look: Look
    seconds: float = 0.0
    found: int = 0
    found_large: int = 0
    false: int = 0

    def score(self, boxes: Boxes, found: Boxes, ignore: NDArray[np.bool_], large: NDArray[np.bool_]) -> None:
        """Count the faces that were found, and the detections that are no face at all."""
        overlap = iou(boxes, found) >= MATCH
        hit = overlap.any(axis=1) & ~ignore
        self.found += int(hit.sum())
        self.found_large += int((hit & large).sum())
        self.false += int((~overlap.any(axis=0)).sum())


@dataclass(frozen=True)
class Picture:
    """An annotated picture: boxes (N, 4), and which of them do not count, and which are large (N,)."""

    image: Image
    boxes: Boxes
    ignore: NDArray[np.bool_]
    large: NDArray[np.bool_]


class Package:
    """The package in a process of its own, that waits while others are timed."""

    def __init__(self, python: Path, images: dict[str, Image], threads: int) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "frames.npz"
            np.savez(path, **images)  # type: ignore[arg-type]
            worker = Path(__file__).with_name("package_worker.py")
            self._process = subprocess.Popen(
                [str(python), str(worker), str(path), str(threads)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            self.classify_seconds(1)  # the frames are read, the models loaded

    def look(self, key: int, image: Image) -> tuple[Boxes, float]:
        """Find and read the faces of a frame that it was given at the start."""
        answer = self._ask(f"frame {key}")
        return np.array(answer["boxes"], np.float32).reshape(-1, 4), answer["seconds"]

    def classify_seconds(self, faces: int) -> float:
        """Seconds to classify so many faces of one frame."""
        return float(self._ask(f"faces {faces}")["seconds"])

    def _ask(self, request: str) -> Any:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(request + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise SystemExit("the package's process ended: see its message above")
        return json.loads(answer)


def read_pictures(annotations: Path, images: Path, limit: int | None) -> list[Picture]:
    """Annotated pictures at 640 pixels of width. Every face that is clear, upright and in the open counts."""
    count = FaceFilter(min_size=None, max_blur=1, max_occlusion=0, max_pose=0, invalid=False)
    result = []
    for entry in track(read_annotations(annotations, images)[:limit], "reading", transient=True):
        image = cv2.imread(str(entry.path))
        if image is None:
            continue
        chosen = count.apply(entry)
        factor = WIDTH / image.shape[1]
        small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        boxes = (chosen.boxes * factor).astype(np.float32).reshape(-1, 4)
        large = boxes[:, 2:].min(axis=1, initial=np.inf) >= SMALLEST
        result.append(Picture(np.asarray(small, np.uint8), boxes, chosen.ignore, large))
    return result


def package_detector() -> Look:
    path = find_cascade("frontalface_default")
    classifier = cv2.CascadeClassifier(str(path))

    def look(key: int, image: Image) -> tuple[Boxes, float]:
        started = time.perf_counter()
        gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        size = (SMALLEST, SMALLEST)
        found = classifier.detectMultiScale(gray, scaleFactor=1.1, minNeighbors=5, minSize=size)
        return np.asarray(found, np.float32).reshape(-1, 4), time.perf_counter() - started

    return look


def ours(option: str, model: str, threads: int) -> ExpressionRecognizer:
    name, *overrides = option.split()
    settings = [f"detector.{item}" for item in overrides]
    config = compose(f"detector/{name}", settings)
    return ExpressionRecognizer(instantiate(config.detector), load_classifier(model, threads))


def looking(recogniser: ExpressionRecognizer) -> Look:
    def look(key: int, image: Image) -> tuple[Boxes, float]:
        started = time.perf_counter()
        faces = recogniser.recognize(image)
        seconds = time.perf_counter() - started
        return np.array([face.box for face in faces], np.float32).reshape(-1, 4), seconds

    return look


def moving(image: Image, count: int) -> Iterator[Frame]:
    """A film of a picture that sways by a few pixels."""
    height, width = image.shape[:2]
    for index in range(count):
        shift = np.array([[1, 0, 12 * np.sin(index / 15)], [0, 1, 6 * np.cos(index / 20)]], np.float32)
        moved = cv2.warpAffine(image, shift, (width, height), borderMode=cv2.BORDER_REPLICATE)
        yield Frame(np.asarray(moved, np.uint8), index, index / 25)


def video_seconds(
    recogniser: ExpressionRecognizer, reference: Look, films: dict[int, list[Frame]]
) -> tuple[float, float]:
    """Seconds per frame of films, ours and the reference's."""
    ours, theirs = 0.0, []
    for number, film in films.items():
        following = recogniser.follow(film)
        for frame in film:
            started = time.perf_counter()
            next(following)
            ours += time.perf_counter() - started
            if frame.index % SAMPLED == 0:
                theirs.append(reference(film_key(number, frame.index), frame.image)[1])
    return ours / sum(map(len, films.values())), float(np.mean(theirs))


def film_key(film: int, index: int) -> int:
    """The number under which a film's frame is known to the package's process."""
    return 1_000_000 * (film + 1) + index


def classification(recogniser: ExpressionRecognizer, package: Package | None) -> tuple[float, float | None]:
    """Faces/s in batches as large as a frame's, ours and the package's, the best of rounds."""
    side = recogniser.info.preprocessing.size
    faces = np.random.default_rng(0).integers(0, 256, (BATCH, side, side), dtype=np.uint8)
    ours, theirs = [], []
    for _ in range(60):
        started = time.perf_counter()
        recogniser.classifier.probabilities(faces)
        ours.append(time.perf_counter() - started)
        if package is not None:
            theirs.append(package.classify_seconds(BATCH))
    return BATCH / min(ours), BATCH / min(theirs) if theirs else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("annotations", type=Path)
    parser.add_argument("images", type=Path)
    parser.add_argument("--detectors", nargs="+", default=["frontalface_lbp", "alt2"])
    parser.add_argument("--package", type=Path, help="a Python that has the package")
    parser.add_argument("--model", default="small_resnet")
    parser.add_argument("--limit", type=int, help="only so many pictures")
    parser.add_argument("--films", type=int, default=3, help="pictures that become films of 100 frames")
    parser.add_argument("--threads", type=int, default=1, help="of OpenCV and of our classifier")
    options = parser.parse_args()
    cv2.setNumThreads(options.threads)
    pictures = read_pictures(options.annotations, options.images, options.limit)
    chosen = [picture.image for picture in pictures if len(picture.boxes)][: options.films]
    films = {number: list(moving(image, 100)) for number, image in enumerate(chosen)}
    package = None
    if options.package:
        stills = {str(key): picture.image for key, picture in enumerate(pictures)}
        sampled = {
            str(film_key(number, frame.index)): frame.image
            for number, film in films.items()
            for frame in film[::SAMPLED]
        }
        package = Package(options.package, {**stills, **sampled}, options.threads)
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        recognisers = {option: ours(option, options.model, options.threads) for option in options.detectors}
    name = "the package fer" if package else "the package's detector"
    reference = Entry(name, package.look if package else package_detector())
    entries = [reference, *(Entry(option, looking(r)) for option, r in recognisers.items())]
    for key, picture in enumerate(track(pictures, "looking", transient=True)):
        for entry in entries:
            found, seconds = entry.look(key, picture.image)
            entry.seconds += seconds
            entry.score(picture.boxes, found, picture.ignore, picture.large)
    counted = sum(int((~picture.ignore).sum()) for picture in pictures)
    large = sum(int((~picture.ignore & picture.large).sum()) for picture in pictures)
    table = Table(title=f"{len(pictures)} pictures, {options.threads} thread(s)")
    heads = ("", "pictures/s", "ratio", f"of {counted} faces", f"of {large} from {SMALLEST} px", "false alarms")
    for column in (*heads, "video frames/s", "ratio"):
        table.add_column(column, justify="left" if not column else "right")
    base = reference.seconds / len(pictures)
    for entry in entries:
        took = entry.seconds / len(pictures)
        counts = (str(count) for count in (entry.found, entry.found_large, entry.false))
        row = [entry.name, f"{1 / took:.1f}", f"{base / took:.2f}", *counts]
        if entry.name in recognisers:
            per_frame, theirs = video_seconds(recognisers[entry.name], reference.look, films)
            row += [f"{1 / per_frame:.0f}", f"{theirs / per_frame:.1f}"]
        table.add_row(*row)
    console = Console(width=140)
    console.print(table)
    speed, package_speed = classification(next(iter(recognisers.values())), package)
    beside = f", the package {package_speed:,.0f}: {speed / package_speed:.1f}×" if package_speed else ""
    console.print(f"classification, {BATCH} faces a frame: {speed:,.0f} faces/s{beside}")


if __name__ == "__main__":
    main()
