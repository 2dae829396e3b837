"""Many small pictures on one page, to see at a glance what a detector learns from."""

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from cascade.errors import SampleError


def contact_sheet(
    samples: npt.NDArray[np.uint8], columns: int = 20, rows: int = 15, scale: int = 2
) -> npt.NDArray[np.uint8]:
    """Lay samples out in a grid, evenly chosen when there are more than fit.

    Args:
        samples: shape (N, height, width), uint8.
        columns: samples per row.
        rows: at most so many rows.
        scale: magnification.

    Returns:
        Gray picture (H, W), uint8; one empty cell when there are no samples.
    """
    if samples.ndim != 3:
        raise ValueError(f"samples must have the shape (N, height, width), not {samples.shape}")
    height, width = samples.shape[1:]
    shown = samples
    if len(samples) > columns * rows:
        shown = samples[np.linspace(0, len(samples) - 1, columns * rows).astype(int)]
    used_rows = max(1, -(-len(shown) // columns))
    used_columns = max(1, min(columns, len(shown)))
    gap = 1
    page = np.full((used_rows * (height + gap) + gap, used_columns * (width + gap) + gap), 128, np.uint8)
    for index, sample in enumerate(shown):
        top = gap + (index // columns) * (height + gap)
        left = gap + (index % columns) * (width + gap)
        page[top : top + height, left : left + width] = sample
    return page.repeat(scale, axis=0).repeat(scale, axis=1)


def write_contact_sheet(path: Path, samples: npt.NDArray[np.uint8]) -> None:
    """Write a contact sheet as a picture file; the format follows the file's ending.

    Raises:
        SampleError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), contact_sheet(samples)):
        raise SampleError(f"Cannot write the contact sheet {path}")
