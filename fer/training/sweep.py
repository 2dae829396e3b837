"""What a sweep ends with: one table of its runs, best first."""

import json
import logging
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from cascade.command import FAILED

log = logging.getLogger(__name__)


class SweepTable(Callback):
    """Hydra callback: collects the runs of a sweep's folder into a table and `sweep.csv`."""

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Print and write the table; runs without results are named, not hidden."""
        # Not before: Hydra makes this callback for every run, before any missing package is named
        import pandas as pd

        folder = Path(config.hydra.sweep.dir)
        runs = [_read_run(overrides) for overrides in sorted(folder.glob("*/.hydra/overrides.yaml"))]
        if not runs:
            log.warning("no runs with results in %s", folder)
            return
        overrides = pd.DataFrame([changes for _, changes, _ in runs]).fillna("").sort_index(axis=1)
        # What all runs share says nothing about which is best
        changed = [key for key in overrides if overrides[key].nunique() > 1]
        shown = list(dict.fromkeys([str(config.monitor), "val/acc", "val/macro_f1", "val/ece"]))
        values = pd.DataFrame([metrics for _, _, metrics in runs]).reindex(columns=shown).astype(float)
        names = pd.Series([name for name, _, _ in runs], name="run")
        failures = pd.Series([_failure(folder / name) for name in names], name="failed")
        parts: list[Any] = [names, overrides[changed], values, *([failures] if failures.any() else [])]
        results = pd.concat(parts, axis=1)
        results = results.sort_values(str(config.monitor), ascending=config.mode == "min", kind="stable")
        results.to_csv(folder / "sweep.csv", index=False)
        columns = [Column(escape(name), overflow="fold") for name in results.columns]
        table = Table(*columns, title=f"{len(runs)} runs, best first by {config.monitor}", title_justify="left")
        for row in results.itertuples(index=False):
            cells = ("no result" if pd.isna(v) else f"{v:.4f}" if isinstance(v, float) else str(v) for v in row)
            table.add_row(*map(escape, cells))
        console = Console(soft_wrap=True, highlight=False, markup=False)
        console.print(table)
        console.print(f"sweep  {folder}\ncompare them with  tensorboard --logdir {folder}")


def _failure(run: Path) -> str:
    """What a run failed of, nothing if it did not."""
    try:
        return (run / FAILED).read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _read_run(overrides: Path) -> tuple[str, dict[str, str], dict[str, float]]:
    """A run's name, what it changed, and its metrics, empty where it left none."""
    run = overrides.parents[1]
    pairs = [str(item).lstrip("+~").partition("=") for item in OmegaConf.load(overrides)]
    try:
        metrics = json.loads((run / "metrics.json").read_text())
    except (OSError, ValueError):
        metrics = {}
    val = metrics.get("val", {})
    values = {"val/acc": val.get("accuracy"), "val/macro_f1": val.get("macro_f1"), "val/ece": val.get("ece")}
    return run.name, {key: value for key, _, value in pairs}, metrics.get("monitored", {}) | values
