"""More samples from the same pictures: mirrored, moved, turned, enlarged a little, worse lit, blurred, noisy."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from cascade.boxes import Box
from cascade.checked import check_values
from cascade.pictures import Image
from cascade.ranges import Natural, NotNegative


@dataclass
class Variants:
    """What is made of each box besides the sample that is cut out.

    A detector's windows meet a face between their steps, never exactly: samples that are off by as much
    teach it to say yes several times around a face, and these hits are counted.

    Attributes:
        copies: further samples of each box, each with its own draws of what follows.
        mirror: each sample once more, mirrored.
        shift: standard deviation of the move, as a share of the box's sides.
        scale: standard deviation of the logarithm of the size.
        angle: standard deviation of the rotation, in degrees.
        light: standard deviation of the logarithm of the light at the box's edge, seen from its middle: a lamp at one
            side, in a random direction.
        noise: standard deviation of the amplitude of Gaussian noise, in gray levels of the finished sample.
        blur: standard deviation of the width of a Gaussian blur, in pixels of the finished sample.
    """

    copies: Natural
    mirror: bool
    shift: NotNegative
    scale: NotNegative
    angle: NotNegative
    light: NotNegative = 0.0
    noise: NotNegative = 0.0
    blur: NotNegative = 0.0

    def __post_init__(self) -> None:
        check_values(Variants, vars(self), "variants.")

    def vary(self, image: Image, box: Box, size: tuple[int, int], generator: np.random.Generator) -> Image:
        """One copy of a box in a gray picture (H, W), with draws of the generator: uint8, `size` being (width, height).

        It is sampled as the detector samples a picture: with linear interpolation alone.
        """
        x, y, w, h = box
        moved = generator.normal(0, self.shift, 2)
        centre = (x + w * (0.5 + moved[0]), y + h * (0.5 + moved[1]))
        factor = size[0] / w * np.exp(generator.normal(0, self.scale))
        matrix = cv2.getRotationMatrix2D(centre, generator.normal(0, self.angle), factor)
        matrix[:, 2] += (size[0] / 2 - centre[0], size[1] / 2 - centre[1])
        # pixel centres lie half a pixel inside: without this, samples would sit up and left of the cut ones
        matrix[:, 2] += matrix[:, :2].sum(axis=1) / 2 - 0.5
        varied = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return self._worsen(np.asarray(varied, np.uint8), generator)

    def _worsen(self, sample: Image, generator: np.random.Generator) -> Image:
        """In other light, blurred, noisy; what is not asked for draws nothing."""
        if not (self.light or self.blur or self.noise):
            return sample
        made: npt.NDArray[np.float32] = sample.astype(np.float32)
        if self.light:
            height, width = sample.shape
            strength, direction = generator.normal(0, self.light), generator.uniform(0, 2 * np.pi)
            x, y = np.linspace(-1, 1, width), np.linspace(-1, 1, height)[:, None]
            made *= np.exp(strength * (np.cos(direction) * x + np.sin(direction) * y)).astype(np.float32)
        if self.blur:
            sigma = abs(generator.normal(0, self.blur))
            made = np.asarray(cv2.GaussianBlur(made, (0, 0), max(sigma, 0.01)), np.float32)
        if self.noise:
            made += generator.normal(0, abs(generator.normal(0, self.noise)), sample.shape).astype(np.float32)
        return np.clip(np.rint(made), 0, 255).astype(np.uint8)


def mix(samples: Image, mirror: bool, seed: int) -> Image:
    """Samples of all kinds in one row, shuffled where there are several kinds.

    The trainer takes the first ones first, so any N in a row are of nearly as many boxes, each in a kind of its own.

    Args:
        samples: (N, K, height, width) uint8: of each box the sample and its K - 1 copies.
        mirror: add each once more, mirrored.
        seed: of the order.

    Returns:
        (M, height, width) uint8, M = N × K × (2 with `mirror`).
    """
    if mirror:
        samples = np.concatenate([samples, samples[..., ::-1]], axis=1)
    count, kinds = samples.shape[:2]
    if kinds == 1:
        return samples[:, 0]
    generator = np.random.default_rng(seed)
    mixed = generator.permuted(np.arange(kinds)[:, None].repeat(count, axis=1), axis=0)
    orders = (generator.permutation(count) for _ in range(kinds))
    return np.concatenate([samples[order, chosen[order]] for chosen, order in zip(mixed, orders, strict=True)])
