"""The folder of a training: what it was begun with, and what may not change when it is continued."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cascade.errors import TrainingError
from cascade.files import write_whole
from cascade.samples.annotations import read_objects
from cascade.training.trainer import Inputs, Trainer


def begin_or_continue(folder: Path, trainer: Trainer, inputs: Inputs) -> None:
    """Record what a training is begun with in `training.json`, or refuse to continue it under other conditions.

    Raises:
        TrainingError: there are finished stages, and options, positives or negatives differ, or another trainer
            began; the message shows how. Nothing was changed.
    """
    training: dict[str, Any] = {"trainer": trainer.name, "options": dict(trainer.settings)}
    files = inputs.files(trainer.uses)
    for name, path in files.items():
        training |= {name: path and str(path.absolute()), f"{name}_sha256": _digest(name, path)}
    training["negatives"] = len(inputs.negatives)
    training["negatives_sha256"] = hashlib.sha256(_names_and_sizes(inputs.negatives)).hexdigest()
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
        for name in (*files, "negatives")
        if before[f"{name}_sha256"] != training[f"{name}_sha256"]
    ]
    if finished.stages and differences:
        raise TrainingError(
            "\n  ".join([f"{folder} holds {finished.stages} stages trained under other conditions:", *differences])
            + "\nThey would be used all the same. Choose another name=…, restore the settings, or remove the folder."
        )
    write_whole(record, json.dumps(training, indent=2) + "\n")


def _digest(name: str, path: Path | None) -> str:
    """A hash of a file's content, of a list of pictures with these; empty where there is none."""
    if path is None or not path.is_file():
        return ""
    listed = _names_and_sizes(entry.path for entry in read_objects(path)) if name == "pictures" else b""
    return hashlib.sha256(path.read_bytes() + listed).hexdigest()


def _names_and_sizes(pictures: Iterable[Path]) -> bytes:
    """What tells pictures apart cheaply, and is the same after their whole folder has moved."""
    lines = (f"{path.name} {path.stat().st_size if path.is_file() else 0}" for path in pictures)
    return "\n".join(lines).encode(errors="surrogateescape")


def _same(old: Any, new: Any) -> bool:
    try:
        return old == new or abs(float(old) - float(new)) < 1e-6  # some files keep rates as 32-bit floats
    except (TypeError, ValueError):
        return False
