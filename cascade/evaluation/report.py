"""What a comparison leaves behind: a table, results.json, CSV files, a plot and pictures of the errors."""

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Column, Table

from cascade.detector import FaceDetector
from cascade.evaluation.compare import Comparison, DetectorResult
from cascade.evaluation.mistakes import mistake_sheet
from cascade.evaluation.plot import plot_curves
from cascade.evaluation.settings import EvaluateSettings
from cascade.files import whole, write_whole
from cascade.pictures import save_picture


def results(
    comparison: Comparison, config: EvaluateSettings, detectors: Mapping[str, FaceDetector], speed: Mapping[str, float]
) -> dict[str, Any]:
    """All figures as plain values, as they go to results.json; `speed` is images a second by detector, if measured."""
    counted = comparison.images
    return {
        "images": len(counted),
        "faces": sum(int((~entry.ignore).sum()) for entry in counted),
        "ignored_faces": sum(int(entry.ignore.sum()) for entry in counted),
        "images_fitted_on": comparison.training_images,
        "unreadable_images": [str(path) for path in comparison.unreadable],
        "iou": config.iou,
        "speed_images": min(config.speed.images, len(counted)),
        "speed_threads": config.speed.threads,
        "detectors": {
            name: _figures(result, config, len(counted))
            | {"images_per_second": speed.get(name), "settings": _plain(vars(detectors[name]))}
            for name, result in comparison.results.items()
        },
    }


def _figures(result: DetectorResult, config: EvaluateSettings, images: int) -> dict[str, Any]:
    rate_at, per_image = result.curve.rate_at, config.false_positives_per_image
    return {
        "average_precision": result.curve.average_precision(),
        "detection_rate_at": {f"{k:g}": rate_at(k) for k in config.false_positives},
        "detection_rate_at_per_image": {f"{k:g}": rate_at(k * images) for k in per_image},
        "operating_point": result.operating._asdict(),
        "sweep": [point._asdict() for point in result.sweep],
        "box_adjustment": None if result.adjustment is None else asdict(result.adjustment),
    }


def _plain(own: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v if isinstance(v, bool | int | float | None) else str(v) for k, v in own.items() if k[0] != "_"}


def write_report(folder: Path, comparison: Comparison, figures: Mapping[str, Any], tiles: int) -> list[Path]:
    """Write everything below a folder and return the files; `tiles` misses and false alarms are shown per detector."""
    written = [folder / "results.json", folder / "froc.png"]
    write_whole(written[0], json.dumps(figures, indent=2) + "\n")
    title = f"{figures['faces']} faces, {figures['images']} images, IoU {figures['iou']:g}"
    with whole(written[1]) as part:
        plot_curves(comparison.results, f"{title}; dots: own settings, rings: other min_neighbors").savefig(part)
    for name, rows in _tables(comparison.results, figures["detectors"]).items():
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


def _tables(results: Mapping[str, DetectorResult], figures: Mapping[str, Any]) -> dict[str, list[Iterable[object]]]:
    """The rows of each CSV file, its header first."""
    flat = [
        {"detector": name, "average_precision": own["average_precision"]}
        | {f"rate_at_{key}": value for key, value in own["detection_rate_at"].items()}
        | {f"rate_at_{key}_per_image": value for key, value in own["detection_rate_at_per_image"].items()}
        | {f"own_settings_{key}": value for key, value in own["operating_point"].items()}
        | {"images_per_second": own["images_per_second"]}
        for name, own in figures.items()
    ]
    tables: dict[str, list[Iterable[object]]] = {
        "results": [flat[0], *(row.values() for row in flat)],
        "curves": [("detector", "threshold", "found", "false_alarms", "detection_rate")],
        "sweep": [("detector", "min_neighbors", "found", "false_alarms", "detection_rate")],
        "detections": [("detector", "image", "x", "y", "width", "height", "score", "verdict")],
    }
    for name, result in results.items():
        curve = result.curve
        for threshold, found, wrong, rate in zip(curve.thresholds, curve.found, curve.wrong, curve.rates, strict=True):
            tables["curves"].append((name, f"{threshold:.6g}", found, wrong, f"{rate:.6f}"))
        for least, found, wrong, rate in result.sweep:
            tables["sweep"].append((name, least, found, wrong, f"{rate:.6f}"))
        for path, box, score, verdict in result.outcomes:
            if verdict != "missed":
                place = (f"{value:.1f}" for value in box)
                tables["detections"].append((name, path, *place, f"{score:.6g}", verdict))
    return tables


def result_table(figures: Mapping[str, Any]) -> Table:
    """The figures for the terminal."""
    rows = {
        name: {"AP": f"{own['average_precision']:.3f}"}
        | {f"@{key}": f"{100 * rate:.1f}" for key, rate in own["detection_rate_at"].items()}
        | {"as set": f"{100 * own['operating_point']['rate']:.1f} / {own['operating_point']['wrong']}"}
        | ({"img/s": f"{own['images_per_second']:.1f}"} if own["images_per_second"] else {})
        for name, own in figures["detectors"].items()
    }
    caption = (
        "@K: % of the faces found with at most K false alarms over all images; "
        "as set: % found / false alarms with the detector's own settings"
    )
    heads, threads = list(next(iter(rows.values()))), figures["speed_threads"]
    if heads[-1] == "img/s":
        caption += f"; img/s: images a second on {threads} thread{'s' if threads != 1 else ''}"
    title = f"{figures['faces']} faces to find in {figures['images']} images, IoU {figures['iou']:g}"
    columns = [Column("detector", no_wrap=True), *(Column(head, justify="right", no_wrap=True) for head in heads)]
    table = Table(*columns, title=title, caption=caption, box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for name, row in rows.items():
        table.add_row(name, *row.values())
    return table
