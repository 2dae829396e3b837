"""From what a user names to detectors that run."""

from collections.abc import Iterable, Mapping
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.utils import instantiate
from omegaconf import OmegaConf

from cascade.checked import check_config
from cascade.command import CONFIGS
from cascade.detector import FaceDetector
from cascade.detectors.names import RESULTS, find_cascade
from cascade.errors import ConfigError

_CASCADE = "cascade.CascadeDetector"
_CONVOLUTIONAL = "cascade.ConvolutionalDetector"


def detector_configs() -> list[str]:
    """The names of the detectors that have a config file."""
    return sorted(path.stem for path in (CONFIGS / "detector").glob("*.yaml"))


def build_detectors(choices: Iterable[str | Mapping[str, Any]], settings: Mapping[str, Any]) -> dict[str, FaceDetector]:
    """Make detectors, by the names to show, in their order.

    Args:
        choices: each the name of a detector's config, a cascade's name, an XML or ONNX file or a training's result
            folder; or a mapping with that under `detector`, keys that override its config, and perhaps the
            `name` to show; or a mapping with a `_target_`.
        settings: given to every boosted cascade that does not set them itself.

    Raises:
        ConfigError: there is no detector, or what is made is none.
        ModelError: an unknown name or a file that is missing or broken; from a config within InstantiationException.
    """
    made: dict[str, FaceDetector] = {}
    for choice in choices:
        shown, config = _config(choice, settings)
        check_config(OmegaConf.create({shown: config}) if "." not in shown else OmegaConf.create(config))
        detector = instantiate(config)
        if not isinstance(detector, FaceDetector):
            raise ConfigError(f"{config['_target_']} is no face detector: it has no detect(image)")
        unique, number = shown, 2
        while unique in made:
            unique, number = f"{shown}-{number}", number + 1
        made[unique] = detector
    if not made:
        raise ConfigError("name at least one detector: detectors=[alt2]")
    return made


def _config(choice: str | Mapping[str, Any], settings: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The name to show, and what is to be instantiated."""
    own = {str(key): value for key, value in choice.items()} if isinstance(choice, Mapping) else {"detector": choice}
    if "_target_" in own:
        return str(own.pop("name", own["_target_"].rpartition(".")[2])), own
    if "detector" not in own:
        raise ConfigError(f"a detector given as a mapping needs `detector` or `_target_`: {own}")
    shown = str(own.pop("detector"))
    if shown in detector_configs():
        base = _composed(shown)
    else:
        path = find_cascade(shown)
        target, key = (_CONVOLUTIONAL, "model") if path.suffix == ".onnx" else (_CASCADE, "cascade")
        base = {"_target_": target, key: str(path)}
        if not path.stem.endswith(shown):  # a path; the results of all trainings are called alike
            shown = path.parent.name if path.name in RESULTS.values() else path.stem
    if base["_target_"] == _CASCADE:
        base |= settings
    return str(own.pop("name", shown)), {**base, **own}


def _composed(name: str) -> Any:
    """A detector's config; Hydra composes one primary config at a time, so the command's makes way for a moment."""
    command, GlobalHydra.instance().hydra = GlobalHydra.instance().hydra, None
    try:
        with initialize_config_dir(str(CONFIGS), version_base="1.3"):
            return OmegaConf.to_container(compose(f"detector/{name}").detector)
    finally:
        GlobalHydra.instance().hydra = command
