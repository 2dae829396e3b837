"""Sweeps as a user runs them: several runs of train.py, and what must not be swept."""

import sqlite3

import pytest

from tests.conftest import ROOT, TINY, metrics_of


def test_a_sweep_ends_with_one_table_best_first(commands):
    sweep = commands.folder / "sweep"
    output = commands.run(
        str(ROOT / "train.py"),
        "-m",
        *TINY,
        "trainer.max_epochs=1",
        "optimizer.lr=0.02,0.00001",
        f"hydra.sweep.dir={sweep}",
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


def test_optuna_searches_and_resumes_its_study(commands):
    study = [
        "hparams_search=optuna",
        "hydra.sweeper.n_trials=1",
        f"hydra.sweeper.storage=sqlite:///{commands.folder}/s.db",
    ]
    overrides = ["-m", *TINY, "trainer.max_epochs=1", *study]
    commands.run(str(ROOT / "train.py"), *overrides, "hydra.sweep.dir=first")
    commands.run(str(ROOT / "train.py"), *overrides, "hydra.sweep.dir=second")
    with sqlite3.connect(commands.folder / "s.db") as database:
        states = [state for (state,) in database.execute("select state from trials")]
    assert states == ["COMPLETE", "COMPLETE"]
    assert "test" not in metrics_of(commands.folder / "first" / "0")


def test_distributed_training_under_a_drawing_sweeper_is_refused(commands):
    overrides = [
        "-m",
        *TINY,
        "trainer=ddp",
        "trainer.accelerator=cpu",
        "hparams_search=optuna",
        "hydra.sweeper.n_trials=1",
    ]
    output = commands.run(
        str(ROOT / "train.py"), *overrides, f"hydra.sweeper.storage=sqlite:///{commands.folder}/s.db", status=2
    )
    assert "would train with different parameters" in output
