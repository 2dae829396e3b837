"""Out-of-fold teachers and their student, as a user runs them."""

import numpy as np
import pytest

from fer.data.teacher import Teacher
from fer.teach import main as teach_main
from tests.in_process import run_here, train_here

# Fewer faces than elsewhere: four commands must not take a minute
SMALL = (
    "data=synthetic",
    "data.train_size=64",
    "data.val_size=32",
    "data.test_size=0",
    "data.batch_size=32",
    "augmentation=light",
    "threads=1",
)
QUICK = ("trainer.max_epochs=1", "logger=none", "callbacks.pictures=null")
TINY_NETWORK = ("model=small_resnet", "model.stem=4", "model.widths=[4,8,8]", "model.blocks=[1,1,1]")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("teaching")


@pytest.fixture(scope="module")
def teachers(folder):
    runs = [
        train_here(folder, f"fold{k}", *SMALL, *QUICK, *TINY_NETWORK, f"data.fold={k}/2", "trainer=cpu", tiny=False)
        for k in (2, 1)
    ]
    assert all("32 train" in output for _, output in runs)
    return [str(run / "checkpoints" / "last.ckpt") for run, _ in runs]


@pytest.fixture(scope="module")
def taught(folder, teachers):
    path = folder / "teacher.npz"
    arguments = [*SMALL, f"teachers=[{','.join(teachers)}]", f"output={path}", "views=3"]
    return path, run_here(teach_main, *arguments, f"hydra.run.dir={folder / 'teach'}", folder=folder)


def test_the_answers_are_of_the_networks_that_have_not_learned_the_face(taught):
    path, output = taught
    teacher = Teacher.read(path)
    assert teacher.answers.shape == (3, 64, 7)
    assert {one["fold"] for one in teacher.info.teachers} == {"1/2", "2/2"}
    np.testing.assert_allclose((teacher.answers.float() / 8).exp().sum(dim=2), 1, atol=0.1)
    assert "left-out faces, one view: accuracy" in output and "val faces, and its mirror image" in output


def test_answers_about_faces_as_such_make_a_small_file_for_any_student(folder, teachers):
    path = folder / "faces.npz"
    output = run_here(
        teach_main,
        *SMALL,
        f"teachers=[{','.join(teachers)}]",
        f"output={path}",
        f"hydra.run.dir={folder / 'teach_faces'}",
        folder=folder,
    )
    assert "1 answers to each of 64 faces" in output
    pupil = [*SMALL, *QUICK, "loss=distillation", f"data.teacher={path}", "data.image_size=48"]
    train_here(folder, "other_views", *pupil, "augmentation=default", "data.mixup=0.2", tiny=False)


def test_a_student_learns_from_them(folder, taught):
    pupil = [*SMALL, *QUICK, "loss=distillation", f"data.teacher={taught[0]}", "data.image_size=48"]
    run, output = train_here(folder, "student", *pupil, tiny=False)
    assert (run / "checkpoints" / "best.ckpt").is_file() and "train/loss" in output


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["loss=distillation"], "set data.teacher"),
        (["data.teacher={path}"], "set loss=distillation"),
        (["loss=distillation", "data.teacher=gone.npz"], "gone.npz; python -m fer.teach writes one"),
        (
            ["loss=distillation", "data.teacher={path}", "data.train_size=50"],
            "is about 64 faces, and not about these 50",
        ),
        (["loss=distillation", "data.teacher={path}", "augmentation=none"], "augmentation.rotation is 0"),
    ],
)
def test_mistakes_of_students_end_with_one_clear_line(folder, taught, overrides, said):
    overrides = [override.format(path=taught[0]) for override in overrides]
    _, output = train_here(folder, "wrong", *SMALL, *QUICK, *overrides, tiny=False, status=2)
    assert said in output and "Traceback" not in output


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["teachers=[{one}]"], "no checkpoint of data.fold=1/2"),
        (["teachers=[]"], "teachers must be of the folds of one division"),
        (["teachers=[gone.ckpt]"], "no checkpoint at"),
        (["teachers=[{one},{two}]", "data.fold=1/2"], "data.fold is 1/2; it must be null"),
        (["teachers=[{one},{two}]", "votes=gone.csv"], "no FER+ votes at"),
        (["answers=gone.npz", "votes=gone.csv"], "gone.npz; python -m fer.teach writes one"),
        (["answers=gone.npz"], "answers=… joins a file of before with votes"),
        (["answers=gone.npz", "votes=gone.csv", "teachers=[{one}]"], "leave teachers out"),
    ],
)
def test_mistakes_of_teaching_end_with_one_clear_line(folder, teachers, overrides, said):
    overrides = [override.format(one=teachers[0], two=teachers[1]) for override in overrides]
    output = run_here(
        teach_main, *SMALL, *overrides, f"hydra.run.dir={folder / 'teach_wrong'}", folder=folder, status=2
    )
    assert said in output and "Traceback" not in output
