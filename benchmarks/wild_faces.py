"""Lists for training on `faces_wild`: faces of research data sets, in the pictures that they were found in.

    python -m benchmarks.wild_faces FACES_WILD OUT [--turned 0.25]
    python -m cascade.prepare positives=FACES_WILD annotations=OUT/faces.dat ignore=OUT/ignore.dat negatives=OTHERS

FACES_WILD holds gray pictures, `faces.csv` with a row for each face in them, and `sources.csv` with a row for each
picture. Of a face there is a tight box, and where its landmarks are known one in the framing of the canonical box,
which becomes a positive. On faces that turn away landmarks crowd at the front of the head, and a box around them leaves
the face: the more a face turns, the more its tight box counts. Faces without landmarks, and those that are masked,
tiny, cut or unsure, are regions to ignore. So is all the rest of a picture whose source does not annotate bystanders,
and with --turned every face whose nose lies further from the middle of the eyes than that, in their distance.
"""

import argparse
import csv
import math
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path

from cascade.boxes import Box
from cascade.samples.lists import write_positives

UNFINISHED = ("chan", "lfw", "utk")
"""Sources with faces that are not annotated."""
EVERYWHERE = Box(-10000, -10000, 20000, 20000)
TURNED = 0.1, 0.4
"""The nose's offset from the middle of the eyes, in their distance: landmarks alone count up to the first, from the
second on the tight box alone."""
TALL, ASPECT = 0.9, 7 / 8
"""Height of the canonical box of a face that looks ahead, in heights of its tight one, and width over height."""


def convert(faces_wild: Path, out: Path, turned: float = math.inf) -> Counter[str]:
    """Write `faces.dat` and `ignore.dat`, OpenCV's info lists with paths below FACES_WILD; count what they hold.

    Faces that are `turned` as far or further are ignored.
    """
    faces: dict[str, list[Box]] = defaultdict(list)
    ignored: dict[str, list[Box]] = defaultdict(list)
    with (faces_wild / "faces.csv").open(newline="", encoding="utf-8") as handle:
        for row in csv.DictReader(handle):
            if row["list"] != "ignore" and row["class"] == "face" and row["px"]:
                ahead = abs(_numbers(row, "yaw_proxy")[0]) < turned
                (faces if ahead else ignored)[row["file"]].append(canonical_box(row))
            else:
                ignored[row["file"]].append(Box.around(_numbers(row, "x", "y", "w", "h")))
    with (faces_wild / "sources.csv").open(newline="", encoding="utf-8") as handle:
        unfinished = [row["file"] for row in csv.DictReader(handle) if row["source"] in UNFINISHED]
    for file in unfinished:
        ignored[file].append(EVERYWHERE)
    out.mkdir(parents=True, exist_ok=True)
    counts: Counter[str] = Counter()
    for name, boxes in (("faces", faces), ("ignore", ignored)):
        write_positives(out / f"{name}.dat", sorted(boxes.items()))
        counts[name] = sum(map(len, boxes.values()))
    return counts


def canonical_box(row: Mapping[str, str]) -> Box:
    """The canonical box of a face whose landmarks are known."""
    (yaw,) = _numbers(row, "yaw_proxy")
    least, most = TURNED
    turned = min(max((abs(yaw) - least) / (most - least), 0), 1)
    x, y, width, height = _numbers(row, "x", "y", "w", "h")
    tall = TALL * height
    by_tight_box = (x + width / 2 - ASPECT * tall / 2, y + height / 2 - tall / 2, ASPECT * tall, tall)
    by_landmarks = _numbers(row, "px", "py", "pw", "ph")
    pairs = zip(by_landmarks, by_tight_box, strict=True)
    return Box(*(round((1 - turned) * one + turned * other) for one, other in pairs))


def _numbers(row: Mapping[str, str], *columns: str) -> list[float]:
    return [float(row[column]) for column in columns]


def main() -> None:
    """Read the arguments and write the lists."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("faces_wild", type=Path, help="folder with images/, faces.csv and sources.csv")
    parser.add_argument("out", type=Path, help="folder for faces.dat and ignore.dat")
    parser.add_argument("--turned", type=float, default=math.inf, help="ignore faces that turn as far or further")
    given = parser.parse_args()
    counts = convert(given.faces_wild, given.out, given.turned)
    print(f"{given.out}: {counts['faces']} faces, {counts['ignore']} regions to ignore")


if __name__ == "__main__":
    main()
