"""Faces of fer2013 as a detector's positives: tight and expressive ones of all poses, which other sets lack.

    python -m benchmarks.fer_faces fer2013.csv OUT --detector outputs/cascade/without_them
    python -m cascade.prepare positives=OUT annotations=OUT/faces.dat ignore=OUT/ignore.dat negatives=OTHERS

Only Training faces. The data set frames them nearly alike, so that a canonical box follows from fer/crop.py; but one in
five lies elsewhere, and a detector that learns from a box beside the face learns that the face is none. So a detector
looks for each of them, and those remain where it agrees; their box is the mean of both. Nothing else is learned from
these pictures, which end where the face does.
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

AGREEMENT = 0.55
"""Least IoU of the detector's box with the data set's."""


def canonical_box(side: float) -> tuple[float, float, float, float]:
    """The face's box in a picture that the data set framed, of so many pixels: `Crop.squares` the other way round."""
    mean = side / FER2013_CROP.scale
    height = 2 * mean / (1 + ASPECT)
    width = height * ASPECT
    x = side / 2 - FER2013_CROP.dx * mean - width / 2
    y = side / 2 - FER2013_CROP.dy * mean - height / 2
    return x, y, width, height


def agreed_box(face: NDArray[np.uint8], detector: FaceDetector, rng: np.random.Generator) -> Box | None:
    """The mean of the data set's box and the detector's in a picture (48, 48), None where the two disagree."""
    placed = place(face, rng)
    left, top, side = placed.square
    expected = np.add(canonical_box(side), (left, top, 0, 0))
    found = detector.detect(placed.scene).boxes
    overlap = iou(expected[None], found)[0]
    if not len(found) or overlap.max() < AGREEMENT:
        return None
    mean = ((expected + found[overlap.argmax()]) / 2 - (left, top, 0, 0)) * len(face) / side
    return Box(*(round(float(value)) for value in mean))


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
    faces: dict[str, Box] = {}
    with whole(given.out, replace=False) as part:
        (part / "faces").mkdir(parents=True)
        for index in track(chosen, "looking for the faces", transient=True):
            if (box := agreed_box(images[index], detector, rng)) is not None:
                faces[name := f"faces/{index:05d}.png"] = box
                save_picture(part / name, images[index])
        write_positives(part / "faces.dat", [(name, [box]) for name, box in faces.items()])
        write_positives(part / "ignore.dat", [(name, [EVERYWHERE]) for name in faces])
    print(f"{given.out}: {len(faces)} of {len(chosen)} faces")


if __name__ == "__main__":
    main()
