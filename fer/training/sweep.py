"""What a sweep ends with: one table of its runs, best first."""

import json
import logging
from pathlib import Path
from typing import Any

import pandas as pd
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.table import Table

from fer.training.report import METRICS_FILE

log = logging.getLogger(__name__)


class SweepTable(Callback):
    """Hydra callback: collects the runs of a sweep's folder into a table and `sweep.csv`."""

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Print and write the table; runs without results are named, not hidden."""
        folder = Path(config.hydra.sweep.dir)
        runs = read_runs(folder)
        if not runs:
            log.warning("no runs with results in %s", folder)
            return
        runs.sort(key=lambda run: _rank(run, config.monitor, config.mode))
        keys = sorted({key for run in runs for key in run["overrides"]})
        # What all runs share says nothing about which is best
        changed = [key for key in keys if len({run["overrides"].get(key) for run in runs}) > 1]
        shown = list(dict.fromkeys([str(config.monitor), "val/acc", "val/macro_f1", "val/ece"]))
        results = pd.DataFrame(
            {"run": run["folder"].name}
            | {key: run["overrides"].get(key, "") for key in changed}
            | {metric: run["values"].get(metric) for metric in shown}
            for run in runs
        )
        results.to_csv(folder / "sweep.csv", index=False)
        title = f"{len(runs)} runs, best first by {config.monitor}"
        table = Table(*results.columns, title=title, title_justify="left")
        for row in results.itertuples(index=False):
            table.add_row(*("no result" if pd.isna(v) else f"{v:.4f}" if isinstance(v, float) else str(v) for v in row))
        console = Console(soft_wrap=True)
        console.print(table)
        console.print(
            f"sweep  {folder}\ncompare them with  tensorboard --logdir {folder}", highlight=False, markup=False
        )


def read_runs(folder: Path) -> list[dict[str, Any]]:
    """Read the runs below a sweep's folder.

    Returns:
        One dict per run: `folder`, `overrides` (key to value) and `values` (flat metrics, empty where
        the run left none).
    """
    runs = []
    for overrides in sorted(folder.glob("*/.hydra/overrides.yaml")):
        run = overrides.parents[1]
        pairs = [str(item).lstrip("+~").partition("=") for item in OmegaConf.load(overrides)]
        try:
            metrics = json.loads((run / METRICS_FILE).read_text())
        except (OSError, ValueError):
            metrics = {}
        values = dict(metrics.get("monitored", {}))
        val = metrics.get("val", {})
        values |= {"val/acc": val.get("accuracy"), "val/macro_f1": val.get("macro_f1"), "val/ece": val.get("ece")}
        runs.append({"folder": run, "overrides": {key: value for key, _, value in pairs}, "values": values})
    return runs


def _rank(run: dict[str, Any], monitor: str, mode: str) -> float:
    """Sort key: the best run first, those without a result last."""
    value = run["values"].get(monitor)
    if value is None:
        return float("inf")
    return -float(value) if mode == "max" else float(value)
