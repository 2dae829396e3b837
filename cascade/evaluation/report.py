"""What a comparison leaves behind: a table, results.json, CSV files, a plot and pictures of the errors."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from cascade.detector import FaceDetector
from cascade.evaluation.compare import Comparison, DetectorResult
from cascade.evaluation.plot import plot_curves
from cascade.evaluation.tiles import save_picture


@dataclass(frozen=True)
class Reading:
    """At which points curves are read, and how speed was measured.

    Attributes:
        false_positives: numbers of false alarms over all images.
        false_positives_per_image: and per image.
        iou: the overlap that was asked for.
        speed: images a second by detector; empty when not measured.
        speed_images: how many images were timed.
        speed_threads: with how many of OpenCV's threads.
    """

    false_positives: Sequence[float]
    false_positives_per_image: Sequence[float]
    iou: float
    speed: Mapping[str, float]
    speed_images: int
    speed_threads: int


def results(comparison: Comparison, reading: Reading, detectors: Mapping[str, FaceDetector]) -> dict[str, Any]:
    """All figures as plain values, as they go to results.json."""
    counted = comparison.images
    return {
        "images": len(counted),
        "faces": sum(int((~entry.ignore).sum()) for entry in counted),
        "ignored_faces": sum(int(entry.ignore.sum()) for entry in counted),
        "images_fitted_on": comparison.training_images,
        "unreadable_images": [str(path) for path in comparison.unreadable],
        "iou": reading.iou,
        "speed_images": reading.speed_images,
        "speed_threads": reading.speed_threads,
        "detectors": {
            name: _figures(result, reading, len(counted))
            | {"images_per_second": reading.speed.get(name), "settings": _settings(detectors[name])}
            for name, result in comparison.results.items()
        },
    }


def _figures(result: DetectorResult, reading: Reading, images: int) -> dict[str, Any]:
    curve = result.curve
    return {
        "average_precision": curve.average_precision(),
        "detection_rate_at": {f"{k:g}": curve.rate_at(k) for k in reading.false_positives},
        "detection_rate_at_per_image": {f"{k:g}": curve.rate_at(k * images) for k in reading.false_positives_per_image},
        "operating_point": asdict(result.operating),
        "sweep": [asdict(point) for point in result.sweep],
        "box_adjustment": None if result.adjustment is None else asdict(result.adjustment),
    }


def _settings(detector: FaceDetector) -> dict[str, Any]:
    return {
        key: value if isinstance(value, bool | int | float | None) else str(value)
        for key, value in vars(detector).items()
        if not key.startswith("_")
    }


def write_report(folder: Path, comparison: Comparison, figures: Mapping[str, Any]) -> list[Path]:
    """Write everything below a folder and return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    curves = {name: result.curve for name, result in comparison.results.items()}
    operating = {name: (result.operating.wrong, result.operating.rate) for name, result in comparison.results.items()}
    sweeps = {
        name: [(point.wrong, point.rate) for point in result.sweep] for name, result in comparison.results.items()
    }
    json_path = folder / "results.json"
    json_path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    plot = folder / "froc.png"
    title = (
        f"{figures['faces']} faces, {figures['images']} images, IoU {figures['iou']:g}; "
        "dots: own settings, rings: other min_neighbors"
    )
    save_picture(plot, plot_curves(curves, operating, title, sweeps))
    written = [json_path, plot, _write_table(folder / "results.csv", figures)]
    written.append(_write_curves(folder / "curves.csv", comparison))
    written.append(_write_sweep(folder / "sweep.csv", comparison))
    written.append(_write_detections(folder / "detections.csv", comparison))
    for name, result in comparison.results.items():
        for tiles, what in ((result.misses, "misses"), (result.false_alarms, "false_alarms")):
            path = folder / f"{what}_{_safe(name)}.png"
            tiles.save(path)
            written.append(path)
    return written


def _safe(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in name)


def _write_table(path: Path, figures: Mapping[str, Any]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        for index, (name, own) in enumerate(figures["detectors"].items()):
            row = {"detector": name, "average_precision": own["average_precision"]}
            row |= {f"rate_at_{key}": value for key, value in own["detection_rate_at"].items()}
            row |= {f"rate_at_{key}_per_image": value for key, value in own["detection_rate_at_per_image"].items()}
            row |= {f"own_settings_{key}": value for key, value in own["operating_point"].items()}
            row["images_per_second"] = own["images_per_second"]
            if index == 0:
                writer.writerow(row)
            writer.writerow(row.values())
    return path


def _write_curves(path: Path, comparison: Comparison) -> Path:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["detector", "threshold", "found", "false_alarms", "detection_rate"])
        for name, result in comparison.results.items():
            curve = result.curve
            rows = zip(curve.thresholds, curve.found, curve.wrong, curve.rates, strict=True)
            writer.writerows([name, f"{t:.6g}", int(f), int(w), f"{r:.6f}"] for t, f, w, r in rows)
    return path


def _write_sweep(path: Path, comparison: Comparison) -> Path:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["detector", "min_neighbors", "found", "false_alarms", "detection_rate"])
        for name, result in comparison.results.items():
            writer.writerows([name, p.min_neighbors, p.found, p.wrong, f"{p.rate:.6f}"] for p in result.sweep)
    return path


def _write_detections(path: Path, comparison: Comparison) -> Path:
    words = {"r": "right", "w": "wrong", "e": "ignored"}
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["detector", "image", "x", "y", "width", "height", "score", "verdict"])
        for name, result in comparison.results.items():
            for (found, letters), entry in zip(result.verdicts, comparison.images, strict=True):
                for box, score, letter in zip(found.boxes, found.scores, letters, strict=True):
                    numbers = [f"{value:.1f}" for value in box]
                    writer.writerow([name, entry.path, *numbers, f"{score:.6g}", words[letter]])
    return path


def result_table(figures: Mapping[str, Any]) -> Table:
    """The figures for the terminal."""
    timed = any(own["images_per_second"] for own in figures["detectors"].values())
    caption = (
        "@K: % of the faces found with at most K false alarms over all images; "
        "as set: % found / false alarms with the detector's own settings"
    )
    if timed:
        caption += f"; img/s: images a second on {_threads(figures['speed_threads'])}"
    table = Table(
        title=f"{figures['faces']} faces to find in {figures['images']} images, IoU {figures['iou']:g}",
        caption=caption,
        box=SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    table.add_column("detector", no_wrap=True)
    table.add_column("AP", justify="right", no_wrap=True)
    first = next(iter(figures["detectors"].values()))
    for key in first["detection_rate_at"]:
        table.add_column(f"@{key}", justify="right", no_wrap=True)
    table.add_column("as set", justify="right", no_wrap=True)
    if timed:
        table.add_column("img/s", justify="right", no_wrap=True)
    for name, own in figures["detectors"].items():
        point = own["operating_point"]
        row = [name, f"{own['average_precision']:.3f}"]
        row += [f"{100 * rate:.1f}" for rate in own["detection_rate_at"].values()]
        row.append(f"{100 * point['rate']:.1f} / {point['wrong']}")
        if timed:
            row.append(f"{own['images_per_second']:.1f}")
        table.add_row(*row)
    return table


def _threads(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"
