"""More samples from the same pictures: mirrored, moved, turned, enlarged a little."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import cv2
import numpy as np
import numpy.typing as npt

from cascade.errors import ConfigError
from cascade.pictures import read_gray
from cascade.samples.image_annotations import ImageAnnotations


@dataclass
class Variants:
    """What is made of each box besides the sample that `opencv_createsamples` cuts out.

    A detector's windows meet a face between their steps, never exactly: samples that are off by as much
    teach it to say yes several times around a face, and these hits are counted.

    Attributes:
        copies: further samples of each box, moved, turned and scaled at random.
        mirror: each sample once more, mirrored.
        shift: standard deviation of the move, as a share of the box's sides.
        scale: standard deviation of the logarithm of the size.
        angle: standard deviation of the rotation, in degrees.
    """

    copies: int = 0
    mirror: bool = False
    shift: float = 0.02
    scale: float = 0.04
    angle: float = 4.0

    def __post_init__(self) -> None:
        for name in ("copies", "shift", "scale", "angle"):
            if getattr(self, name) < 0:
                raise ConfigError(f"variants.{name} is {getattr(self, name)}; it must be 0 or more")


def add_variants(
    samples: npt.NDArray[np.uint8], entries: Iterable[ImageAnnotations], variants: Variants, seed: int
) -> npt.NDArray[np.uint8]:
    """Samples and their variants, shuffled.

    The trainer takes the first ones first, so any N in a row are of nearly as many boxes, each in a kind of
    its own: whoever trains on a part of the file trains on as many faces as there can be.

    Args:
        samples: (N, height, width) uint8, as the boxes are.
        entries: the pictures with their boxes, N or more, in the same order.
        variants: what to make.
        seed: of the draws.

    Returns:
        (M, height, width) uint8, M = N × (1 + copies) × (2 with `mirror`).

    Raises:
        ImageError: a picture cannot be read.
    """
    height, width = samples.shape[1:]
    generator = np.random.default_rng(seed)
    kinds = [samples]
    if variants.copies:
        copies = [
            [_varied(image, box, (width, height), variants, generator) for _ in range(variants.copies)]
            for image, box in _boxes(entries, len(samples))
        ]
        kinds += list(np.stack([np.stack(kind) for kind in zip(*copies, strict=True)]))
    if variants.mirror:
        kinds += [kind[:, :, ::-1] for kind in kinds]
    mixed = generator.permuted(np.arange(len(kinds))[:, None].repeat(len(samples), axis=1), axis=0)
    every = np.stack(kinds)
    rounds = []
    for chosen in mixed:
        order = generator.permutation(len(samples))
        rounds.append(every[chosen[order], order])
    return np.concatenate(rounds)


def _boxes(
    entries: Iterable[ImageAnnotations], count: int
) -> Iterator[tuple[npt.NDArray[np.uint8], npt.NDArray[np.float64]]]:
    """The first `count` boxes, each with its picture in gray."""
    pairs = ((read_gray(entry.path), entry.boxes) for entry in entries)
    return islice(((image, box) for image, boxes in pairs for box in boxes), count)


def _varied(
    image: npt.NDArray[np.uint8],
    box: npt.NDArray[np.float64],
    size: tuple[int, int],
    variants: Variants,
    generator: np.random.Generator,
) -> npt.NDArray[np.uint8]:
    """One box, varied and sampled as the detector samples a picture: with linear interpolation alone."""
    x, y, w, h = (float(value) for value in box)
    moved = generator.normal(0, variants.shift, 2)
    centre = (x + w * (0.5 + moved[0]), y + h * (0.5 + moved[1]))
    factor = size[0] / w * np.exp(generator.normal(0, variants.scale))
    matrix = cv2.getRotationMatrix2D(centre, generator.normal(0, variants.angle), factor)
    matrix[:, 2] += (size[0] / 2 - centre[0], size[1] / 2 - centre[1])
    # pixel centres lie half a pixel inside: without this, samples would sit up and left of the cut ones
    matrix[:, 2] += matrix[:, :2].sum(axis=1) / 2 - 0.5
    cut = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cut, np.uint8)
