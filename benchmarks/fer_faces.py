"""Faces of fer2013 as a detector's positives: tight and expressive ones of all poses, which other sets lack.

    python -m benchmarks.fer_faces fer2013.csv OUT
    python -m cascade.prepare positives=OUT annotations=OUT/faces.dat ignore=OUT/ignore.dat negatives=OTHERS

Only Training faces. The data set frames them all alike, so that the canonical box follows from fer/crop.py; nothing
else is learned from these pictures, which end where the face does.
"""

import argparse
from pathlib import Path

import numpy as np

from benchmarks.wild_faces import EVERYWHERE
from cascade.boxes import Box
from cascade.files import whole
from cascade.pictures import save_picture
from cascade.samples.lists import write_positives
from fer.crop import FER2013_CROP
from fer.data.fer2013 import Fer2013

ASPECT = 7 / 8


def canonical_box(side: int) -> Box:
    """The face's box in a picture that the data set framed, of so many pixels: `Crop.squares` the other way round."""
    mean = side / FER2013_CROP.scale
    height = 2 * mean / (1 + ASPECT)
    width = height * ASPECT
    x = side / 2 - FER2013_CROP.dx * mean - width / 2
    y = side / 2 - FER2013_CROP.dy * mean - height / 2
    return Box(*(round(value) for value in (x, y, width, height)))


def main() -> None:
    """Read the arguments and write the pictures and their lists."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("csv", type=Path, help="fer2013.csv")
    parser.add_argument("out", type=Path, help="folder to make, for faces/, faces.dat and ignore.dat")
    parser.add_argument("--share", type=float, default=0.4, help="of the Training faces, drawn by --seed (0.4)")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    images = Fer2013(given.csv).load()["train"].images.numpy().reshape(-1, 48, 48)
    chosen = np.sort(np.random.default_rng(given.seed).permutation(len(images))[: round(given.share * len(images))])
    names = [f"faces/{index:05d}.png" for index in chosen]
    with whole(given.out, replace=False) as part:
        (part / "faces").mkdir(parents=True)
        for name, index in zip(names, chosen, strict=True):
            save_picture(part / name, images[index])
        write_positives(part / "faces.dat", [(name, [canonical_box(48)]) for name in names])
        write_positives(part / "ignore.dat", [(name, [EVERYWHERE]) for name in names])
    print(f"{given.out}: {len(names)} faces")


if __name__ == "__main__":
    main()
