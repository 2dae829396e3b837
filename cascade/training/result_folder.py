"""The folder of a training: what belongs to it, whether it can be continued, what may not change."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from cascade.errors import TrainingError
from cascade.opencv.options import TrainOptions

# How fast, not what: these may differ when a training is continued.
_FREE = ("numThreads", "precalcValBufSize", "precalcIdxBufSize")
_RECORD = "training.json"
_PARAMETERS = {
    "featureType": "featureType",
    "h": "height",
    "w": "width",
    "bt": "stageParams/boostType",
    "minHitRate": "stageParams/minHitRate",
    "maxFalseAlarmRate": "stageParams/maxFalseAlarm",
    "weightTrimRate": "stageParams/weightTrimRate",
    "maxDepth": "stageParams/maxDepth",
    "maxWeakCount": "stageParams/maxWeakCount",
    "mode": "featureParams/mode",
}


def describe(options: TrainOptions, vec: Path, backgrounds: list[Path]) -> dict[str, Any]:
    """What decides a training's outcome, as plain values that can be compared later."""
    # names and sizes: cheap, and the same after the whole folder has moved
    listed = "\n".join(f"{path.name} {path.stat().st_size if path.is_file() else 0}" for path in backgrounds)
    return {
        "options": asdict(options),
        "vec": str(vec.absolute()),
        "vec_sha256": _file_hash(vec),
        "negatives": len(backgrounds),
        "negatives_sha256": hashlib.sha256(listed.encode(errors="surrogateescape")).hexdigest(),
    }


def check_unchanged(folder: Path, training: Mapping[str, Any]) -> None:
    """Refuse to continue a training under other conditions.

    More stages than before are no change: they are added to those that are there.

    Raises:
        TrainingError: options, positives or negatives differ; the message shows how.
    """
    if count_finished(folder) == 0:
        return
    differences = []
    record = folder / _RECORD
    if record.is_file():
        before = json.loads(record.read_text(encoding="utf-8"))
        for name, new in training["options"].items():
            old = before["options"].get(name)
            if name in _FREE or old == new or (name == "numStages" and new > old):
                continue
            differences.append(f"options.{name}: {old} → {new}")
        for name in ("vec", "negatives"):
            if before[f"{name}_sha256"] != training[f"{name}_sha256"]:
                differences.append(f"{name}: {before[name]} → {training[name]} (other content)")
    else:  # trained by hand
        root = ElementTree.parse(folder / "params.xml").getroot()[0]
        for name, path in _PARAMETERS.items():
            old, new = root.findtext(path), training["options"][name]
            if old is not None and not _same(old.strip(), new):
                differences.append(f"options.{name}: {old.strip()} → {new}")
    if differences:
        raise TrainingError(
            f"{folder} holds {count_finished(folder)} stages trained under other conditions:\n  "
            + "\n  ".join(differences)
            + "\nThe binary would use the old ones in silence. Choose another name=…, restore the "
            "settings, or remove the folder."
        )


def write_record(folder: Path, training: Mapping[str, Any]) -> None:
    """Keep what `check_unchanged` compares with."""
    (folder / _RECORD).write_text(json.dumps(training, indent=2) + "\n", encoding="utf-8")


def count_finished(folder: Path) -> int:
    """The number of finished stages that the binary would load: without gaps from stage 0 on."""
    if not _well_formed(folder / "params.xml"):
        return 0
    count = 0
    while _well_formed(folder / f"stage{count}.xml"):
        count += 1
    return count


def remove_unfinished(folder: Path) -> list[Path]:
    """Remove stage files that a crash cut short, and those after them, which the binary would choke on."""
    keep = count_finished(folder)
    removed = []
    for path in folder.glob("stage*.xml"):
        number = path.stem.removeprefix("stage")
        if number.isdigit() and int(number) >= keep:
            path.unlink()
            removed.append(path)
    if keep == 0:
        (folder / "params.xml").unlink(missing_ok=True)
    return sorted(removed)


def _well_formed(path: Path) -> bool:
    try:
        ElementTree.parse(path)
    except (OSError, ElementTree.ParseError):
        return False
    return True


def _same(old: str, new: object) -> bool:
    try:
        return abs(float(old) - float(str(new))) < 1e-6  # the binary keeps rates as 32-bit floats
    except ValueError:
        return old == str(new)


def _file_hash(path: Path) -> str:
    if not path.is_file():
        return ""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
