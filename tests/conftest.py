"""Running the commands as a user does."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Small enough for a test, large enough to have every class in every split
TINY = (
    "data=synthetic",
    "data.train_size=128",
    "data.val_size=64",
    "data.test_size=64",
    "data.batch_size=32",
    "trainer=cpu",
    "trainer.enable_model_summary=false",
    "trainer.log_every_n_steps=1",
    "threads=1",
)


class Commands:
    """Runs the repository's commands in a folder of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(ROOT)}

    def start(self, *args: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *args],
            cwd=self.folder,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=_heed_interrupts,
        )

    def run(self, *args: str, status: int = 0, timeout: float = 800) -> str:
        process = self.start(*args)
        try:
            output, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
            pytest.fail(f"{args} took longer than {timeout} s:\n{output}")
        assert process.returncode == status, f"exit status {process.returncode}, not {status}:\n{output}"
        return output

    def train(self, name: str, *overrides: str, tiny: bool = True, status: int = 0) -> tuple[Path, str]:
        """Run train.py; return the run's folder and the output."""
        args = [*(TINY if tiny else ()), *overrides]
        run = self.folder / name
        return run, self.run(str(ROOT / "train.py"), *args, f"hydra.run.dir={run}", status=status)

    def interrupt_training(
        self, name: str, *overrides: str, number: signal.Signals, after: Path
    ) -> tuple[Path, str, int]:
        """Start train.py, send a signal once `after` exists; return folder, output and exit status."""
        run = self.folder / name
        process = self.start(str(ROOT / "train.py"), *TINY, *overrides, f"hydra.run.dir={run}")
        deadline = time.monotonic() + 600
        while not after.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(number)
        output, _ = process.communicate(timeout=600)
        return run, output, process.returncode


def metrics_of(run: Path) -> Any:
    """What a run wrote into its metrics.json."""
    return json.loads((run / "metrics.json").read_text())


def _heed_interrupts() -> None:
    """Undo what a shell does to commands that it starts in the background: let them ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture(scope="session")
def tools() -> Any:
    """OpenCV's training binaries, where they are cached or on PATH; with FER_TEST_TOOLS=1 they are compiled."""
    from cascade.opencv.tools.find import find_tools
    from cascade.opencv.tools.install import ensure_tools

    if find_tools() is None and os.environ.get("FER_TEST_TOOLS") != "1":
        pytest.skip("OpenCV's training binaries are not there: make tools, or FER_TEST_TOOLS=1, compiles them")
    return ensure_tools()


@pytest.fixture
def commands(tmp_path: Path) -> Commands:
    return Commands(tmp_path)
