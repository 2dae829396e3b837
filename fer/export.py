"""The command `python -m fer.export ckpt_path=….ckpt`: a checkpoint becomes an ONNX model that runs without torch."""

import json
import logging
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from cascade.command import run_command
from cascade.errors import ConfigError, DataError, OutputError
from fer.card import update_card

log = logging.getLogger(__name__)


def read_metrics(path: Path) -> dict[str, Any]:
    """Read the scores per split from a run's `metrics.json`, without the confusion matrices.

    Raises:
        DataError: it cannot be read.
    """
    try:
        splits = {name: scores for name, scores in json.loads(path.read_text()).items() if name in ("val", "test")}
        return {name: {k: v for k, v in scores.items() if k != "confusion"} for name, scores in splits.items()}
    except (OSError, ValueError, AttributeError) as error:
        raise DataError(f"metrics cannot be read from {path}: {error}") from error


def export_configured(config: DictConfig) -> None:
    """Export as configured and print what was written."""
    if config.ckpt_path is None:
        raise ConfigError("name the checkpoint: python -m fer.export ckpt_path=outputs/train/…/checkpoints/best.ckpt")
    ckpt_path = Path(str(config.ckpt_path)).expanduser()
    output = Path(str(config.output)).expanduser() if config.output else ckpt_path.with_suffix(".onnx")
    if output.suffix != ".onnx":
        raise ConfigError(f"output must end in .onnx, not {output.name}")
    if output.exists() and not config.overwrite:
        raise OutputError(f"{output} is there already; set overwrite=true, or output to another file")
    scores = Path(str(config.metrics)).expanduser() if config.metrics else ckpt_path.parent.parent / "metrics.json"
    known = config.metrics is not None or scores.is_file()
    crop = {str(key): value for key, value in config.crop.items() if value is not None}
    from fer.onnx_export import export

    info, result = export(ckpt_path, output, config.tolerance, crop, read_metrics(scores) if known else None)
    if not info.metrics:
        log.warning("no %s: the model will not know its accuracy; name the file with metrics=…", scores)
    card, size = output.with_suffix(".md"), output.stat().st_size
    rows = {
        "written": f"{output}  ({size / 1000:.1f} kB)",
        "weights": f"{output.with_suffix('.ckpt')}, for explain=true",
        "verified": f"probabilities equal the checkpoint's within {result.difference:.1e}",
        "speed": f"{result.model_speed:,.0f} faces/s on one thread, the checkpoint {result.checkpoint_speed:,.0f} "
        f"({result.model_speed / result.checkpoint_speed:.1f}×)",
        "classes": ", ".join(info.preprocessing.classes),
        "faces": f"{info.preprocessing.size}×{info.preprocessing.size} gray",
        "accuracy": ", ".join(f"{split} {one['accuracy']:.2%}" for split, one in info.metrics.items()) or "unknown",
        "commit": info.commit,
        "use it": f"python detect.py source=photo.jpg classifier={output}",
    }
    if update_card(card, info, size):
        rows["card"] = str(card)
    for name, value in rows.items():
        print(f"{name:>9}  {value}")


def main() -> None:
    """Run the command."""
    run_command(export_configured, "export", positional=("ckpt_path",), extra="export")


if __name__ == "__main__":
    main()
