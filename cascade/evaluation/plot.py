"""The curves of several detectors in one picture."""

import math
from collections.abc import Mapping

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter, MultipleLocator, PercentFormatter

from cascade.evaluation.compare import DetectorResult

# Okabe and Ito's colours, which colour-blind readers tell apart
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")


def plot_curves(results: Mapping[str, DetectorResult], title: str) -> Figure:
    """Draw detection rate over false alarms, the latter on a logarithmic axis: 1000×700 pixels, in no window.

    A dot on a curve is what a detector does with its own settings, rings are the sweep's.
    """
    figure = Figure(figsize=(10, 7), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    most, images = 10, 0
    for index, (name, result) in enumerate(results.items()):
        curve, colour = result.curve, COLOURS[index % len(COLOURS)]
        label = f"{name}  AP {curve.average_precision():.3f}"
        axes.plot(np.maximum(curve.wrong, 1), curve.rates, color=colour, linewidth=1.5, label=label)
        for points, face in ((result.sweep, "none"), ([result.operating], colour)):
            wrong, rates = [max(point.wrong, 1) for point in points], [point.rate for point in points]
            axes.plot(wrong, rates, "o", color=colour, markerfacecolor=face, markersize=6)
        most, images = max([most, *curve.wrong]), curve.images
    axes.set(xscale="log", xlim=(1, 10 ** math.ceil(math.log10(most))), ylim=(0, 1), title=title)
    axes.set(xlabel=f"false alarms in {images} images", ylabel="faces found")
    axes.xaxis.set_major_formatter(LogFormatter())
    axes.yaxis.set_major_locator(MultipleLocator(0.1))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.grid(which="both", color="0.9")
    axes.legend(loc="lower right")
    return figure
