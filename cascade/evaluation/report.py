"""What a comparison leaves behind: a table, results.json, CSV files, a plot and pictures of the errors."""

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from cascade.detector import FaceDetector
from cascade.evaluation.compare import Comparison, DetectorResult
from cascade.evaluation.mistakes import mistake_sheet
from cascade.evaluation.plot import plot_curves
from cascade.evaluation.settings import EvaluateSettings
from cascade.files import whole, write_whole
from cascade.pictures import save_picture


def results(
    comparison: Comparison,
    settings: EvaluateSettings,
    detectors: Mapping[str, FaceDetector],
    speed: Mapping[str, float],
) -> dict[str, Any]:
    """All figures as plain values, as they go to results.json; `speed` is images a second by detector, if measured."""
    counted = comparison.images
    return {
        "images": len(counted),
        "faces": sum(int((~entry.ignore).sum()) for entry in counted),
        "ignored_faces": sum(int(entry.ignore.sum()) for entry in counted),
        "images_fitted_on": comparison.training_images,
        "unreadable_images": [str(path) for path in comparison.unreadable],
        "iou": settings.iou,
        "speed_images": min(settings.speed.images, len(counted)),
        "speed_threads": settings.speed.threads,
        "detectors": {
            name: _figures(result, settings, len(counted)) | _description(detectors[name], speed.get(name))
            for name, result in comparison.results.items()
        },
    }


def _figures(result: DetectorResult, settings: EvaluateSettings, images: int) -> dict[str, Any]:
    rate_at, per_image = result.curve.rate_at, settings.false_positives_per_image
    return {
        "average_precision": result.curve.average_precision(),
        "detection_rate_at": {f"{k:g}": rate_at(k) for k in settings.false_positives},
        "detection_rate_at_per_image": {f"{k:g}": rate_at(k * images) for k in per_image},
        "operating_point": asdict(result.operating),
        "sweep": [asdict(point) for point in result.sweep],
        "box_adjustment": None if result.adjustment is None else asdict(result.adjustment),
    }


def _description(detector: FaceDetector, speed: float | None) -> dict[str, Any]:
    own = {key: value for key, value in vars(detector).items() if not key.startswith("_")}
    plain = {k: v if isinstance(v, bool | int | float | None) else str(v) for k, v in own.items()}
    return {"images_per_second": speed, "settings": plain}


def write_report(folder: Path, comparison: Comparison, figures: Mapping[str, Any], tiles: int) -> list[Path]:
    """Write everything below a folder and return the files.

    Args:
        folder: made where it is missing.
        comparison: what was counted.
        figures: of `results`.
        tiles: how many misses and how many false alarms are shown per detector.
    """
    title = (
        f"{figures['faces']} faces, {figures['images']} images, IoU {figures['iou']:g}; "
        "dots: own settings, rings: other min_neighbors"
    )
    written = [folder / "results.json", folder / "froc.png"]
    write_whole(written[0], json.dumps(figures, indent=2) + "\n")
    with whole(written[1]) as part:
        plot_curves(comparison.results, title).savefig(part)
    for name, rows in {
        "results": _result_rows(figures),
        "curves": _curve_rows(comparison),
        "sweep": _sweep_rows(comparison),
        "detections": _detection_rows(comparison),
    }.items():
        written.append(folder / f"{name}.csv")
        with whole(written[-1]) as part, part.open("w", newline="", encoding="utf-8") as stream:
            csv.writer(stream).writerows(rows)
    for name, result in comparison.results.items():
        safe = "".join(c if c.isalnum() or c in "-_." else "_" for c in name)
        for file, words, verdict in (("misses", "missed faces", "missed"), ("false_alarms", "false alarms", "wrong")):
            mistakes = [outcome for outcome in result.outcomes if outcome.verdict == verdict]
            sheet = mistake_sheet(f"{name}: {words}", mistakes, tiles)
            written.append(save_picture(folder / f"{file}_{safe}.png", sheet))
    return written


_Rows = Iterable[Iterable[object]]


def _result_rows(figures: Mapping[str, Any]) -> _Rows:
    for index, (name, own) in enumerate(figures["detectors"].items()):
        row = {"detector": name, "average_precision": own["average_precision"]}
        row |= {f"rate_at_{key}": value for key, value in own["detection_rate_at"].items()}
        row |= {f"rate_at_{key}_per_image": value for key, value in own["detection_rate_at_per_image"].items()}
        row |= {f"own_settings_{key}": value for key, value in own["operating_point"].items()}
        row["images_per_second"] = own["images_per_second"]
        if index == 0:
            yield row.keys()
        yield row.values()


def _curve_rows(comparison: Comparison) -> _Rows:
    yield "detector", "threshold", "found", "false_alarms", "detection_rate"
    for name, result in comparison.results.items():
        curve = result.curve
        for threshold, found, wrong, rate in zip(curve.thresholds, curve.found, curve.wrong, curve.rates, strict=True):
            yield name, f"{threshold:.6g}", found, wrong, f"{rate:.6f}"


def _sweep_rows(comparison: Comparison) -> _Rows:
    yield "detector", "min_neighbors", "found", "false_alarms", "detection_rate"
    for name, result in comparison.results.items():
        for point in result.sweep:
            yield name, point.min_neighbors, point.found, point.wrong, f"{point.rate:.6f}"


def _detection_rows(comparison: Comparison) -> _Rows:
    yield "detector", "image", "x", "y", "width", "height", "score", "verdict"
    for name, result in comparison.results.items():
        for path, box, score, verdict in result.outcomes:
            if verdict != "missed":
                yield name, path, *(f"{value:.1f}" for value in box), f"{score:.6g}", verdict


def result_table(figures: Mapping[str, Any]) -> Table:
    """The figures for the terminal."""
    detectors: Mapping[str, Any] = figures["detectors"]
    timed = any(own["images_per_second"] for own in detectors.values())
    caption = (
        "@K: % of the faces found with at most K false alarms over all images; "
        "as set: % found / false alarms with the detector's own settings"
    )
    if timed:
        threads = figures["speed_threads"]
        caption += f"; img/s: images a second on {threads} thread{'s' if threads != 1 else ''}"
    title = f"{figures['faces']} faces to find in {figures['images']} images, IoU {figures['iou']:g}"
    table = Table(title=title, caption=caption, box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("detector", no_wrap=True)
    places = next(iter(detectors.values()))["detection_rate_at"]
    for head in ("AP", *(f"@{key}" for key in places), "as set", *(["img/s"] if timed else [])):
        table.add_column(head, justify="right", no_wrap=True)
    for name, own in detectors.items():
        point = own["operating_point"]
        rates = (f"{100 * rate:.1f}" for rate in own["detection_rate_at"].values())
        row = [name, f"{own['average_precision']:.3f}", *rates, f"{100 * point['rate']:.1f} / {point['wrong']}"]
        table.add_row(*row, *([f"{own['images_per_second']:.1f}"] if timed else []))
    return table
