"""Finding a cascade's XML file by name: OpenCV's own, ours, or a path."""

from importlib.resources import files
from pathlib import Path
from types import ModuleType

from cascade.errors import ModelError

_PREFIX = "haarcascade_"
_ALIASES = {
    "default": "frontalface_default",
    "alt": "frontalface_alt",
    "alt2": "frontalface_alt2",
    "alt_tree": "frontalface_alt_tree",
    "profile": "profileface",
}


def load_cv2() -> ModuleType:
    """OpenCV, provided that it still has cascades.

    Raises:
        ModelError: OpenCV 5's main wheel, which has no CascadeClassifier.
    """
    import cv2

    if not hasattr(cv2, "CascadeClassifier"):
        raise ModelError(
            f"OpenCV {getattr(cv2, '__version__', '?')} has no CascadeClassifier (version 5 dropped it); "
            'install one that has: pip install "opencv-python>=4.10,<5"'
        )
    return cv2


def released_cascades() -> dict[str, Path]:
    """This project's own cascades, by name."""
    folder = Path(str(files("cascade"))) / "models"
    return {path.stem: path for path in sorted(folder.glob("*.xml"))}


def known_cascades() -> dict[str, Path]:
    """Every cascade that has a name: ours, then OpenCV's, then the short names of the face cascades."""
    cv2 = load_cv2()
    data = getattr(cv2, "data", None)  # distributions' own builds of OpenCV leave it out
    opencv: dict[str, Path] = {}
    if data is not None:
        for path in sorted(Path(data.haarcascades).glob(f"{_PREFIX}*.xml")):
            opencv[path.stem.removeprefix(_PREFIX)] = path
    short = {alias: opencv[name] for alias, name in _ALIASES.items() if name in opencv}
    return {**opencv, **short, **released_cascades()}


def _lbp_cascades() -> dict[str, Path]:
    """OpenCV's LBP cascades, which its wheels leave out; `make tools` keeps them beside the binaries."""
    from cascade.opencv.tools.find import tools_folder

    found = sorted((tools_folder() / "data").rglob("lbpcascade_*.xml"))
    if not found:
        raise ModelError("OpenCV's wheel has no LBP cascades; `make tools` puts them into the cache")
    return {"lbp_" + path.stem.removeprefix("lbpcascade_"): path for path in found}


def find_cascade(cascade: str | Path) -> Path:
    """The XML file of a cascade.

    Args:
        cascade: a name (`frontalface_default`, `alt`, `alt2`, `alt_tree`, `profile`, one of ours, any
            `haarcascade_NAME.xml` of OpenCV, `lbp_frontalface` once the tools are there), an XML file's
            path, or the result folder of a training.

    Raises:
        ModelError: no cascade of that name, or no file at that path.
    """
    text = str(cascade)
    known = known_cascades()
    if text.startswith("lbp_"):
        known |= _lbp_cascades()
    if text in known:
        return known[text]
    path = Path(text).expanduser()
    if path.is_file():
        return path
    if path.is_dir() and (path / "cascade.xml").is_file():
        return path / "cascade.xml"  # the result folder of a training
    if path.suffix == ".xml" or path.parent != Path():
        raise ModelError(f"no cascade file at {path}; give the path of an XML file, or a name: {_listed(known)}")
    raise ModelError(f"no cascade is called {text!r}; known are {_listed(known)}; or give a file's path")


def _listed(known: dict[str, Path]) -> str:
    ours = released_cascades()
    opencv = [name for name, path in known.items() if path.stem.endswith("profileface") or "frontalface_" in path.stem]
    return ", ".join([*sorted(ours), *sorted(set(opencv) - set(ours))])
