"""A test of small, spoilt, gray faces for cascades: held-out faces pasted into held-out negatives.

    python -m benchmarks.held_out_scenes outputs/samples/faces scenes
    python -m cascade.evaluate truth=scenes/truth.dat settings.min_size=20 detectors=[default,alt2]

Reads the `held_out` part of a folder that `python -m cascade.prepare` made, which no training on that folder
has seen. Faces become 20 to 60 px wide, lose or gain contrast, are blurred or not; each scene is given noise
and is saved as JPEG. The same folder gives the same scenes.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from cascade.boxes import Box
from cascade.pictures import read_gray
from cascade.samples.annotations import read_annotations
from cascade.samples.lists import read_background, write_positives

SIZES = (20, 60)  # pixels, width of a face's box
ENLARGED = 1.25  # at most
AROUND = 0.3  # so much of a box's sides is taken along, to be blended
Gray = NDArray[np.float32]


def paste(scene: Gray, face: NDArray[np.uint8], box: Box, taken: list[Box], rng: np.random.Generator) -> Box | None:
    """Put a face somewhere into a scene, its edge blended; returns its box there, None where it has no room.

    Args:
        scene: (H, W), 0..255, changed in place.
        face: a picture with the face.
        box: of the face in that, `x, y, width, height`.
        taken: places of the scene that are taken; the face's is added.
        rng: draws place, size, contrast and blur.
    """
    x, y, w, h = box
    left, top = max(0, x - round(AROUND * w)), max(0, y - round(AROUND * h))
    face = face[top : y + h + round(AROUND * h), left : x + w + round(AROUND * w)]
    box = Box(x - left, y - top, w, h)
    factor = min(np.exp(rng.uniform(*np.log(SIZES))), box[2] * ENLARGED) / box[2]
    inter = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    small = cv2.resize(face, None, fx=factor, fy=factor, interpolation=inter).astype(np.float32)
    height, width = small.shape
    if height + 2 >= scene.shape[0] or width + 2 >= scene.shape[1]:
        return None
    for _ in range(50):
        left, top = (int(rng.integers(0, scene.shape[1] - width)), int(rng.integers(0, scene.shape[0] - height)))
        apart = (left + width <= x or x + w <= left or top + height <= y or y + h <= top for x, y, w, h in taken)
        if all(apart):
            break
    else:
        return None
    taken.append(Box(left, top, width, height))
    x, y, w, h = (value * factor for value in box)
    rows, columns = np.mgrid[:height, :width] + 0.5
    distance = np.hypot((columns - x - w / 2) / (w * 0.72), (rows - y - h / 2) / (h * 0.72))
    border = np.minimum.reduce([columns, rows, width - columns, height - rows])
    weight = np.clip((1.08 - distance) / 0.16, 0, 1) * np.clip(border / 3, 0, 1)
    contrast, mean = rng.uniform(0.5, 1.1), small.mean()
    small = (small - mean) * contrast + np.clip(mean + rng.uniform(-30, 30), 50, 200)
    if rng.random() < 0.4:
        small = cv2.GaussianBlur(small, (0, 0), rng.uniform(0.4, 0.9))
    place = scene[top : top + height, left : left + width]
    place[:] = place * (1 - weight) + small * weight
    return Box(round(left + x), round(top + y), round(w), round(h))


def main() -> None:
    """Read the arguments and write `images/` and `truth.dat`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("samples", type=Path, help="folder made by python -m cascade.prepare")
    parser.add_argument("out", type=Path, help="folder for the scenes")
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    rng = np.random.default_rng(given.seed)
    source = given.samples / "held_out"
    entries = read_annotations(source / "positives.dat")
    negatives = read_background(source / "bg.txt")
    (given.out / "images").mkdir(parents=True, exist_ok=True)
    listed: list[tuple[str, list[Box]]] = []
    shares = np.array_split(rng.permutation(len(entries)), len(negatives))
    for number, (path, share) in enumerate(zip(negatives, shares, strict=True)):
        scene = read_gray(path).astype(np.float32)
        taken: list[Box] = []
        boxes = []
        for index in share:
            box = Box(*(round(float(value)) for value in entries[index].boxes[0]))
            pasted = paste(scene, read_gray(entries[index].path), box, taken, rng)
            if pasted is not None:
                boxes.append(pasted)
        noisy = scene + rng.normal(0, rng.uniform(1, 6), scene.shape)
        name = f"images/{number:03d}.jpg"
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(60, 95))]
        cv2.imwrite(str(given.out / name), np.clip(noisy, 0, 255).astype(np.uint8), quality)
        listed.append((name, boxes))
    write_positives(given.out / "truth.dat", listed)
    print(f"{given.out}: {sum(len(boxes) for _, boxes in listed)} faces in {len(listed)} scenes")


if __name__ == "__main__":
    main()
