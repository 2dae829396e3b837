"""Commands in the README and the guides: each has settings that exist, with values that fit."""

import importlib
import re
import shlex
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf, open_dict

from cascade.checked import check_config
from cascade.command import CONFIGS, _keyed, quoted
from fer.training.limits import LIMITS
from tests.conftest import ROOT

POSITIONAL = {
    "detect": ("source",),
    "label": ("source",),
    "export": ("ckpt_path",),
    "robustness": ("ckpt_path",),
    "join": ("folders",),
    "cascade/draw": ("draw", "out"),
}
NAMES = {"cascade.drawn": "cascade/draw", "fer.data.audit": "audit", "fer.inference.join": "join"}
GUIDES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands() -> list[tuple[str, str]]:
    """File and line of every command of ours that stands in a block."""
    found = []
    for guide in GUIDES:
        text = guide.read_text(encoding="utf-8").replace("\\\n", " ")
        for line in re.findall(
            r"^(?: {4})?(python (?:train\.py|detect\.py|-m (?:fer|cascade)\.\S+).*)$", text, re.MULTILINE
        ):
            found.append((guide.name, line))
    return found


def config_of(words: list[str]) -> tuple[str, list[str]]:
    """The config that a command composes, and its arguments."""
    if words[1] != "-m":
        return words[1].removesuffix(".py"), words[2:]
    name = NAMES.get(words[2], words[2].removeprefix("fer.").replace(".", "/"))
    return name, words[3:]


@pytest.mark.parametrize(("guide", "line"), commands())
def test_a_command_of_the_guides_has_settings_that_exist(guide: str, line: str):
    words = shlex.split(re.split(r"\s{2,}#|\s#\s", line)[0])
    # a value that is left to the reader says nothing, a path with a part that is left out is one
    name, arguments = config_of([word.replace("…", "x") for word in words if not re.search("(^|=)…$", word)])
    if {"--help", "--cfg"} & set(arguments):
        return
    sweeps = "-m" in arguments
    arguments = [quoted(one, sweeps) for one in _keyed(arguments, POSITIONAL.get(name, ())) if one != "-m"]
    if sweeps:  # the first of each
        arguments = [re.sub(r"=([^\[{'\",]+),.*", r"=\1", one) for one in arguments]
    for package in ("cascade", "fer"):
        for path in (ROOT / package).rglob("*.py"):
            if "ConfigStore" in path.read_text():
                importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    folder = Path(name)
    with initialize_config_dir(str(CONFIGS / folder.parent), version_base="1.3"):
        config = compose(folder.name, [*arguments, "hydra.runtime.output_dir=x"], return_hydra_config=True)
    HydraConfig.instance().set_config(config)
    with open_dict(config):
        del config.hydra
    OmegaConf.set_readonly(config, False)
    check_config(config, LIMITS)
