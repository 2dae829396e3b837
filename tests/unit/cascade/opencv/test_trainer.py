import subprocess
import sys

import pytest

from cascade.errors import TrainingError
from cascade.opencv.options import TrainOptions
from cascade.opencv.trainer import OpenCVTrainer
from cascade.training.trainer import Inputs, Observer

PARAMETERS = "<opencv_storage><params><width>24</width></params></opencv_storage>"


class Notes(Observer):
    def __init__(self):
        self.texts = []

    def noted(self, text):
        self.texts.append(text)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "result"
    folder.mkdir()
    (folder / "params.xml").write_text(PARAMETERS)
    for index in range(3):
        (folder / f"stage{index}.xml").write_text(f"<opencv_storage><stage{index}/></opencv_storage>")
    return folder


@pytest.fixture
def trainer(tmp_path):
    """One whose program only says how it would be used."""
    program = tmp_path / "opencv_traincascade"
    program.write_text("#!/bin/sh\necho 'Usage: -vec'; exit 3\n")
    program.chmod(0o755)
    return OpenCVTrainer(TrainOptions(), {"traincascade": str(program)})


def train(trainer, folder):
    notes = Notes()
    with pytest.raises(TrainingError) as caught:
        trainer.train(Inputs(folder / "a.vec", folder / "bg.txt", (24, 24)), folder, [notes])
    return str(caught.value), notes.texts


def test_stages_after_a_broken_one_go(trainer, folder):
    (folder / "stage1.xml").write_text("<a>")
    assert trainer.finished(folder).stages == 1
    message, notes = train(trainer, folder)
    assert "failed with status 3" in message and "traincascade.log" in message
    assert [text.partition(" ")[0] for text in notes] == ["stage1.xml", "stage2.xml"]
    assert (folder / "stage0.xml").exists() and trainer.finished(folder).stages == 1
    assert not (folder / "traincascade.pid").exists()


def test_without_parameters_there_are_no_stages(trainer, folder):
    (folder / "params.xml").write_text("<a>")
    assert trainer.finished(folder).stages == 0
    assert len(train(trainer, folder)[1]) == 3 and not (folder / "params.xml").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="told on Linux alone")
def test_a_program_that_outlived_its_command_is_waited_for(trainer, folder):
    with subprocess.Popen([sys.executable, "-c", "input()", str(folder)], stdin=subprocess.PIPE) as survivor:
        (folder / "traincascade.pid").write_text(str(survivor.pid))
        assert f"process {survivor.pid}" in train(trainer, folder)[0]
        survivor.communicate(b"\n")
    assert "failed with status 3" in train(trainer, folder)[0]


def test_a_folder_that_is_a_file(trainer, tmp_path):
    (tmp_path / "file").touch()
    assert "Nothing can be written to" in train(trainer, tmp_path / "file" / "result")[0]
