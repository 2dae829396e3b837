"""The crop that leads from the canonical box of a face to fer2013's framing, and what it costs in accuracy.

    python -m benchmarks.crop_fit fer2013.csv                 # all cascades
    python -m benchmarks.crop_fit fer2013.csv --detectors frontalface_lbp "alt2 min_size=60"

Faces of fer2013 are enlarged and placed in drawn scenes; each detector looks for them. The crop (margin
and offset in units of the box) that leads from the first detector's boxes back to the data set's own framing
is fitted on Training faces. The PublicTest faces that each detector finds are then read twice: as the
data set frames them and as that one crop does. Its values stand in fer/crop.py, from where training takes
them into models.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from cascade import FaceDetector
from cascade.boxes import iou
from cascade.command import CONFIGS
from cascade.drawn.backgrounds import draw_background
from cascade.pictures import to_gray
from fer.crop import Crop, crop_faces
from fer.data.fer2013 import Fer2013
from fer.inference.classifier import Classifier, load_classifier
from fer.preprocessing import Preprocessing

DETECTORS = ("frontalface_lbp", "alt2", "alt", "frontalface_default", "alt_tree")
SCENE = 240  # pixels, side of a scene
FACE = 112  # mean side of a placed face
MATCH = 0.25  # least IoU of a detection with the placed face
SCALES = np.linspace(0.88, 1.16, 8)  # about the median, tried for the network's agreement
Array = NDArray[np.float32]


@dataclass(frozen=True)
class Placed:
    """A face of the data set in a scene: the scene, gray, and the square it was placed in."""

    scene: NDArray[np.uint8]
    square: tuple[int, int, int]


def place(face: NDArray[np.uint8], rng: np.random.Generator) -> Placed:
    """Enlarge a face by a random factor and put it somewhere into a drawn place, its edges blended."""
    scene = to_gray(draw_background(rng, SCENE, SCENE).astype(np.uint8))
    side = int(FACE * rng.uniform(0.8, 1.25))
    left, top = (int(v) for v in rng.integers(10, SCENE - side - 10, 2))
    large = cv2.resize(face, (side, side), interpolation=cv2.INTER_CUBIC)
    # heads go on beyond the data set's frame: repeat its border, and fade that into the place
    margin = 9
    ramp = np.minimum(np.arange(1, side + 2 * margin + 1), np.arange(side + 2 * margin, 0, -1)) / (margin + 1)
    weight = np.minimum(np.minimum.outer(ramp, ramp), 1.0)
    padded = cv2.copyMakeBorder(large, margin, margin, margin, margin, cv2.BORDER_REPLICATE)
    region = np.s_[top - margin : top + side + margin, left - margin : left + side + margin]
    scene[region] = np.rint(weight * padded + (1 - weight) * scene[region]).astype(np.uint8)
    return Placed(scene, (left, top, side))


@dataclass(frozen=True)
class Found:
    """The placed faces that a detector found, with its box and the label of each."""

    placed: list[Placed]
    boxes: Array
    labels: NDArray[np.int64]

    @property
    def squares(self) -> Array:
        """As the data set frames them: boxes (N, 4)."""
        return np.array([[*one.square, one.square[2]] for one in self.placed], np.float32)


def find(detector: FaceDetector, placed: Sequence[Placed], labels: NDArray[np.int64], description: str) -> Found:
    """Look for every placed face; it counts with the detection that overlaps it most, if that does enough."""
    kept, boxes = [], []
    for index, one in enumerate(track(placed, description, transient=True)):
        left, top, side = one.square
        found = detector.detect(one.scene).boxes
        overlap = iou(np.array([[left, top, side, side]]), found)[0]
        if len(found) and overlap.max() >= MATCH:
            kept.append(index)
            boxes.append(found[overlap.argmax()])
    return Found([placed[index] for index in kept], np.array(boxes, np.float32).reshape(-1, 4), labels[kept])


def fit(found: Found, model: Classifier) -> Crop:
    """The crop with which the network says most nearly what it says of the data set's own framing.

    Boxes that jitter lose less with a slightly different margin than the median one. (Accuracy itself is too
    coarse to choose by: on Training faces it picks noise.)
    """
    preprocessing = model.info.preprocessing
    mean = found.boxes[:, 2:].mean(axis=1)
    centres = [boxes[:, :2] + boxes[:, 2:] / 2 for boxes in (found.squares, found.boxes)]
    dx, dy = np.median((centres[0] - centres[1]) / mean[:, None], axis=0)
    median = np.median(found.squares[:, 2] / mean)
    wanted = model.probabilities(cut(found, found.squares, Crop(), preprocessing))

    def divergence(crop: Crop) -> float:
        """Mean Kullback-Leibler divergence from the probabilities wanted."""
        given = model.probabilities(cut(found, found.boxes, crop, preprocessing))
        return float((wanted * np.log((wanted + 1e-6) / (given + 1e-6))).sum(axis=1).mean())

    best = min((Crop(float(median * factor), float(dx), float(dy)) for factor in SCALES), key=divergence)
    print(f"median scale {median:.3f}")
    return Crop(round(best.scale, 3), round(best.dx, 3), round(best.dy, 3))


def cut(found: Found, boxes: Array, crop: Crop, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """Each face out of its own scene, uint8 (N, size, size)."""
    pairs = zip(found.placed, boxes, strict=True)
    return np.concatenate([crop_faces(one.scene, box[None], crop, preprocessing) for one, box in pairs])


def accuracies(found: Found, crop: Crop, model: Classifier) -> list[float]:
    """Shares of right answers: with the data set's own framing, the boxes as they are, and the crop."""
    framings = ((found.squares, Crop()), (found.boxes, Crop()), (found.boxes, crop))
    faces = (cut(found, boxes, one, model.info.preprocessing) for boxes, one in framings)
    return [float((model.probabilities(each).argmax(axis=1) == found.labels).mean()) for each in faces]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="fer2013.csv, with Training and PublicTest")
    parser.add_argument(
        "--detectors", nargs="+", default=DETECTORS, help="names of configs/detector; the first is fitted"
    )
    parser.add_argument("--model", default="mini_xception", help="name, .onnx or .ckpt")
    parser.add_argument("--fit", type=int, default=1500, help="Training faces to fit on")
    parser.add_argument("--test", type=int, default=3589, help="PublicTest faces to measure on")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    splits = Fer2013(path=str(options.data)).load()
    rng = np.random.default_rng(options.seed)
    sets: list[tuple[list[Placed], NDArray[np.int64]]] = []
    for faces, count in ((splits["train"], options.fit), (splits["val"], options.test)):
        chosen = np.sort(rng.permutation(len(faces))[:count])
        images = faces.images[:, 0].numpy()[chosen]
        placed = [place(image, rng) for image in track(images, "placing faces", transient=True)]
        sets.append((placed, faces.hard_labels.numpy()[chosen]))
    model = load_classifier(options.model)
    table = Table(title=f"{len(sets[1][0])} PublicTest faces placed in scenes, read by {options.model}")
    for column in ("detector", "found", "own crop", "box as it is", "the crop", "loss, points"):
        table.add_column(column)
    crop: Crop | None = None
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        for option in options.detectors:
            name, *settings = option.split()
            config = compose(f"detector/{name}", [f"detector.{setting}" for setting in settings])
            detector = instantiate(config.detector)
            if crop is None:
                crop = fit(find(detector, *sets[0], f"{option}, fit"), model)
                print(f"fitted on {option}: {crop}")
            found = find(detector, *sets[1], f"{option}, test")
            own, box, cropped = accuracies(found, crop, model)
            share = f"{len(found.placed) / len(sets[1][0]):.1%}"
            table.add_row(option, share, *(f"{v:.2%}" for v in (own, box, cropped)), f"{100 * (own - cropped):+.2f}")
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
