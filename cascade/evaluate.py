"""Compare face detectors on annotated pictures: `python -m cascade.evaluate truth=LIST images=FOLDER`."""

from pathlib import Path

import cv2
import numpy as np
from hydra.core.config_store import ConfigStore
from rich.console import Console

from cascade.command import output_dir, run_command, settings
from cascade.errors import DataError
from cascade.evaluation.choice import build_detectors
from cascade.evaluation.compare import compare
from cascade.evaluation.settings import EvaluateSettings
from cascade.evaluation.speed import images_per_second
from cascade.pictures import find_pictures, read_picture
from cascade.samples.annotations import read_annotations
from cascade.samples.image_annotations import ImageAnnotations, plain_entry
from cascade.terminal import progress_bar

ConfigStore.instance().store(name="evaluate_schema", node=EvaluateSettings)


def evaluate(config: EvaluateSettings, folder: Path, console: Console) -> float:
    """Compare as configured, write the report to a folder, print the table.

    Returns:
        The best detector's average precision, 0 to 1: what a sweep may optimise.
    """
    from cascade.evaluation.report import result_table, results, write_report

    images = _images(config)
    detectors = build_detectors(config.detectors, config.settings)
    if config.threads is not None:
        cv2.setNumThreads(config.threads)
    with progress_bar(console) as progress:
        tracked = progress.track(images, description="detecting")
        comparison = compare(
            detectors, tracked, iou=config.iou, sweep=config.sweep, fit_share=config.fit_share, seed=config.seed
        )
    speed = {}
    if config.speed.images > 0:
        step = max(1, len(comparison.images) // config.speed.images)
        timed = [read_picture(entry.path) for entry in comparison.images[::step][: config.speed.images]]
        speed = images_per_second(detectors, timed, config.speed.threads, config.speed.repeats)
    figures = results(comparison, config, detectors, speed)
    written = write_report(folder, comparison, figures, config.tiles)
    console.print(result_table(figures))
    for name, result in comparison.results.items():
        if result.adjustment is not None:
            console.print(f"{name}: boxes adjusted by {result.adjustment}", soft_wrap=True)
        elif config.fit_share:
            console.print(f"{name}: too few faces found to fit a box adjustment", style="yellow")
    if comparison.training_images:
        console.print(f"{comparison.training_images} images were kept for fitting and are not counted")
    for path, reason in comparison.unreadable.items():
        hint = " (GIF needs OpenCV 4.11 or later)" if path.suffix.lower() == ".gif" else ""
        console.print(f"left out: {reason}{hint}", style="yellow", soft_wrap=True)
    console.print(f"{len(written)} files in {folder}", soft_wrap=True, highlight=False)
    return max(result.curve.average_precision() for result in comparison.results.values())


def _images(config: EvaluateSettings) -> list[ImageAnnotations]:
    entries = read_annotations(config.truth, config.images, config.format, config.category)
    if config.negatives is not None:
        entries += [plain_entry(path, []) for path in find_pictures(Path(config.negatives).expanduser())]
    if missing := [str(entry.path) for entry in entries if not entry.path.is_file()]:
        shown = ", ".join(missing[:3]) + (" ..." if len(missing) > 3 else "")
        hint = "give the folder that they are in with images="
        raise DataError(f"{len(missing)} of {len(entries)} annotated images are missing: {shown}; {hint}")
    drawn = np.random.default_rng(config.seed).permutation(len(entries))[: config.limit]
    return [config.count.apply(entries[i]) for i in sorted(drawn)]


def main() -> None:
    """Run the command."""
    run_command(lambda c: evaluate(settings(c, EvaluateSettings), output_dir(), Console()), "evaluate", "cascade")


if __name__ == "__main__":
    main()
