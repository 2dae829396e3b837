"""Compare face detectors on annotated pictures: `python -m cascade.evaluate truth=LIST images=FOLDER`."""

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from cascade.command import output_dir, run_command
from cascade.detector import FaceDetector
from cascade.errors import ConfigError, DataError
from cascade.evaluation.choice import build_detectors
from cascade.evaluation.compare import Comparison, compare
from cascade.evaluation.report import Reading, result_table, results, write_report
from cascade.evaluation.speed import images_per_second
from cascade.evaluation.truth import FaceFilter, check_files
from cascade.pictures import SUFFIXES
from cascade.samples.annotations import read_annotations
from cascade.samples.image_annotations import ImageAnnotations, plain_entry
from cascade.terminal import progress_bar


def evaluate(config: DictConfig, folder: Path, console: Console) -> float:
    """Compare as configured (configs/cascade/evaluate.yaml), write the report to a folder, print the table.

    Returns:
        The best detector's average precision: what a sweep may optimise.

    Raises:
        UserError: for what the user can mend.
    """
    if not 0 < config.iou <= 1:
        raise ConfigError(f"iou must be above 0 and at most 1, not {config.iou}")
    if any(least < 1 for least in config.sweep):
        raise ConfigError(f"sweep holds values of min_neighbors from 1 on, not {list(config.sweep)}")
    choices = OmegaConf.to_container(config.detectors, resolve=True)
    settings = OmegaConf.to_container(config.settings, resolve=True)
    if not isinstance(choices, list) or not isinstance(settings, dict):
        raise ConfigError("detectors is a list: detectors=[alt2,my.xml]")
    detectors = build_detectors(choices, {str(key): value for key, value in settings.items()})
    images = _images(config)
    if config.threads is not None:
        cv2.setNumThreads(config.threads)
    with progress_bar(console) as progress:
        task = progress.add_task("detecting", total=len(images) * len(detectors))
        comparison = compare(
            detectors,
            images,
            iou_threshold=config.iou,
            sweep=list(config.sweep),
            fit_share=config.fit_share,
            seed=config.seed,
            tiles=config.tiles,
            progress=lambda: progress.advance(task),
        )
    speed = _speed(config, detectors, comparison)
    reading = Reading(
        list(config.false_positives),
        list(config.false_positives_per_image),
        config.iou,
        speed,
        min(config.speed.images, len(comparison.images)),
        config.speed.threads,
    )
    figures = results(comparison, reading, detectors)
    written = write_report(folder, comparison, figures)
    console.print(result_table(figures))
    for name, result in comparison.results.items():
        if result.adjustment is not None:
            console.print(f"{name}: boxes adjusted by {result.adjustment}", soft_wrap=True)
        elif config.fit_share:
            console.print(f"{name}: too few faces found to fit a box adjustment", style="yellow")
    if comparison.training_images:
        console.print(f"{comparison.training_images} images were kept for fitting and are not counted")
    for path in comparison.unreadable:
        hint = " (GIF needs OpenCV 4.11 or later)" if path.suffix.lower() == ".gif" else ""
        console.print(f"left out, OpenCV cannot read it: {path}{hint}", style="yellow", soft_wrap=True)
    console.print(f"{len(written)} files in {folder}", soft_wrap=True, highlight=False)
    return max(result.curve.average_precision() for result in comparison.results.values())


def _images(config: DictConfig) -> list[ImageAnnotations]:
    face_filter: FaceFilter = instantiate(config.count)
    entries = read_annotations(config.truth, config.images, config.format, config.category)
    if config.negatives is not None:
        folder = Path(config.negatives).expanduser()
        found = [p for p in sorted(folder.rglob("*")) if p.suffix.lower() in SUFFIXES]
        if not found:
            raise DataError(f"there are no pictures in {folder}")
        entries += [plain_entry(path, []) for path in found]
    check_files(entries)
    if config.limit is not None and config.limit < len(entries):
        if config.limit < 1:
            raise ConfigError(f"limit must be at least 1, not {config.limit}")
        drawn = np.random.default_rng(config.seed).permutation(len(entries))[: config.limit]
        entries = [entries[i] for i in sorted(drawn)]
    return [face_filter.apply(entry) for entry in entries]


def _speed(config: DictConfig, detectors: Mapping[str, FaceDetector], comparison: Comparison) -> dict[str, float]:
    if config.speed.images < 1:
        return {}
    step = max(1, len(comparison.images) // config.speed.images)
    paths = [entry.path for entry in comparison.images[::step][: config.speed.images]]
    return images_per_second(detectors, paths, config.speed.threads, config.speed.repeats)


def main() -> None:
    """Run the command."""
    run_command(lambda config: evaluate(config, output_dir(), Console()), "evaluate", "cascade")


if __name__ == "__main__":
    main()
