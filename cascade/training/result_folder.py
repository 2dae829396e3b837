"""The folder of a training: what it was begun with, and what may not change when it is continued."""

import hashlib
import json
from pathlib import Path
from typing import Any

from cascade.errors import TrainingError
from cascade.files import write_whole
from cascade.training.trainer import Inputs, Trainer


def begin_or_continue(folder: Path, trainer: Trainer, inputs: Inputs) -> None:
    """Record what a training is begun with in `training.json`, or refuse to continue it under other conditions.

    Raises:
        TrainingError: there are finished stages, and options, positives or negatives differ, or another trainer
            began; the message shows how. Nothing was changed.
    """
    # names and sizes: cheap, and the same after the whole folder has moved
    listed = "\n".join(f"{path.name} {path.stat().st_size if path.is_file() else 0}" for path in inputs.negatives)
    training: dict[str, Any] = {
        "trainer": trainer.name,
        "options": dict(trainer.settings),
        "vec": str(inputs.vec.absolute()),
        "vec_sha256": hashlib.sha256(inputs.vec.read_bytes()).hexdigest() if inputs.vec.is_file() else "",
        "negatives": len(inputs.negatives),
        "negatives_sha256": hashlib.sha256(listed.encode(errors="surrogateescape")).hexdigest(),
    }
    record = folder / "training.json"
    before = training | (json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {})
    if before["trainer"] != trainer.name:
        raise TrainingError(f"{folder} is a training with trainer={before['trainer']}; choose another name=…")
    finished = trainer.finished(folder)
    options = before["options"] if record.is_file() else finished.settings  # without a record, trained by hand
    differences = [
        f"options.{name}: {options[name]} → {new}"
        for name, new in trainer.settings.items()
        if name in options and not _same(options[name], new) and not trainer.may_change(name, options[name], new)
    ]
    differences += [
        f"{name}: {before[name]} → {training[name]} (other content)"
        for name in ("vec", "negatives")
        if before[f"{name}_sha256"] != training[f"{name}_sha256"]
    ]
    if finished.stages and differences:
        raise TrainingError(
            "\n  ".join([f"{folder} holds {finished.stages} stages trained under other conditions:", *differences])
            + "\nThey would be used all the same. Choose another name=…, restore the settings, or remove the folder."
        )
    write_whole(record, json.dumps(training, indent=2) + "\n")


def _same(old: Any, new: Any) -> bool:
    try:
        return old == new or abs(float(old) - float(new)) < 1e-6  # some files keep rates as 32-bit floats
    except (TypeError, ValueError):
        return False
