"""Whatever the bytes of a file or the characters of a setting: a result, or an error of our own that names it."""

import contextlib
import copy
import json
import os
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cascade import CascadeDetector, ConvolutionalDetector
from cascade.command import quoted
from cascade.errors import UserError
from cascade.pictures import read_picture
from cascade.samples.annotations import FORMATS, read_annotations
from cascade.samples.vec import read_vec
from fer.checkpoint import read_checkpoint
from fer.data.fer2013_csv import parse_fer2013
from fer.data.teacher import Teacher
from fer.inference.classifier import load_classifier
from fer.inference.sources import find_source
from fer.inference.tables import read_job, read_outcomes, write_json
from fer.inference.videos import VideoFile
from fer.model_info import METADATA_KEY, ModelInfo
from fer.preprocessing import Preprocessing

EXAMPLES = int(os.environ.get("FER_TEST_EXAMPLES", "25"))  # of each property; more find more
often = settings(
    max_examples=EXAMPLES,
    deadline=5000,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    derandomize="FER_TEST_EXAMPLES" not in os.environ,
)

NUMBERS = st.one_of(st.integers(-(10**12), 10**12).map(str), st.floats().map(str), st.sampled_from(["", "-", "1e999"]))
WORDS = st.one_of(NUMBERS, st.text(string.printable, max_size=12), st.sampled_from(["Training", "PublicTest", "a.jpg"]))
LINES = st.lists(st.lists(WORDS, max_size=8).map(lambda words: "\t ,;"[len(words) % 4].join(words)), max_size=8)
CONTENTS = st.one_of(
    st.binary(max_size=400), LINES.map(lambda lines: "\n".join(lines).encode("utf-8", "surrogatepass"))
)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
STARTS = [
    b"",
    b"PK\x03\x04",
    b"\x1f\x8b",
    b"\x80\x02",
    b"\xff\xd8\xff\xe0",
    b"\x89PNG\r\n\x1a\n",
    b"BM",
    b"RIFF",
    b"<?xml",
]
STARTS += [b"GIF89a", b"II*\x00", b'{"', b"\x08\x08", b"\x00\x00\x00\x18ftypmp42", b"emotion,pixels,Usage\n"]
INFO = ModelInfo(Preprocessing(), network={"_target_": "fer.models.mini_xception.MiniXception"}).to_dict()


def outcome_tables(path: Path) -> None:
    (path.parent / "job.json").write_text('{"guard_cells": true}')
    for name in ("inputs.csv", "faces.csv"):
        (path.parent / name).write_bytes(path.read_bytes())
    read_outcomes(path.parent)
    write_json(path.parent)


def job_of(path: Path) -> None:
    (path.parent / "job.json").write_bytes(path.read_bytes())
    read_job(path.parent)


READERS: dict[str, tuple[str, Callable[[Path], Any]]] = {
    **{
        f"annotations-{name}": ("a.txt", lambda path, f=name: read_annotations(path, None, f, None)) for name in FORMATS
    },
    "annotations": ("a.txt", lambda path: read_annotations(path, None, None, None)),
    "fer2013": ("fer2013.csv", parse_fer2013),
    "vec": ("a.vec", lambda path: read_vec(path, 24, 24)),
    "boosted cascade": ("a.xml", CascadeDetector),
    "convolutional cascade": ("a.onnx", ConvolutionalDetector),
    "model": ("a.onnx", load_classifier),
    "checkpoint": ("a.ckpt", read_checkpoint),
    "teacher": ("a.npz", Teacher.read),
    "picture": ("a.jpg", read_picture),
    "video": ("a.mp4", lambda path: list(VideoFile(path).frames())),
    "tables": ("a", outcome_tables),
    "job": ("a", job_of),
}


@pytest.mark.parametrize("kind", READERS)
@often
@given(start=st.sampled_from(STARTS), content=CONTENTS)
def test_no_file_leads_to_an_error_that_is_not_ours(tmp_path: Path, kind: str, start: bytes, content: bytes):
    name, read = READERS[kind]
    path = tmp_path / name
    path.write_bytes(start + content)
    try:
        read(path)
    except UserError as error:
        assert str(tmp_path) in str(error), "the file is named"


@often
@given(
    values=PLAIN, keys=st.lists(st.sampled_from([*INFO, "preprocessing.size", "preprocessing.classes", "crop.scale"]))
)
def test_no_metadata_lead_to_an_error_that_is_not_ours(values: Any, keys: list[str]):
    changed = json.loads(json.dumps(INFO))
    for key in keys:
        outer, _, inner = key.rpartition(".")
        if isinstance(node := changed[outer] if outer else changed, dict):
            node[inner or key] = copy.deepcopy(values)
    for given_values in (values, changed, json.dumps(changed), {METADATA_KEY: values}):
        try:
            info = ModelInfo.read(given_values, Path("a.onnx"))
        except UserError as error:
            assert "a.onnx" in str(error)
        else:
            assert info.preprocessing.size <= 1024 and 0.1 <= info.crop.scale <= 10


@often
@given(text=st.one_of(st.text(max_size=40), st.text("*?[]~/.{}$'\"\\0a", max_size=12)))
def test_no_source_leads_to_an_error_that_is_not_ours(tmp_path: Path, text: str):
    (tmp_path / "a.jpg").touch()
    with contextlib.suppress(UserError):
        find_source(str(tmp_path) + "/" + text)


@often
@given(name=st.text("ab*?[]~{}$'\"\\ ,()=#%:&;!+-@\n\tä😀", min_size=1, max_size=12))
def test_every_name_of_a_file_survives_the_command_line(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch):
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from omegaconf import OmegaConf

    monkeypatch.chdir(tmp_path)
    if name in (".", "..") or len(name.encode()) > 200:
        return
    (tmp_path / name).touch()
    override = OverridesParser.create().parse_override(quoted(f"source={name}"))
    assert OmegaConf.create({"source": override.value()}).source == name
