"""Pictures of a training's figures: curves over its epochs, and what is taken for what."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray


def curves_figure(curves: Mapping[str, Sequence[float]], title: str = "") -> Figure:
    """Draw named curves over epochs 1, 2, … on one pair of axes; a line goes past NaN."""
    figure = Figure(figsize=(7.2, 4), layout="constrained")
    axes = figure.add_subplot(title=title, xlabel="epoch")
    for name, values in curves.items():
        points = [(epoch, value) for epoch, value in enumerate(values, 1) if not math.isnan(value)]
        axes.plot(*zip(*points, strict=True) if points else ([], []), label=name, marker="." if len(points) < 2 else "")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    if curves:
        axes.legend()
    return figure


def confusion_figure(confusion: NDArray[np.int64], names: Sequence[str]) -> Figure:
    """Draw a confusion matrix, int (C, C), rows true: shaded by the shares of each row, written beside the counts."""
    figure = Figure(figsize=(6.4, 5.6), layout="constrained")
    axes = figure.add_subplot(xlabel="predicted", ylabel="true")
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    shaded = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(shaded, format=PercentFormatter(1), shrink=0.8)
    axes.set_xticks(range(len(names)), names, rotation=45)
    axes.set_yticks(range(len(names)), names)
    for (row, column), share in np.ndenumerate(shares):
        text, colour = f"{share:.0%}\n{confusion[row, column]}", "white" if share > 0.5 else "black"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=8)
    return figure


def pixels(figure: Figure) -> NDArray[np.uint8]:
    """A figure as uint8 (height, width, 3), RGB."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    rgba = np.asarray(canvas.buffer_rgba(), np.uint8)  # type: ignore[no-untyped-call]
    return np.ascontiguousarray(rgba[..., :3])
