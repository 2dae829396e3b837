"""Random changes to a batch of training faces, on the device the batch is on."""

import math
from typing import Annotated, Any

import torch
import torch.nn.functional as F
from msgspec import Meta
from torch import Generator, Tensor

from cascade.checked import check_values
from cascade.ranges import NotNegative, Share

# What is drawn for a face: a column of numbers of 0 to 1 for each
_ANGLE, _ZOOM, _X, _Y, _MIRROR, _CONTRAST, _BRIGHTNESS = range(7)
_COVER = slice(7, 12)  # area, shape, top, left, and whether there is a rectangle at all


class Augmentation:
    """Rotation, scale, shift, mirroring and the network's size in one resampling; then contrast and the rest.

    Every face of a batch draws its own changes. All randomness comes from the generator passed in, so
    the same generator state gives the same faces whatever else draws random numbers. The fields of
    `configs/augmentation/*.yaml` are these arguments.

    Args:
        rotation: largest angle to either side, in degrees.
        scale: largest relative change of size, 0.1 for 90% to 110%.
        shift: largest move along each axis, as a share of the side.
        flip: probability of mirroring left and right.
        contrast: largest relative change of contrast around the face's mean.
        brightness: largest change of brightness, as a share of the full range.
        erase: probability of covering one random rectangle with the face's mean.
        erase_size: smallest and largest area of that rectangle, as a share of the face.
    """

    def __init__(
        self,
        rotation: Annotated[float, Meta(ge=0, le=180)] = 0.0,
        scale: Annotated[float, Meta(ge=0, le=0.9)] = 0.0,
        shift: Share = 0.0,
        flip: Share = 0.0,
        contrast: NotNegative = 0.0,
        brightness: Share = 0.0,
        erase: Share = 0.0,
        erase_size: tuple[Share, Share] = (0.02, 0.15),
    ) -> None:
        #: The arguments, as plain values.
        self.settings: dict[str, Any] = {name: value for name, value in locals().items() if name != "self"}
        self.settings["erase_size"] = list(erase_size)
        check_values(Augmentation, locals(), "augmentation.")
        self.rotation = math.radians(rotation)
        self.scale, self.shift, self.flip = scale, shift, flip
        self.contrast, self.brightness = contrast, brightness
        self.erase, self.erase_size = erase, erase_size
        #: Whether faces are resampled anyway, so that they can be enlarged on the way.
        self.moves = bool(rotation or scale or shift or flip)

    def __call__(self, images: Tensor, generator: Generator, size: int | None = None) -> Tensor:
        """Return changed copies of faces, float32 (N, C, size, size) in 0 to 255.

        Args:
            images: uint8 or float faces (N, C, H, W) in 0 to 255.
            generator: on the device of `images`.
            size: side of the result in pixels; None leaves it. Another than that of the faces wants `moves`.
        """
        return self.view(images, self.draw(len(images), generator), size)

    def draw(self, count: int, generator: Generator) -> Tensor:
        """Draw what `view` does to faces.

        Returns:
            float32 (count, 12) of 0 to 1, a row per face, on the generator's device.
        """
        device = generator.device
        draws = torch.full((12, count), 0.5, device=device)
        if self.moves:
            for column in (_ANGLE, _ZOOM, _X, _Y, _MIRROR):
                draws[column] = torch.rand(count, generator=generator, device=device)
        for column, wanted in ((_CONTRAST, self.contrast), (_BRIGHTNESS, self.brightness)):
            if wanted:
                draws[column] = torch.rand(count, generator=generator, device=device)
        if self.erase:
            draws[_COVER] = torch.rand(5, count, generator=generator, device=device)
        return draws.T

    @staticmethod
    def still(count: int, mirrored: bool = False) -> Tensor:
        """Draws, float32 (count, 12), with which `view` changes nothing but the size, or mirrors where it moves."""
        draws = torch.full((count, 12), 0.5)
        draws[:, _MIRROR] = -1.0 if mirrored else 1.0
        draws[:, _COVER] = 1.0
        return draws

    def view(self, images: Tensor, draws: Tensor, size: int | None = None) -> Tensor:
        """Return the copies of faces that a row of `draw` each describes; otherwise as `__call__`.

        At any size a row describes the same view of the face.
        """
        faces = images.float()

        def uniform(column: int, limit: float) -> Tensor:
            return (draws[:, column] * 2 - 1) * limit

        if self.moves:
            angle, zoom = uniform(_ANGLE, self.rotation), 1 / (1 + uniform(_ZOOM, self.scale))
            shift_x, shift_y = uniform(_X, 2 * self.shift), uniform(_Y, 2 * self.shift)
            sign = torch.where(draws[:, _MIRROR] < self.flip, -1.0, 1.0)
            cos, sin = torch.cos(angle) * zoom, torch.sin(angle) * zoom
            # Where each output pixel comes from, in coordinates of -1 to 1
            matrix = torch.stack([cos * sign, -sin, shift_x, sin * sign, cos, shift_y], dim=1).view(-1, 2, 3)
            side = size or faces.shape[-1]
            grid = F.affine_grid(matrix, [*faces.shape[:2], side, side], align_corners=False)
            faces = F.grid_sample(faces, grid, mode="bilinear", padding_mode="border", align_corners=False)
        if self.contrast:
            mean = faces.mean(dim=(1, 2, 3), keepdim=True)
            faces = torch.lerp(mean, faces, 1 + uniform(_CONTRAST, self.contrast).view(-1, 1, 1, 1))
        if self.brightness:
            faces = faces + 255 * uniform(_BRIGHTNESS, self.brightness).view(-1, 1, 1, 1)
        if self.erase:
            faces = self._cover(faces, draws[:, _COVER].T)
        return faces.clamp(0, 255) if self.contrast or self.brightness else faces

    def _cover(self, faces: Tensor, draw: Tensor) -> Tensor:
        _, _, height, width = faces.shape
        low, high = self.erase_size
        area = low + (high - low) * draw[0]
        aspect = torch.exp((draw[1] * 2 - 1) * math.log(2.0))
        rows, columns = (area * aspect).sqrt() * height, (area / aspect).sqrt() * width
        top, left = draw[2] * (height - rows), draw[3] * (width - columns)
        y = torch.arange(height, device=faces.device).view(1, -1, 1)
        x = torch.arange(width, device=faces.device).view(1, 1, -1)
        inside = (y >= top.view(-1, 1, 1)) & (y < (top + rows).view(-1, 1, 1))
        inside = inside & (x >= left.view(-1, 1, 1)) & (x < (left + columns).view(-1, 1, 1))
        inside = inside & (draw[4] < self.erase).view(-1, 1, 1)
        return torch.where(inside.unsqueeze(1), faces.mean(dim=(1, 2, 3), keepdim=True), faces)
