"""Sweeps as a user runs them: several runs of train.py, and what must not be swept."""

import csv
import sqlite3

import pytest

from fer.train import main
from tests.conftest import TINY, metrics_of
from tests.in_process import run_here

# The sweeper of Hydra wants optuna 2.10, which uses what SQLAlchemy 1.4 calls deprecated
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:.*SQLAlchemy 2.0")]


def test_a_sweep_ends_with_one_table_best_first(tmp_path):
    sweep = tmp_path / "sweep"
    output = run_here(
        main,
        "-m",
        *TINY,
        "trainer.max_epochs=1",
        "optimizer.lr=0.02,0.00001",
        f"hydra.sweep.dir={sweep}",
        folder=tmp_path,
    )
    assert "2 runs, best first by val/acc" in output
    header, *rows = [line.split(",") for line in (sweep / "sweep.csv").read_text().splitlines()]
    assert "optimizer.lr" in header
    accuracies = [float(row[header.index("val/acc")]) for row in rows]
    assert len(accuracies) == 2
    assert accuracies == sorted(accuracies, reverse=True)
    for row in rows:
        scores = metrics_of(sweep / row[0])
        assert scores["monitored"]["val/acc"] == pytest.approx(float(row[header.index("val/acc")]), abs=1e-4)


def test_runs_of_a_sweep_can_share_a_device(tmp_path):
    """As the experiment for a GPU wants it; the launcher sends the configuration to other processes."""
    overrides = ["-m", "experiment=gpu_ensemble", *TINY, "trainer.max_epochs=1", "seed=1,2", "hydra.launcher.n_jobs=2"]
    processor = ["trainer.accelerator=cpu", "trainer.precision=32-true", "data.pin_memory=false", "threads=1"]
    small = ["model=small_resnet", "model.dropout=0.1"]
    folder = f"hydra.sweep.dir={tmp_path / 'sweep'}"
    run_here(main, *overrides, *processor, *small, folder, folder=tmp_path)
    first, second = (metrics_of(tmp_path / "sweep" / name) for name in "01")
    assert (first["seed"], second["seed"]) == (1, 2)


def test_a_run_that_fails_is_a_row_and_the_others_go_on(tmp_path):
    sweep = tmp_path / "sweep"
    rates = "optimizer.lr=0.02,1e30,0.01"
    command = ["-m", *TINY, "trainer.max_epochs=1", rates, f"hydra.sweep.dir={sweep}"]
    output = run_here(main, *command, folder=tmp_path, status=1)
    assert "1 of 3 runs failed\nrun 1: the loss is not finite" in output
    with (sweep / "sweep.csv").open(newline="") as file:
        rows = {row["run"]: row for row in csv.DictReader(file)}
    assert len(rows) == 3 and rows["1"]["val/acc"] == ""
    assert "the loss is not finite" in rows["1"]["failed"] and rows["0"]["failed"] == rows["2"]["failed"] == ""
    assert float(rows["0"]["val/acc"]) > 0 and float(rows["2"]["val/acc"]) > 0
    assert "the loss is not finite" in (sweep / "1/FAILED").read_text()


def test_optuna_goes_on_after_a_failed_trial(tmp_path):
    study = ["hparams_search=optuna", "hydra.sweeper.n_trials=2", f"hydra.sweeper.storage=sqlite:///{tmp_path}/s.db"]
    rates = ["hydra.sweeper.params={optimizer.lr: 'choice(1e30,1e31)'}"]
    run_here(main, "-m", *TINY, "trainer.max_epochs=1", *study, *rates, folder=tmp_path, status=1)
    with sqlite3.connect(tmp_path / "s.db") as database:
        states = [state for (state,) in database.execute("select state from trials")]
    assert states == ["FAIL", "FAIL"]


def test_optuna_searches_and_resumes_its_study(tmp_path):
    study = ["hparams_search=optuna", "hydra.sweeper.n_trials=1", f"hydra.sweeper.storage=sqlite:///{tmp_path}/s.db"]
    overrides = ["-m", *TINY, "trainer.max_epochs=1", *study]
    run_here(main, *overrides, "hydra.sweep.dir=first", folder=tmp_path)
    run_here(main, *overrides, "hydra.sweep.dir=second", folder=tmp_path)
    with sqlite3.connect(tmp_path / "s.db") as database:
        states = [state for (state,) in database.execute("select state from trials")]
    assert states == ["COMPLETE", "COMPLETE"]
    assert "test" not in metrics_of(tmp_path / "first" / "0")


def test_distributed_training_under_a_drawing_sweeper_is_refused(tmp_path):
    overrides = [
        "-m",
        *TINY,
        "trainer=ddp",
        "trainer.accelerator=cpu",
        "hparams_search=optuna",
        "hydra.sweeper.n_trials=1",
    ]
    output = run_here(main, *overrides, f"hydra.sweeper.storage=sqlite:///{tmp_path}/s.db", folder=tmp_path, status=1)
    assert "would train with different parameters" in output
