"""Every trainer and every experiment composes, and what it describes can be made."""

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.utils import instantiate
from omegaconf import OmegaConf

import cascade.train  # noqa: F401 - registers the schema
from cascade.checked import check_config
from cascade.command import CONFIGS
from cascade.errors import ConfigError
from cascade.training.run_training import TrainConfig
from cascade.training.trainer import Inputs

OPTIONS = [
    f"{group}={path.stem}"
    for group in ("trainer", "experiment")
    for path in sorted((CONFIGS / "cascade" / group).glob("*.yaml"))
]


@pytest.fixture
def composed():
    def run(*overrides):
        with initialize_config_dir(str(CONFIGS / "cascade"), version_base="1.3"):
            return compose("train", list(overrides))

    yield run
    GlobalHydra.instance().clear()


@pytest.mark.parametrize("option", OPTIONS)
def test_option_composes_and_instantiates(composed, option):
    config = composed(option, "samples=folder", "bg=bg.txt", "name=mine", "options.w=20")
    chosen, trainer = OmegaConf.to_object(config), instantiate(config.trainer)
    assert isinstance(chosen, TrainConfig) and chosen.name == "mine" and chosen.box_adjustment["width"] == 1.0
    assert trainer.window[0] == 20 and trainer.stages > 0 and trainer.settings["w"] == 20
    assert trainer.name == config.trainer._target_.split(".")[1]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ((), "samples=FOLDER"),
        (("vec=a.vec",), "bg=FILE"),
        (("samples=a", "preflight=loose"), "preflight is 'loose'; it must be strict or warn"),
        (
            ("samples=a", "box_adjustment.height=0"),
            r"box_adjustment\.height is 0; it must be a number above 0 and up to 10",
        ),
    ],
)
def test_what_cannot_be_is_said(composed, overrides, message):
    config = composed(*overrides)
    with pytest.raises(ConfigError, match=message):
        check_config(config)
        OmegaConf.to_object(config)


def test_lists_of_pictures_come_with_the_folder(composed, tmp_path):
    def inputs(*overrides):
        return OmegaConf.to_object(composed(f"samples={tmp_path}", *overrides)).inputs((21, 24))

    vec, bg, pictures, ignore = (tmp_path / f for f in ("positives.vec", "bg.txt", "positives.dat", "ignore.dat"))
    assert inputs() == Inputs(vec, bg, (21, 24))
    pictures.touch()
    assert inputs() == Inputs(vec, bg, (21, 24), pictures=pictures)
    ignore.touch()
    assert inputs() == Inputs(vec, bg, (21, 24), pictures=pictures, ignore=ignore)
    other = tmp_path / "other"
    assert inputs(f"bg={other}") == Inputs(vec, other, (21, 24), pictures=pictures, ignore=ignore)
    assert inputs(f"vec={other}") == Inputs(other, bg, (21, 24))
