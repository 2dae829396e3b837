"""Lists for training on `faces_wild`: faces of research data sets, in the pictures that they were found in.

    python -m benchmarks.wild_faces FACES_WILD OUT
    python -m cascade.prepare positives=FACES_WILD annotations=OUT/faces.dat ignore=OUT/ignore.dat negatives=OTHERS

FACES_WILD holds gray pictures, `faces.csv` with a row for each face in them, and `sources.csv` with a row for each
picture. Of a face there is a tight box, and one in the framing of the canonical box where its landmarks are known: the
latter becomes a positive. Faces without one, and those that are masked, tiny, cut or unsure, are regions to ignore. So
is all the rest of a picture whose source does not annotate bystanders.
"""

import argparse
import csv
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path

from cascade.boxes import Box
from cascade.samples.lists import write_positives

UNFINISHED = ("chan", "lfw", "utk")
"""Sources with faces that are not annotated."""
EVERYWHERE = Box(-10000, -10000, 20000, 20000)


def convert(faces_wild: Path, out: Path) -> Counter[str]:
    """Write `faces.dat` and `ignore.dat`, OpenCV's info lists with paths below FACES_WILD; count what they hold."""
    faces: dict[str, list[Box]] = defaultdict(list)
    ignored: dict[str, list[Box]] = defaultdict(list)
    with (faces_wild / "faces.csv").open(newline="", encoding="utf-8") as handle:
        for row in csv.DictReader(handle):
            if row["list"] != "ignore" and row["class"] == "face" and row["px"]:
                faces[row["file"]].append(Box(*(round(value) for value in _numbers(row, "px", "py", "pw", "ph"))))
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


def _numbers(row: Mapping[str, str], *columns: str) -> list[float]:
    return [float(row[column]) for column in columns]


def main() -> None:
    """Read the arguments and write the lists."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("faces_wild", type=Path, help="folder with images/, faces.csv and sources.csv")
    parser.add_argument("out", type=Path, help="folder for faces.dat and ignore.dat")
    given = parser.parse_args()
    counts = convert(given.faces_wild, given.out)
    print(f"{given.out}: {counts['faces']} faces, {counts['ignore']} regions to ignore")


if __name__ == "__main__":
    main()
