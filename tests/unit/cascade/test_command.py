"""What all commands have in common, on a command of the test's own."""

import errno
import os
from dataclasses import dataclass, field

import pytest
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from omegaconf import OmegaConf

from cascade import command
from cascade.errors import ToolsError, UserError

CONFIG = """
defaults: [_self_, override hydra/job_logging: none, override hydra/hydra_logging: none]
source: null
number: 1
part: {size: 2}
made: {_target_: fractions.Fraction, numerator: 1}
hydra: {run: {dir: .}, output_subdir: null}
"""


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run a task as a command with these arguments; returns what it returned, the exit status and what was said."""
    (tmp_path / "test.yaml").write_text(CONFIG)
    monkeypatch.setattr(command, "CONFIGS", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)

    def run(task, *arguments, **settings):
        monkeypatch.setattr("sys.argv", ["test", *arguments])
        results, status = [], 0
        try:
            command.run_command(lambda config: results.append(task(config)), "test", **settings)
        except SystemExit as end:
            status = end.code
        finally:
            GlobalHydra.instance().clear()
        return results[0] if results else None, status, capsys.readouterr().err

    return run


@pytest.mark.parametrize(
    "path", ["a b.jpg", "a,b.jpg", "a (1).jpg", "[1].jpg", "{x}.jpg", "it's.jpg", "a=b.jpg", "ü %.jpg", "x'y,[z].jpg"]
)
def test_paths_need_no_quotes(run, path):
    assert run(lambda config: config.source, f"source={path}")[0] == path
    assert run(lambda config: config.source, path if "=" not in path else f"source={path}", positional=("source",)) == (
        path,
        0,
        "",
    )


def test_a_name_that_means_something_to_hydra_is_a_file_where_there_is_one(run, tmp_path):
    assert run(lambda config: OmegaConf.to_container(config)["source"], "source=[1]")[0] == [1]
    (tmp_path / "[1]").touch()
    assert run(lambda config: config.source, "source=[1]")[0] == "[1]"
    (tmp_path / "a,b").touch()
    assert run(lambda config: config.source, "-m", "source=a,b", "hydra.sweep.dir=s")[0] == "a,b"


@pytest.mark.parametrize("name", ["null", "1", " .jpg", "true", "1e3"])
def test_what_means_a_value_to_hydra_is_a_file_where_there_is_one(run, tmp_path, name):
    (tmp_path / name).touch()
    assert run(lambda config: config.source, f"source={name}", positional=("source",))[0] == name
    (tmp_path / "3").touch()
    assert run(lambda config: config.number, "number=3", "source=x", positional=("source",))[0] == 3


@pytest.mark.parametrize("name", ["-dash.jpg", "--help.jpg", "-1"])
def test_a_dash_before_a_name_is_a_file_where_there_is_one_and_else_no_option(run, tmp_path, name):
    _, status, error = run(pytest.fail, name, positional=("source",))
    assert status == 2 and error.startswith(f"error: there is no option {name}") and error.count("\n") == 1
    (tmp_path / name).touch()
    assert run(lambda config: config.source, name, positional=("source",))[0] == name


@pytest.mark.parametrize("key", ["source", "+source", "++source", "part.size"])
def test_what_hydra_stores_has_no_password(run, key):
    def stored(config):
        return list(HydraConfig.get().overrides.task), OmegaConf.to_yaml(config)

    told = repr(run(stored, f"{key}=rtsp://me:word@host/a"))
    assert "me:***@host" in told and "word" not in told


@pytest.mark.parametrize("before", [0, 1, 2, 3])
def test_hydras_options_stand_anywhere(run, before):
    arguments = ["number=2,3", "source=x", "hydra.sweep.dir=s"]
    arguments.insert(before, "-m")
    assert run(lambda config: (config.source, config.number), *arguments)[0] == ("x", 2)


def test_bare_arguments_belong_to_their_keys_and_the_last_key_takes_the_rest(run):
    def both(config):
        return config.number, config.source

    assert run(both, "5", "x", "part.size=3", positional=("number", "source"))[0] == (5, "x")
    assert run(both, "5", "x y", "it's", positional=("number", "source"))[0] == (5, ["x y", "it's"])
    assert run(both, "x", positional=())[1] == 2


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("sorce=x", "no setting sorce; did you mean source"),
        ("part.sise=1", "no setting part.sise; did you mean part.size"),
        ("+nmber=1", "no setting nmber; did you mean number"),
        ("+part.other=1", "no setting part.other; known are size"),
        ("++nmber=1", "no setting nmber; did you mean number"),
        ("++part.other=1", "no setting part.other; known are size"),
        ("+made.denom=2", "no setting made.denom; did you mean made.denominator"),
        ("++made.denom=2", "no setting made.denom; did you mean made.denominator"),
        ("+nothing.at.all=2", "no setting nothing.at.all\n"),
    ],
)
def test_what_nobody_reads_is_refused_by_name(run, argument, said):
    _, status, error = run(lambda config: instantiate(config.made), argument)
    assert status == 2
    assert error.startswith("error: ") and said in error and "Traceback" not in error


def test_a_target_may_be_given_what_it_takes(run):
    assert run(lambda config: instantiate(config.made).denominator, "+made.denominator=2")[0] == 2
    assert run(lambda config: config.number, "++number=3")[0] == 3
    own = ("+part.own._target_=fractions.Fraction", "+part.own.numerator=7", "+part.own._partial_=true")
    assert run(lambda config: instantiate(config.part.own)(), *own)[0] == 7


def test_help_is_the_text_of_the_config_and_of_what_is_chosen(tmp_path, monkeypatch, capsys):
    (tmp_path / "colour").mkdir()
    (tmp_path / "colour" / "red.yaml").write_text("# @package _global_\n# Like blood.\nhue: 0\n")
    (tmp_path / "colour" / "blue.yaml").write_text("# Like the sky.\nhue: 240\n")
    (tmp_path / "test.yaml").write_text(
        "# What it does.\ndefaults:\n  - _self_\n  - colour: blue\n\nnumber: 1  # many\n\nhydra:\n  run: {dir: .}\n"
    )
    monkeypatch.setattr(command, "CONFIGS", tmp_path)
    monkeypatch.setattr("sys.argv", ["test", "colour=red", "--help"])
    command.run_command(lambda config: pytest.fail("help runs nothing"), "test")
    said = capsys.readouterr().out
    for part in ("What it does.", "number: 1  # many", "Like blood.", "colour=blue", "of blue, red"):
        assert part in said
    assert "_self_" not in said and "{dir: .}" not in said and "Like the sky" not in said and "@package" not in said


def test_mistakes_end_with_one_line_and_status_2(run):
    def mistaken(config):
        raise UserError("mend this")

    assert run(mistaken)[1:] == (2, "error: mend this\n")
    _, status, error = run(lambda config: open("gone/file.txt"))  # noqa: PTH123, SIM115
    assert (status, error) == (2, "error: gone/file.txt: No such file or directory\n")

    def full(config):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    assert run(full)[1:] == (2, "error: a file could not be written: No space left on device\n")


def test_a_folder_that_is_gone_is_told(run, tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    _, status, error = run(pytest.fail)
    assert status == 2 and error.startswith("error: the folder that this command was started in cannot be found")


def test_an_option_that_is_none_is_told_with_those_that_are(run, tmp_path):
    (tmp_path / "colour").mkdir()
    for name in ("red", "blue"):
        (tmp_path / f"colour/{name}.yaml").write_text("hue: 0\n")
    for wrong, hint in (("blu", "did you mean blue?"), ("xyz", "known are blue, red")):
        assert run(pytest.fail, f"+colour={wrong}")[1:] == (2, f"error: colour has no option {wrong}; {hint}\n")


def test_what_cannot_be_made_says_why(run):
    picture = {"_target_": "cascade.pictures.read_picture", "path": "gone.png"}
    assert run(lambda config: instantiate(picture))[2] == "error: gone.png cannot be read: No such file or directory\n"
    _, status, error = run(lambda config: instantiate({"_target_": "cascade.boxes.BoxAdjustment", "width": 0}))
    assert status == 2 and "factors above 0" in error and "Traceback" not in error


@pytest.mark.parametrize("target", ["nope.nope", "fractions.Fractionn", "os.system"])
def test_a_target_that_is_none_is_one_line(run, target):
    _, status, error = run(lambda config: instantiate({"made": {"_target_": target}}))
    assert status == 2 and error.startswith("error: made") and target in error and error.count("\n") == 1


def test_what_cannot_be_overridden_is_one_line(run):
    _, status, error = run(pytest.fail, "colour=red")
    assert status == 2 and error.count("\n") == 1


def test_a_bug_keeps_its_traceback(run):
    with pytest.raises(ZeroDivisionError):
        run(lambda config: 1 / 0)


def test_ctrl_c_is_130(run):
    def interrupted(config):
        raise KeyboardInterrupt

    assert run(interrupted)[1] == 130


def test_a_missing_extra_is_named(run, monkeypatch):
    monkeypatch.setitem(command.EXTRAS, "train", ("json", "no_such_library"))
    _, status, error = run(lambda config: None, extra="train")
    assert status == 2 and "no_such_library" in error and "pip install '.[train]'" in error
    with pytest.raises(ToolsError, match="other_library"):
        command.require("export", "other_library")
    command.require("export", "json")


@dataclass
class Part:
    size: int = 2


@dataclass
class Settings:
    number: int = 1
    part: Part = field(default_factory=Part)


def test_settings_are_the_schemas_dataclass():
    config = OmegaConf.structured(Settings)
    config.part.size = 3
    assert command.settings(config, Settings) == Settings(1, Part(3))
