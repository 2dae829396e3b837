"""What a run leaves: one table on the terminal, `metrics.json` in its folder, HParams in TensorBoard."""

import json
from collections.abc import Mapping
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
from fer.training.metrics import Scores
from fer.training.plots import curves_figure

METRICS_FILE = "metrics.json"
_COMPARED = ("model", "loss", "optimizer", "scheduler", "data", "augmentation")


def scores_table(scores: Mapping[str, Scores]) -> Table:
    """Lay the scores of the splits side by side: totals first, then a line per class."""
    table = Table("", title="Results", title_justify="left")
    for split, values in scores.items():
        table.add_column(f"{split} ({values.count:,} faces)", justify="right")
    table.add_row("accuracy", *(f"{s.accuracy:.2%}" for s in scores.values()), style="bold")
    table.add_row("macro-F1", *(f"{s.macro_f1:.4f}" for s in scores.values()))
    table.add_row("calibration error (ECE)", *(f"{s.ece:.4f}" for s in scores.values()))
    unsure = [s.unsure for s in scores.values()]
    table.add_row(f"unsure, below {unsure[0].below:.2f}", *(f"{one.share:.1%} of the faces" for one in unsure))
    table.add_row("  accuracy of these", *(f"{one.accuracy:.2%}" for one in unsure))
    table.add_row("  accuracy of the others", *(f"{one.others:.2%}" for one in unsure), end_section=True)
    table.add_row("precision / recall / F1", style="dim")
    for name in next(iter(scores.values())).classes:
        per_split = (s.classes[name] for s in scores.values())
        table.add_row(name, *(f"{c.precision:.3f} / {c.recall:.3f} / {c.f1:.3f}" for c in per_split))
    return table


def report(folder: Path, scores: Mapping[str, Scores], about: Mapping[str, Any], notes: list[str]) -> None:
    """Print a run's scores per split, `val` and perhaps `test`, and write them to `metrics.json` in its folder.

    The plain values `about` the run are kept there too, and so are `notes`, sentences that stand below the table.
    """
    values = {split: asdict(s) for split, s in scores.items()}
    write_whole(folder / METRICS_FILE, json.dumps({**values, **about, "notes": notes}, indent=2) + "\n")
    console = Console(soft_wrap=True, highlight=False, markup=False)
    console.print()
    if scores:
        console.print(scores_table(scores))
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
