"""Faces of fer2013 as a detector's positives: tight and expressive ones of all poses, which other sets lack.

    python -m benchmarks.fer_faces fer2013.csv OUT --detector outputs/cascade/without_them
    python -m cascade.prepare positives=OUT annotations=OUT/faces.dat ignore=OUT/ignore.dat negatives=OTHERS

Only Training faces. The data set frames them nearly alike, so that a canonical box follows from fer/crop.py; but one in
five lies elsewhere, and a detector that learns from a box beside the face learns that the face is none. So a detector
looks for each of them, and those remain where it agrees. Nothing else is learned from these pictures, which end where
the face does.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from benchmarks.crop_fit import place
from benchmarks.wild_faces import ASPECT, EVERYWHERE
from cascade import FaceDetector
from cascade.boxes import Box, iou
from cascade.evaluation.choice import build_detectors
from cascade.files import whole
from cascade.pictures import save_picture
from cascade.samples.lists import write_positives
from fer.crop import FER2013_CROP
from fer.data.fer2013 import Fer2013

AGREEMENT = 0.5
"""Least IoU of the detector's box with the data set's."""


def canonical_box(side: float) -> tuple[float, float, float, float]:
    """The face's box in a picture that the data set framed, of so many pixels: `Crop.squares` the other way round."""
    mean = side / FER2013_CROP.scale
    height = 2 * mean / (1 + ASPECT)
    width = height * ASPECT
    x = side / 2 - FER2013_CROP.dx * mean - width / 2
    y = side / 2 - FER2013_CROP.dy * mean - height / 2
    return x, y, width, height


def agrees(face: NDArray[np.uint8], detector: FaceDetector, rng: np.random.Generator) -> bool:
    """Whether a detector finds the face of a picture (48, 48) where the data set's framing says."""
    placed = place(face, rng)
    left, top, side = placed.square
    expected = np.add(canonical_box(side), (left, top, 0, 0))
    found = detector.detect(placed.scene).boxes
    return bool(iou(expected[None], found).max(initial=0.0) >= AGREEMENT)


def main() -> None:
    """Read the arguments and write the pictures and their lists."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("csv", type=Path, help="fer2013.csv")
    parser.add_argument("out", type=Path, help="folder to make, for faces/, faces.dat and ignore.dat")
    parser.add_argument("--detector", required=True, help="a detector's name, or the folder of a training without them")
    parser.add_argument("--share", type=float, default=0.4, help="of the Training faces, drawn by --seed (0.4)")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    images = Fer2013(given.csv).load()["train"].images.numpy().reshape(-1, 48, 48)
    chosen = np.sort(np.random.default_rng(given.seed).permutation(len(images))[: round(given.share * len(images))])
    (detector,) = build_detectors([given.detector], {}).values()
    rng = np.random.default_rng(given.seed)
    box, faces = Box(*map(round, canonical_box(48.0))), []
    with whole(given.out, replace=False) as part:
        (part / "faces").mkdir(parents=True)
        for index in track(chosen, "looking for the faces", transient=True):
            if agrees(images[index], detector, rng):
                faces.append(name := f"faces/{index:05d}.png")
                save_picture(part / name, images[index])
        write_positives(part / "faces.dat", [(name, [box]) for name in faces])
        write_positives(part / "ignore.dat", [(name, [EVERYWHERE]) for name in faces])
    print(f"{given.out}: {len(faces)} of {len(chosen)} faces")


if __name__ == "__main__":
    main()
