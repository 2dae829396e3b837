"""Finding a detector's file by name - OpenCV's own, ours, or a path - and how it frames faces."""

import json
from pathlib import Path
from typing import Any

import cv2

from cascade.boxes import BoxAdjustment
from cascade.errors import ModelError

MODELS = Path(__file__).resolve().parents[1] / "models"
"""This project's own detectors."""

RESULTS = {".xml": "cascade.xml", ".onnx": "detector.onnx"}
"""By the ending of a detector's file, for boosted and for convolutional cascades: its name in a training's folder."""

_ALIASES = {name: f"frontalface_{name}" for name in ("default", "alt", "alt2", "alt_tree")} | {"profile": "profileface"}
_LBP = "opencv_lbp"


def released_cascades(*kinds: str) -> dict[str, Path]:
    """This project's own cascades, by name: of these kinds, or of all."""
    found = sorted(path for path in MODELS.iterdir() if path.suffix in (kinds or RESULTS))
    return {path.stem: path for path in found}


def find_cascade(cascade: str | Path, *kinds: str) -> Path:
    """The file of a cascade.

    Args:
        cascade: a name (one of ours; `frontalface_default`, `alt`, `alt2`, `alt_tree`, `profile`, any
            `haarcascade_NAME.xml` of OpenCV, `opencv_lbp` or `opencv_lbp_NAME` once the tools are there), a file's
            path, or the result folder of a training.
        kinds: of `RESULTS`, what a name or a folder may stand for; none given, all may.

    Raises:
        ModelError: no cascade of that name, or no file at that path.
    """
    kinds = kinds or tuple(RESULTS)
    text, path = str(cascade), Path(cascade).expanduser()
    known = released_cascades(*kinds)
    if ".xml" in kinds:
        known = {**_haar_cascades(), **(_lbp_cascades() if text.startswith(_LBP) else {}), **known}
    for candidate in (known.get(text), path, *(path / RESULTS[kind] for kind in kinds)):
        if candidate is not None and candidate.is_file():
            return candidate
    faces = [name for name, file in sorted(known.items()) if "face" in file.stem and "catface" not in file.stem]
    nothing = f"none: {MODELS} holds no {kinds[0]}; put one there, or give its path or its training's folder"
    listed = ", ".join(dict.fromkeys([*released_cascades(*kinds), *faces])) or nothing
    results = " or ".join(RESULTS[kind] for kind in kinds)
    raise ModelError(
        f"no cascade is called {text!r}, and there is no such file, nor a folder with a {results}; known are {listed}"
    )


def declared_adjustment(path: Path) -> BoxAdjustment | None:
    """What leads from a cascade's own boxes to the canonical ones: declared in JSON beside it, or in `opencv.json`.

    Raises:
        ModelError: the JSON file beside it is damaged.
    """
    beside = path.with_suffix(".json")
    try:
        declared = _read(beside).get("box_adjustment") or _read(MODELS / "opencv.json").get(path.stem)
        return None if declared is None else BoxAdjustment(**declared)
    except (OSError, TypeError, ValueError) as error:
        raise ModelError(f"{beside} is no JSON, or its box_adjustment not of dx, dy, width, height: {error}") from error


def _read(path: Path) -> dict[str, Any]:
    content = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return content if isinstance(content, dict) else {}


def _haar_cascades() -> dict[str, Path]:
    """Those that OpenCV brings along, by what follows `haarcascade_` and by the short names of the faces'."""
    data = getattr(cv2, "data", None)  # distributions' own builds of OpenCV leave it out
    found = sorted(Path(data.haarcascades).glob("haarcascade_*.xml")) if data is not None else []
    named = {path.stem.removeprefix("haarcascade_"): path for path in found}
    return named | {alias: named[name] for alias, name in _ALIASES.items() if name in named}


def _lbp_cascades() -> dict[str, Path]:
    """OpenCV's LBP cascades, which its wheels leave out; `make tools` keeps them beside the binaries."""
    from cascade.opencv.tools.find import tools_folder

    found = sorted((tools_folder() / "data").rglob("lbpcascade_*.xml"))
    if not found:
        raise ModelError("OpenCV's wheel has no LBP cascades; `make tools` puts them into the cache")
    # lbpcascade_frontalface is opencv_lbp, lbpcascade_profileface opencv_lbp_profileface
    return {path.stem.replace("lbpcascade", _LBP).removesuffix("_frontalface"): path for path in found}
