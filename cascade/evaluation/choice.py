"""From what a user names to detectors that run."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import OmegaConf

from cascade.command import CONFIGS
from cascade.detector import FaceDetector
from cascade.detectors.names import find_cascade
from cascade.errors import ConfigError, UserError

_CASCADE = "cascade.CascadeDetector"


def detector_configs() -> dict[str, Path]:
    """The detectors that have a config file, by name."""
    return {path.stem: path for path in sorted((CONFIGS / "detector").glob("*.yaml"))}


def build_detectors(choices: Iterable[str | Mapping[str, Any]], settings: Mapping[str, Any]) -> dict[str, FaceDetector]:
    """Make detectors.

    Args:
        choices: each the name of a detector's config, a cascade's name, an XML file or a training's result
            folder; or a mapping with that under `detector`, keys that override its config, and perhaps the
            `name` to show.
        settings: given to every cascade that does not set them itself.

    Returns:
        The detectors by the names to show, in their order.

    Raises:
        UserError: an unknown name or setting, or a file that is missing or broken.
    """
    made: dict[str, FaceDetector] = {}
    for choice in choices:
        shown, config = _config(choice, settings)
        unique, number = shown, 2
        while unique in made:
            unique, number = f"{shown}-{number}", number + 1
        made[unique] = _instantiate(unique, config)
    if not made:
        raise ConfigError("name at least one detector: detectors=[alt2]")
    return made


def _config(choice: str | Mapping[str, Any], settings: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    own: dict[str, Any] = {}
    if isinstance(choice, Mapping):
        own = {str(key): value for key, value in choice.items()}
        if "_target_" in own:
            return str(own.pop("name", own["_target_"].rpartition(".")[2])), own
        if "detector" not in own:
            raise ConfigError(f"a detector given as a mapping needs `detector` or `_target_`: {dict(choice)}")
        choice = own.pop("detector")
    text = str(choice)
    base: dict[str, Any]
    if text in detector_configs():
        base = OmegaConf.to_container(OmegaConf.load(detector_configs()[text]))  # type: ignore[assignment]
        shown = text
    else:
        path = find_cascade(text)
        base = {"_target_": _CASCADE, "cascade": str(path)}
        shown = text if path.stem.endswith(text) else path.stem
        if path.name == "cascade.xml":  # every training's result is called that
            shown = path.parent.name
    if base["_target_"] == _CASCADE:
        base |= settings
    return str(own.pop("name", shown)), {**base, **own}


def _instantiate(name: str, config: dict[str, Any]) -> FaceDetector:
    missing = [key for key, value in config.items() if value == "???"]
    if missing:
        raise ConfigError(f"the detector {name} needs {', '.join(missing)}: {{detector: {name}, {missing[0]}: ...}}")
    try:
        detector = instantiate(config)
    except InstantiationException as error:
        if isinstance(error.__cause__, UserError):
            raise error.__cause__ from error
        raise ConfigError(f"the detector {name} cannot be made: {error.__cause__ or error}") from error
    if not isinstance(detector, FaceDetector):
        raise ConfigError(f"{config['_target_']} is no face detector: it has no detect(image)")
    return detector
