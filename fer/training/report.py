"""What a run leaves: one table on the terminal, `metrics.json` in its folder, HParams in TensorBoard."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import pandas as pd
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import Trainer
from pytorch_lightning.loggers import TensorBoardLogger
from rich.console import Console
from rich.table import Table

from fer.training.metrics import Scores
from fer.visual import curves_picture

METRICS_FILE = "metrics.json"


def scores_table(scores: Mapping[str, Scores]) -> Table:
    """Lay the scores of the splits side by side: totals first, then a line per class."""
    table = Table(title="Results", title_justify="left")
    table.add_column("")
    for split, values in scores.items():
        table.add_column(f"{split} ({values.count:,} faces)", justify="right")
    table.add_row("accuracy", *(f"{s.accuracy:.2%}" for s in scores.values()), style="bold")
    table.add_row("macro-F1", *(f"{s.macro_f1:.4f}" for s in scores.values()))
    table.add_row("calibration error (ECE)", *(f"{s.ece:.4f}" for s in scores.values()), end_section=True)
    table.add_row("[dim]precision / recall / F1[/dim]", *("" for _ in scores))
    for name in next(iter(scores.values())).classes:
        per_split = (s.classes[name] for s in scores.values())
        table.add_row(name, *(f"{c.precision:.3f} / {c.recall:.3f} / {c.f1:.3f}" for c in per_split))
    return table


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write JSON so that a reader never meets half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(json.dumps(values, indent=2) + "\n")
    temporary.replace(path)


def report(folder: Path, scores: Mapping[str, Scores], about: Mapping[str, Any], notes: list[str]) -> None:
    """Print the table with where to find things, and write the same figures to `metrics.json`.

    Args:
        folder: the run's folder.
        scores: per split, `val` and perhaps `test`.
        about: plain values to keep beside the scores, such as checkpoint, seed and commit.
        notes: sentences to print below the table and to keep.
    """
    values = {split: s.to_dict() for split, s in scores.items()}
    write_json(folder / METRICS_FILE, {**values, **about, "notes": notes})
    console = Console(soft_wrap=True)
    console.print()
    if scores:
        console.print(scores_table(scores))
    for note in notes:
        console.print(f"[yellow]{note}[/yellow]", highlight=False)
    lines: dict[str, Any] = {"checkpoint": about.get("checkpoint"), "metrics": folder / METRICS_FILE}
    if (folder / "curve.png").is_file():
        lines["curve"] = folder / "curve.png"
    if (folder / "tensorboard").is_dir():
        lines |= {"TensorBoard": folder / "tensorboard", "open it with": f"tensorboard --logdir {folder}"}
    for name, value in lines.items():
        if value:
            console.print(f"{name:>13}  {value}", highlight=False, markup=False)


def write_history(folder: Path, history: Mapping[str, list[float]]) -> None:
    """Write the values of every epoch as `history.csv` and as `curve.png`."""
    if not history["epoch"]:
        return
    pd.DataFrame(history).astype({"epoch": int}).to_csv(folder / "history.csv", index=False)
    curves = {name: history[name] for name in ("train/acc", "val/acc") if name in history}
    cv2.imwrite(str(folder / "curve.png"), curves_picture(curves, f"accuracy, {folder.name}"))


def log_hyperparameters(trainer: Trainer, config: DictConfig, scores: Scores) -> None:
    """Put the run's settings with its final scores into TensorBoard, where the HParams tab compares runs."""
    settings = {group: OmegaConf.to_container(config[group], resolve=True) for group in _COMPARED if group in config}
    flat = {"seed": config.seed, **_flatten(settings)}
    metrics = {"final/val_acc": scores.accuracy, "final/val_macro_f1": scores.macro_f1, "final/val_ece": scores.ece}
    for logger in trainer.loggers:
        if isinstance(logger, TensorBoardLogger):
            logger.log_hyperparams(flat, metrics)
            logger.save()


_COMPARED = ("model", "optimizer", "scheduler", "data", "augmentation", "loss")


def _flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flatten(value, f"{prefix}{name}/")
        elif isinstance(value, bool | int | float | str):
            flat[prefix + name] = value
        elif value is not None:
            flat[prefix + name] = str(value)
    return flat
