"""How fast detectors are and how many faces they find, side by side on the same pictures, on one core.

    python -m benchmarks.face_speed wider_face_val_bbx_gt.txt WIDER_val/images
    python -m benchmarks.face_speed … --detectors alt2 mine/detector.onnx "{detector: yunet, width: 320}"

Detectors are named as `python -m cascade.evaluate` takes them: a name, a file or folder, or a mapping with settings.
The pictures are annotated ones, brought to 640 pixels of width. Faces are counted on all of them, by curves as in
`cascade.evaluate`: of boosted cascades from one hit beyond the first on, of detectors with a threshold far below it.
Times, with each detector as it is set, are milliseconds of processor time a picture, with one thread, on some of
these pictures cut to 640×480 or extended to it by their own reflection. The detectors take turns picture by picture:
`ms` is the mean of each picture's fastest round, `median` that of the rounds' means, and `ratio` says how
many times as fast as the reference a detector is.
"""

import argparse
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from omegaconf import OmegaConf
from rich.console import Console
from rich.progress import track
from rich.table import Table

from cascade.evaluation.choice import build_detectors
from cascade.evaluation.compare import Comparison, compare
from cascade.evaluation.speed import take_times
from cascade.evaluation.truth import FaceFilter
from cascade.pictures import Image, read_picture, save_picture
from cascade.samples.annotations import read_annotations
from cascade.samples.image_annotations import ImageAnnotations

WIDTH, HEIGHT = 640, 480
MATCH = 0.4  # least IoU, as in configs/cascade/evaluate.yaml


def scaled(image: Image) -> Image:
    """A picture at the common width."""
    size = WIDTH, max(1, round(image.shape[0] * WIDTH / image.shape[1]))
    way = cv2.INTER_AREA if image.shape[1] > WIDTH else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size, interpolation=way), np.uint8)


def framed(image: Image) -> Image:
    """A picture at the common width and height: its middle, or all of it between its own reflections."""
    small = scaled(image)
    surplus = small.shape[0] - HEIGHT
    if surplus > 0:
        return np.ascontiguousarray(small[surplus // 2 :][:HEIGHT])
    above = -surplus // 2
    return np.asarray(cv2.copyMakeBorder(small, above, -surplus - above, 0, 0, cv2.BORDER_REFLECT), np.uint8)


def counted(entries: Iterable[ImageAnnotations], count: FaceFilter, folder: Path) -> Iterator[ImageAnnotations]:
    """The annotations of pictures at the common width; each lies in the folder until the next is asked for."""
    for entry in entries:
        image = read_picture(entry.path)
        path = save_picture(folder / "picture.bmp", scaled(image))
        yield count.apply(replace(entry, path=path, boxes=entry.boxes * (WIDTH / image.shape[1])))


def choice(text: str) -> str | Mapping[str, Any]:
    """A detector as the command line names it: a name, a path, or a mapping in YAML's braces."""
    if not text.startswith("{"):
        return text
    return {str(key): value for key, value in OmegaConf.create(text).items()}


def table(
    comparison: Comparison, milliseconds: Mapping[str, tuple[float, float]], reference: str, at: list[int]
) -> Table:
    """The figures of every detector; `milliseconds` are the fastest and the median ones."""
    result = Table("detector", "ms", "median", "ratio", *(f"found @{wrong}" for wrong in at))
    for column in result.columns[1:]:
        column.justify = "right"
    for name, one in comparison.results.items():
        fastest, median = milliseconds[name]
        ratio = milliseconds[reference][0] / fastest
        rates = (f"{one.curve.rate_at(wrong):.1%}" for wrong in at)
        result.add_row(name, f"{fastest:.1f}", f"{median:.1f}", f"{ratio:.2f}", *rates)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("annotations", type=Path)
    parser.add_argument("images", type=Path)
    parser.add_argument("--detectors", nargs="+", type=choice, default=["frontalface_lbp", "alt2"])
    parser.add_argument("--reference", help="the detector of ratio 1; the first if not named")
    parser.add_argument("--min-size", type=float, default=15, help="least sides of faces that count, in these pictures")
    parser.add_argument("--false-alarms", nargs="+", type=int, default=[10, 65], help="over all pictures")
    parser.add_argument("--limit", type=int, help="only so many pictures")
    parser.add_argument("--timed", type=int, default=30, help="how many of the pictures are timed")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    detectors = build_detectors(options.detectors, {})
    reference = options.reference or next(iter(detectors))
    if reference not in detectors:
        parser.error(f"--reference is none of {', '.join(detectors)}")
    entries = read_annotations(options.annotations, options.images)[: options.limit]
    with tempfile.TemporaryDirectory() as folder:
        pictures = counted(track(entries, "counting", transient=True), FaceFilter(options.min_size), Path(folder))
        comparison = compare(detectors, pictures, iou=MATCH, sweep=[1])
    timed = [framed(read_picture(entry.path)) for entry in entries[:: max(1, len(entries) // options.timed)]]
    seconds = take_times(detectors, timed[: options.timed], 1, options.rounds, time.process_time)
    fastest, median = seconds.min(axis=0).mean(axis=0), np.median(seconds.mean(axis=1), axis=0)
    milliseconds = dict(zip(detectors, zip(1000 * fastest, 1000 * median, strict=True), strict=True))
    faces = sum(int((~entry.ignore).sum()) for entry in comparison.images)
    console = Console(width=140)
    console.print(table(comparison, milliseconds, reference, options.false_alarms))
    console.print(
        f"{faces} faces from {options.min_size:g} pixels in {len(entries)} pictures of {WIDTH} pixels of width; "
        f"{seconds.shape[1]} of them timed at {WIDTH}×{HEIGHT}, {options.rounds} rounds; ratio: {reference} 1"
    )


if __name__ == "__main__":
    main()
