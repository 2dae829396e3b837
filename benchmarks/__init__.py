"""Every speed claim of this project, side by side in one run. `python -m benchmarks.NAME --help`."""

from pathlib import Path

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
