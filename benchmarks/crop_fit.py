"""How detectors frame the faces of fer2013, and what reading their crops costs in accuracy.

    python -m benchmarks.crop_fit fer2013.csv                 # all detectors that can be loaded
    python -m benchmarks.crop_fit fer2013.csv --detectors alt2 frontalface_lbp --write

Faces of fer2013 are enlarged and placed in drawn scenes; each detector looks for them. The crop (margin
and offset in units of the detector's box) that leads from its boxes back to the data set's own framing is
fitted on Training faces. The PublicTest faces that are found are then read twice: as the data
set frames them and as the detector's crop does. `--write` puts the crops into fer/weights/crops.json, from
where `python -m fer.export` takes them into models.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
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
from cascade import FaceDetector as Detector
from cascade.boxes import iou
from cascade.drawn.backgrounds import draw_background
from fer.data.fer2013 import Fer2013
from fer.inference.classifier import Classifier, load_classifier
from fer.inference.crop import Crop, crop_faces, to_gray
from fer.inference.detector import detector_name
from fer.inference.model_info import DEFAULT_CROP, MEASURED_CROPS
from fer.preprocessing import Preprocessing

DETECTORS = ("alt", "alt2", "alt_tree", "frontalface_default", "frontalface_lbp")
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


def find(detector: Detector, placed: Sequence[Placed], description: str) -> list[Array | None]:
    """The box of each placed face: the detection that overlaps it most, None where none does enough."""
    boxes: list[Array | None] = []
    for one in track(placed, description, transient=True):
        left, top, side = one.square
        found = detector.detect(one.scene).boxes
        overlap = iou(np.array([[left, top, side, side]], np.float32), found)[0] if len(found) else np.zeros(1)
        boxes.append(found[overlap.argmax()] if overlap.max() >= MATCH else None)
    return boxes


def fit(squares: NDArray[np.float64], boxes: Array) -> Crop:
    """The median crop from boxes (N, 4) to squares (N, 3) left, top, side."""
    mean = boxes[:, 2:].mean(axis=1)
    centre = boxes[:, :2] + boxes[:, 2:] / 2
    shift = (squares[:, :2] + squares[:, 2:] / 2 - centre) / mean[:, None]
    dx, dy = np.median(shift, axis=0)
    return Crop(float(np.median(squares[:, 2] / mean)), float(dx), float(dy))


def accuracy(model: Classifier, faces: NDArray[np.uint8], labels: NDArray[np.int64]) -> float:
    return float((model.probabilities(faces).argmax(axis=1) == labels).mean())


def crops_of(placed: Sequence[Placed], boxes: Array, crop: Crop, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    cut = [crop_faces(p.scene, box[None], crop, preprocessing)[0] for p, box in zip(placed, boxes, strict=True)]
    return np.stack(cut)


def own_crops(placed: Sequence[Placed], preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """The faces as the data set frames them, cut from the scenes."""
    squares = np.array([[*p.square, p.square[2]] for p in placed], np.float32)
    return crops_of(placed, squares, Crop(), preprocessing)


def divergence(wanted: Array, given: Array) -> float:
    """Mean Kullback-Leibler divergence of probabilities (N, C) from those wanted."""
    floor = 1e-6
    return float((wanted * np.log((wanted + floor) / (given + floor))).sum(axis=1).mean())


def measure(
    name: str, detector: Detector, model: Classifier, sets: dict[str, tuple[list[Placed], NDArray[np.int64]]]
) -> tuple[Crop, dict[str, float]]:
    """Fit a detector's crop on the first set and measure it on the second."""
    preprocessing = model.info.preprocessing
    found: dict[str, tuple[list[Placed], Array, NDArray[np.int64]]] = {}
    shares: dict[str, float] = {}
    for split, (placed, labels) in sets.items():
        boxes = find(detector, placed, f"{name}, {split}")
        kept = [i for i, box in enumerate(boxes) if box is not None]
        shares[split] = len(kept) / len(placed)
        found[split] = ([placed[i] for i in kept], np.array([boxes[i] for i in kept], np.float32), labels[kept])
    placed, boxes_fit, labels = found["fit"]
    median = fit(np.array([p.square for p in placed], np.float64), boxes_fit)
    # Boxes that jitter lose less with a slightly different margin: the one with which the network says what
    # it says of the data set's own crop. (Accuracy itself is too coarse: on Training faces it picks noise.)
    wanted = model.probabilities(own_crops(placed, preprocessing))
    candidates = [Crop(median.scale * factor, median.dx, median.dy) for factor in SCALES]
    crop = min(
        candidates, key=lambda c: divergence(wanted, model.probabilities(crops_of(placed, boxes_fit, c, preprocessing)))
    )
    crop = Crop(round(crop.scale, 3), round(crop.dx, 3), round(crop.dy, 3))
    placed, boxes_test, labels = found["test"]
    return crop, {
        "found": shares["test"],
        "median_scale": median.scale,
        "own": accuracy(model, own_crops(placed, preprocessing), labels),
        "box": accuracy(model, crops_of(placed, boxes_test, Crop(), preprocessing), labels),
        "crop": accuracy(model, crops_of(placed, boxes_test, crop, preprocessing), labels),
        "count": len(placed),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="fer2013.csv, with Training and PublicTest")
    parser.add_argument("--detectors", nargs="+", default=DETECTORS, help="names of configs/detector")
    parser.add_argument("--model", default="mini_xception", help="name, .onnx or .ckpt")
    parser.add_argument("--fit", type=int, default=1500, help="Training faces to fit on")
    parser.add_argument("--test", type=int, default=3589, help="PublicTest faces to measure on")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", action="store_true", help=f"write the crops to {MEASURED_CROPS.name}")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    splits = Fer2013(path=str(options.data)).load()
    rng = np.random.default_rng(options.seed)
    sets: dict[str, tuple[list[Placed], NDArray[np.int64]]] = {}
    for name, split, count in (("fit", "train", options.fit), ("test", "val", options.test)):
        faces: Any = splits[split]  # type: ignore[index]
        chosen = np.sort(rng.permutation(len(faces))[:count])
        images = faces.images[:, 0].numpy()[chosen]
        placed = [place(image, rng) for image in track(images, f"placing {name} faces", transient=True)]
        sets[name] = (placed, faces.labels.numpy()[chosen])
    model = load_classifier(options.model)
    table = Table(title=f"{len(sets['test'][0])} PublicTest faces placed in scenes, read by {options.model}")
    for column in ("detector", "found", "crop: scale, dx, dy", "own crop", "box as it is", "fitted crop", "loss"):
        table.add_column(column)
    crops: dict[str, Crop] = {}
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        for option in options.detectors:
            try:
                name, *settings = option.split()
                overrides = [f"detector={name}", *(f"detector.{setting}" for setting in settings)]
                detector = instantiate(compose("detect", overrides).detector)
            except Exception as error:
                print(f"{option} is left out: {str(error.__cause__ or error).splitlines()[0]}")
                continue
            crop, scores = measure(option, detector, model, sets)
            crops[detector_name(detector) or option] = crop
            table.add_row(
                option,
                f"{scores['found']:.1%}",
                f"{crop.scale:.3f} (median {scores['median_scale']:.3f}), {crop.dx:+.3f}, {crop.dy:+.3f}",
                *(f"{scores[key]:.2%}" for key in ("own", "box", "crop")),
                f"{100 * (scores['own'] - scores['crop']):+.2f}",
            )
    Console(width=140).print(table)
    if options.write and crops:
        earlier = json.loads(MEASURED_CROPS.read_text())
        values = {**earlier, **{name: asdict(crop) for name, crop in crops.items()}}
        measured = [value for name, value in values.items() if name != DEFAULT_CROP]
        keys = ("scale", "dx", "dy")
        values[DEFAULT_CROP] = {key: round(float(np.median([v[key] for v in measured])), 3) for key in keys}
        lines = (f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in values.items())
        MEASURED_CROPS.write_text("{\n" + ",\n".join(lines) + "\n}\n")
        print(f"written to {MEASURED_CROPS}; export the model again to put them into it")


if __name__ == "__main__":
    main()
