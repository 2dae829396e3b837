"""A disk that fills up, or a kill, at a write of a run: one line, and going on gives what a run in peace gives.

`FER_TEST_FAULTS` is how many writes of each command are tried, spread over the run (3); 0 tries all, in minutes.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from skimage.data import astronaut

from fer.inference.tables import JOB
from fer.training.callbacks.checkpoints import BEST, LAST
from tests.conftest import TINY
from tests.faults import Ended, Fault, Run, run

pytestmark = pytest.mark.slow

TRIED = int(os.environ.get("FER_TEST_FAULTS", "3"))


def faults(writes: int) -> list[tuple[Fault, int]]:
    """The writes that are tried, the first among them, and what happens at each."""
    kinds: tuple[Fault, Fault] = ("full", "kill")
    if not TRIED:
        return [(kind, at) for at in range(1, writes + 1) for kind in kinds]
    chosen = np.unique(np.linspace(1, writes, TRIED).round().astype(int)).tolist()
    return [(kinds[number % 2], at) for number, at in enumerate(chosen)]


def check(ended: Ended, fault: Fault, what: str) -> None:
    assert "Traceback" not in ended.output, (what, ended.output)
    if fault == "kill":
        assert ended.status == -9, (what, ended)
    else:
        assert ended.status == 2, (what, ended)
        assert ended.output.count("error:") == 1 and "No space left on device" in ended.output, (what, ended.output)


def files(folder: Path) -> dict[str, bytes]:
    """What a run left, but for its lock."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def detecting(folder: Path, name: str, fault: Fault = "none", at: int = 0, more: Sequence[str] = ()) -> Run:
    run_dir = folder / "runs" / name / "1"
    arguments = ("source=in", "save.crops=true", "threads=1", f"hydra.run.dir={run_dir}", *more)
    return Run("detect", arguments, str(run_dir.parent), fault, at)


def test_detection_goes_on_after_any_write(tmp_path: Path):
    for name in ("in", "runs"):
        (tmp_path / name).mkdir()
    for name in ("a", "b"):
        cv2.imwrite(str(tmp_path / f"in/{name}.png"), cv2.resize(astronaut()[..., ::-1], (160, 160)))
    (tmp_path / "in/broken.png").write_bytes(b"nothing")
    (peaceful,) = run([detecting(tmp_path, "peaceful")], tmp_path)
    assert peaceful.status == 1 and peaceful.writes > 30, peaceful.output
    wanted = files(tmp_path / "runs/peaceful/1")
    assert {JOB, "inputs.csv", "faces.csv", "faces.json", "annotated/a.png"} < {*wanted}
    chosen = faults(peaceful.writes)
    broken = run([detecting(tmp_path, f"{fault}{at}", fault, at) for fault, at in chosen], tmp_path)
    # where not even its job was written there is nothing to go on with
    begun = {(fault, at): (tmp_path / f"runs/{fault}{at}/1" / JOB).exists() for fault, at in chosen}
    again = run(
        [detecting(tmp_path, f"{fault}{at}", more=["resume=true"] if begun[fault, at] else []) for fault, at in chosen],
        tmp_path,
    )
    for (fault, at), first, second in zip(chosen, broken, again, strict=True):
        check(first, fault, f"{fault} at {at}")
        assert second.status == 1, (fault, at, second.output)
        assert files(tmp_path / f"runs/{fault}{at}/1") == wanted, (fault, at)


def training(folder: Path, name: str, fault: Fault = "none", at: int = 0) -> Run:
    run_dir = folder / "runs" / name
    last = run_dir / "checkpoints" / LAST
    more = [f"ckpt_path={last}"] if last.exists() else []
    fast = ("trainer.max_epochs=2", "data.train_size=64", "data.val_size=32", "data.batch_size=16", "test=false")
    return Run("train", (*TINY, *fast, f"hydra.run.dir={run_dir}", *more), str(run_dir), fault, at)


def figures(folder: Path) -> dict[str, Any]:
    """Of a run that went to its end."""
    told = json.loads((folder / "metrics.json").read_text())
    return {name: value for name, value in told.items() if name not in ("seconds", "checkpoint", "command")}


def test_training_goes_on_after_any_write(tmp_path: Path):
    (tmp_path / "runs").mkdir()
    (peaceful,) = run([training(tmp_path, "peaceful")], tmp_path)
    assert peaceful.status == 0 and peaceful.writes > 30, peaceful.output
    chosen = faults(peaceful.writes)
    broken = run([training(tmp_path, f"{fault}{at}", fault, at) for fault, at in chosen], tmp_path)
    again = run([training(tmp_path, f"{fault}{at}") for fault, at in chosen], tmp_path)
    for (fault, at), first, second in zip(chosen, broken, again, strict=True):
        if first.status or at < peaceful.writes - 5:  # TensorBoard's last writes come when they come
            check(first, fault, f"{fault} at {at}")
        assert second.status == 0, (fault, at, second.output)
        folders = [tmp_path / "runs" / name for name in ("peaceful", f"{fault}{at}")]
        wanted, got = map(figures, folders)
        assert wanted == got, (fault, at)
        for name in (BEST, LAST):
            one, other = (torch.load(folder / "checkpoints" / name, weights_only=True) for folder in folders)
            assert one["global_step"] == other["global_step"], (fault, at, name)
            same = (torch.equal(one["state_dict"][key], other["state_dict"][key]) for key in one["state_dict"])
            assert all(same), (fault, at, name)
        assert not list(folders[1].rglob(".*.part*")), (fault, at)
