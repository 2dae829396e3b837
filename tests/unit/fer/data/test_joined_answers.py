from dataclasses import replace

import torch

from fer.data.augmentation import Augmentation
from fer.data.fer2013 import Fer2013
from fer.data.ferplus import CATEGORIES
from fer.data.teacher import Teacher, TeacherInfo, checksum
from fer.labels import EXPRESSIONS
from fer.teach import main as teach_main
from tests.in_process import run_here


def test_answers_of_before_are_joined_with_votes(tmp_path, write_csv, rows):
    """The teachers themselves need not be kept."""
    train = Fer2013(write_csv(rows)).load()["train"]
    votes = tmp_path / "votes.csv"
    lines = [",".join(map(str, (row.usage, "fer", 9, *[0] * 9))) for row in rows]
    votes.write_text("\n".join([",".join(("Usage", "Image name", *CATEGORIES)), *lines]) + "\n")
    answers = torch.randn(3, len(train), 7, generator=torch.Generator().manual_seed(0)).log_softmax(dim=2)
    info = TeacherInfo(
        checksum(train), EXPRESSIONS, Augmentation(flip=0.5).settings, 0, [{"fold": "1/2"}, {"fold": "2/2"}]
    )
    Teacher.of(info, answers).write(tmp_path / "before.npz")
    command = ["data.path=fer2013.csv", "answers=before.npz", f"votes={votes}", "output=joined.npz"]
    output = run_here(teach_main, *command, f"hydra.run.dir={tmp_path / 'run'}", folder=tmp_path)
    joined = Teacher.read(tmp_path / "joined.npz")
    assert joined.info == replace(info, augmentation=None, votes=True)
    assert joined.answers.shape == (1, len(train), 7) and "with the votes: accuracy" in output
    again = [*command[:1], "answers=joined.npz", *command[2:]]
    said = run_here(teach_main, *again, f"hydra.run.dir={tmp_path / 'again'}", folder=tmp_path, status=2)
    assert "joined with votes already" in said
