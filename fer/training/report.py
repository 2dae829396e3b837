"""What a run leaves: one table on the terminal, `metrics.json` in its folder, HParams in TensorBoard."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import Trainer
from pytorch_lightning.loggers import TensorBoardLogger
from rich.console import Console
from rich.table import Table

from cascade.files import write_whole
from fer.training.details import Comparison, Details, Named
from fer.training.metrics import Scores
from fer.training.plots import curves_figure

METRICS_FILE = "metrics.json"
_COMPARED = ("model", "loss", "optimizer", "scheduler", "data", "augmentation")


def scores_table(scores: Mapping[str, Scores]) -> Table:
    """Lay the scores of the splits side by side: totals first, then a line per class."""
    table = Table("", title="Results", title_justify="left")
    for split, values in scores.items():
        table.add_column(f"{split} ({values.count:,} faces)", justify="right")

    def row(name: str, figure: Callable[[Scores], str], **options: Any) -> None:
        table.add_row(name, *(figure(one) for one in scores.values()), **options)

    def detail(name: str, figure: Callable[[Details], str]) -> None:
        if all(one.details for one in scores.values()):
            row(name, lambda one: figure(one.details) if one.details else "")

    row("accuracy", lambda one: f"{one.accuracy:.2%}", style="bold")
    detail("  mean with the mirrored face", lambda of: f"{of.mirrored.accuracy:.2%}")
    detail("  without copies of training faces", lambda of: _named(of.copies.others))
    detail("  of these copies", lambda of: f"{of.copies.count:,} faces: {_named(of.copies.named)}")
    detail("  their labels agree in", lambda of: f"{of.copies.agreement:.2%}" if of.copies.count else "–")
    row("macro-F1", lambda one: f"{one.macro_f1:.4f}")
    detail("negative log-likelihood", lambda of: f"{of.nll:.4f}")
    detail("  mean with the mirrored face", lambda of: f"{of.mirrored.nll:.4f}")
    row("calibration error (ECE)", lambda one: f"{one.ece:.4f}")
    detail("  with a temperature", lambda of: f"{of.tempered.ece:.4f} at {of.tempered.temperature:.2f}")
    unsure = next(iter(scores.values())).unsure.below
    row(f"unsure, below {unsure:.2f}", lambda one: f"{one.unsure.share:.1%} of the faces")
    row("  accuracy of these", lambda one: f"{one.unsure.accuracy:.2%}")
    row("  accuracy of the others", lambda one: f"{one.unsure.others:.2%}", end_section=True)
    table.add_row("precision / recall / F1", style="dim")
    for name in next(iter(scores.values())).classes:
        per_split = (s.classes[name] for s in scores.values())
        table.add_row(name, *(f"{c.precision:.3f} / {c.recall:.3f} / {c.f1:.3f}" for c in per_split))
    return table


def _named(named: Named | None) -> str:
    return "–" if named is None else f"{named.accuracy:.2%}"


def confusion_table(split: str, scores: Scores) -> Table:
    """What the faces of each class were taken for, in % of them."""
    table = Table(f"{split}, true", title="Taken for, %", title_justify="left")
    for name in scores.classes:
        table.add_column(name, justify="right")
    for name, row in zip(scores.classes, scores.confusion, strict=True):
        total = max(1, sum(row))
        table.add_row(name, *(f"{100 * count / total:.0f}" for count in row))
    return table


def report(
    folder: Path,
    scores: Mapping[str, Scores],
    about: Mapping[str, Any],
    notes: list[str],
    against: tuple[str, Mapping[str, Comparison]] | None = None,
) -> None:
    """Print a run's scores per split, `val` and perhaps `test`, and write them to `metrics.json` in its folder.

    The plain values `about` the run are kept there too, and so are `notes`, sentences that stand below the table, and
    what came of the comparison with another model, by its name.
    """
    values: dict[str, Any] = {split: asdict(s) for split, s in scores.items()}
    if against:
        name, comparisons = against
        values["against"] = {"model": name, **{split: asdict(one) for split, one in comparisons.items()}}
    write_whole(folder / METRICS_FILE, json.dumps({**values, **about, "notes": notes}, indent=2) + "\n")
    console = Console(soft_wrap=True, highlight=False, markup=False)
    console.print()
    if scores:
        console.print(scores_table(scores))
        for split, one in scores.items():
            console.print(confusion_table(split, one))
    if against:
        for split, comparison in against[1].items():
            console.print(f"{split} beside {against[0]}: {comparison}")
    for note in notes:
        console.print(note, style="yellow")
    lines: dict[str, Any] = {"checkpoint": about.get("checkpoint"), "metrics": folder / METRICS_FILE}
    if (folder / "curve.png").is_file():
        lines["curve"] = folder / "curve.png"
    if (folder / "tensorboard").is_dir():
        lines |= {"TensorBoard": folder / "tensorboard", "open it with": f"tensorboard --logdir {folder}"}
    for name, value in lines.items():
        if value:
            console.print(f"{name:>13}  {value}")


def write_history(folder: Path, history: Mapping[str, list[float]]) -> None:
    """Write the values of every epoch as `history.csv` and as `curve.png`."""
    if history["epoch"]:
        pd.DataFrame(history).astype({"epoch": int}).to_csv(folder / "history.csv", index=False)
        curves = {name: history[name] for name in ("train/acc", "val/acc") if name in history}
        curves_figure(curves, f"accuracy, {folder.name}").savefig(folder / "curve.png")


def log_hyperparameters(trainer: Trainer, config: DictConfig, scores: Scores) -> None:
    """Put the run's settings with its final scores into TensorBoard, where the HParams tab compares runs."""
    settings = {group: OmegaConf.to_container(config[group], resolve=True) for group in _COMPARED}
    flat = {"seed": config.seed, **pd.json_normalize(settings, sep="/").to_dict("records")[0]}
    plain = {str(k): v if isinstance(v, bool | int | float | str) else str(v) for k, v in flat.items() if v is not None}
    metrics = {name.replace("val/", "final/val_"): value for name, value in scores.totals().items()}
    for logger in trainer.loggers:
        if isinstance(logger, TensorBoardLogger):
            logger.log_hyperparams(plain, metrics)
            logger.save()
