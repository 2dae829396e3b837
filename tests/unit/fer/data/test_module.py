"""Each face is interpolated once on its way to the network."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cascade.errors import ConfigError, DataError
from fer.data.augmentation import Augmentation
from fer.data.faces import Faces
from fer.data.folds import fold_of
from fer.data.module import FaceDataModule
from fer.data.teacher import Teacher, TeacherInfo, checksum
from fer.labels import EXPRESSIONS
from fer.preprocessing import resize_face


class Ready:
    """A source of random faces of 48 pixels."""

    detail = 48
    classes = EXPRESSIONS

    def load(self):
        random = torch.Generator().manual_seed(0)
        images = torch.randint(0, 256, (40, 1, 48, 48), dtype=torch.uint8, generator=random)
        return {"train": Faces(images[:30], torch.arange(30) % 7), "val": Faces(images[30:], torch.arange(10) % 7)}


def _resized(faces, size):
    return np.stack([resize_face(image, size) for image in faces.images[:, 0].numpy()])


def test_the_augmentation_enlarges_by_its_own_interpolation():
    faces = Ready().load()["train"].images.float()
    enlarged = Augmentation(flip=1e-12)(faces, torch.Generator().manual_seed(0), 64)
    torch.testing.assert_close(enlarged, F.interpolate(faces, size=64, mode="bilinear"), atol=1e-2, rtol=0)


@pytest.mark.parametrize(
    ("augmentation", "size", "served"),
    [(Augmentation(rotation=5), 64, 48), (Augmentation(rotation=5), 40, 40), (Augmentation(contrast=0.1), 64, 64)],
)
def test_training_faces_stay_small_where_the_augmentation_enlarges_them(augmentation, size, served):
    data = FaceDataModule(Ready, image_size=size, augmentation=augmentation, batch_size=30)
    (images, _), *_ = data.train_dataloader()
    assert images.shape == (30, 1, served, served)
    if served == size:
        expected = _resized(data.splits["train"], size)
        assert sorted(map(bytes, images.numpy())) == sorted(map(bytes, expected))


@pytest.mark.parametrize("size", [32, 48, 64])
def test_faces_to_be_judged_are_what_inference_would_see(size):
    data = FaceDataModule(Ready, image_size=size, augmentation=Augmentation(rotation=5))
    (images, labels), *_ = data.val_dataloader()
    assert np.array_equal(images[:, 0].numpy(), _resized(data.splits["val"], size))
    pixels, _ = data.on_after_batch_transfer((images, labels), 0)
    assert torch.equal(pixels, data.preprocessing.normalise(images.float()))
    (again, _), *_ = data.whole_split("val")
    assert torch.equal(again, images)


def test_a_sample_is_the_same_training_faces_every_time():
    data = FaceDataModule(Ready, image_size=64, eval_batch_size=4, order_seed=3)
    first, again = (torch.cat(list(data.sample(0.3))) for _ in range(2))
    assert first.shape == (9, 1, 64, 64)
    assert torch.equal(first, again)
    other = FaceDataModule(Ready, image_size=64, order_seed=4)
    assert not torch.equal(first, torch.cat(list(other.sample(0.3))))


def test_a_split_that_is_not_there_is_named():
    with pytest.raises(DataError, match="has no test split"):
        FaceDataModule(Ready).test_dataloader()


def test_a_fold_is_left_out_of_the_training_faces_alone():
    whole = FaceDataModule(Ready).splits
    folds = fold_of(whole["train"].images, 3)
    for number in (1, 2, 3):
        data = FaceDataModule(Ready, fold=f"{number}/3")
        assert torch.equal(data.splits["train"].images, whole["train"].images[folds != number])
        assert torch.equal(data.splits["val"].images, whole["val"].images)
        assert data.state_dict()["fold"] == f"{number}/3"


@pytest.mark.parametrize("fold", ["0/5", "6/5", "1/1", "1", "a/b", "1/5/5", ""])
def test_a_fold_that_is_none_is_refused(fold):
    with pytest.raises(ConfigError, match=r"data\.fold is .*k/n"):
        FaceDataModule(Ready, fold=fold)


def test_a_checkpoint_of_another_fold_is_not_resumed():
    with pytest.raises(ConfigError, match=r"data\.fold is 1/3, but the checkpoint's training left out 2/3"):
        FaceDataModule(Ready, fold="1/3").load_state_dict({"fold": "2/3"})
    FaceDataModule(Ready).load_state_dict({"epoch": 1, "served": 2})  # of before there were folds


@pytest.mark.parametrize("views", [0, 3])
def test_a_teacher_of_all_faces_teaches_those_of_some_folds(tmp_path, views):
    faces, path = Ready().load()["train"], tmp_path / "teacher.npz"
    augmentation = Augmentation(rotation=15, flip=0.5)
    info = TeacherInfo(checksum(faces), EXPRESSIONS, augmentation.settings if views else None, seed=1)
    answers = torch.randn(max(1, views), 30, 7, generator=torch.Generator().manual_seed(0)).log_softmax(dim=2)
    Teacher.of(info, answers).write(path)
    whole = FaceDataModule(Ready, batch_size=30, augmentation=augmentation, teacher=str(path))
    part = FaceDataModule(Ready, batch_size=30, augmentation=augmentation, teacher=str(path), fold="2/3")
    kept = (fold_of(faces.images, 3) != 2).nonzero().flatten()
    for data in (whole, part):
        data.setup()
    draws, said = part._teacher.lesson(torch.arange(len(kept)), 4)
    assert len(said) == len(kept) == len(part.splits["train"])
    every = whole._teacher.answers[:, kept].float() / 8
    assert all(any(torch.equal(one, other) for other in every[:, place]) for place, one in enumerate(said))
    if views:
        for place, (draw, one) in enumerate(zip(draws, said, strict=True)):
            view = next(view for view in range(views) if torch.equal(every[view, place], one))
            assert torch.equal(draw, whole._teacher.draws[view, kept[place]])


def _training(batch=3):
    """What the data asks a trainer about a batch."""
    loops = SimpleNamespace(
        epoch_loop=SimpleNamespace(batch_progress=SimpleNamespace(current=SimpleNamespace(ready=batch)))
    )
    return SimpleNamespace(training=True, current_epoch=4, global_rank=0, world_size=1, fit_loop=loops)


@pytest.mark.parametrize("mixup", [0.0, 1.0])
def test_answers_about_faces_as_such_come_with_views_of_the_students_own(tmp_path, mixup):
    faces, path = Ready().load()["train"], tmp_path / "teacher.npz"
    answers = torch.randn(1, 30, 7, generator=torch.Generator().manual_seed(0)).log_softmax(dim=2)
    Teacher.of(TeacherInfo(checksum(faces), EXPRESSIONS, None, seed=1), answers).write(path)
    augmentation = Augmentation(rotation=15, flip=0.5)
    data = FaceDataModule(Ready, batch_size=30, augmentation=augmentation, teacher=str(path), mixup=mixup)
    data.setup()
    data.trainer = _training()
    (batch,) = data.train_dataloader()
    images, labels, taught = data.on_after_batch_transfer(batch, 0)
    again, _, _ = data.on_after_batch_transfer(batch, 0)
    assert torch.equal(images, again)  # of the same batch
    data.trainer = _training(batch=4)
    assert not torch.equal(images, data.on_after_batch_transfer(batch, 0)[0])
    said = Teacher.read(path).answers[0, batch[2]].float() / 8
    if mixup:
        assert labels.shape == (30, 7) and not torch.equal(taught, said)
    else:
        assert torch.equal(labels, batch[1]) and torch.equal(taught, said)


@pytest.mark.parametrize("augmentation", [Augmentation(rotation=15, flip=0.5, erase=0.5), None], ids=["moves", "none"])
def test_a_students_batches_are_the_views_that_its_teacher_has_judged(tmp_path, augmentation):
    faces, path = Ready().load()["train"], tmp_path / "teacher.npz"
    settings = (augmentation or Augmentation()).settings
    answers = torch.randn(3, 30, 7, generator=torch.Generator().manual_seed(0)).log_softmax(dim=2)
    Teacher.of(TeacherInfo(checksum(faces), EXPRESSIONS, settings, seed=1), answers).write(path)
    data = FaceDataModule(Ready, image_size=64, batch_size=30, augmentation=augmentation, teacher=str(path))
    data.setup()
    data.trainer = SimpleNamespace(training=True, current_epoch=4, global_rank=0, world_size=1)
    (batch,) = data.train_dataloader()
    images, labels, taught = data.on_after_batch_transfer(batch, 0)
    places = batch[2]
    assert torch.equal(labels, faces.labels[places]) and images.shape == (30, 1, 64, 64)
    teacher = Teacher.read(path)
    for place, image, said in zip(places.tolist(), images, taught, strict=True):
        view = (4 + place) % 3
        assert torch.equal(said, teacher.answers[view, place].float() / 8)
        if augmentation is not None:
            seen = augmentation.view(faces.images[[place]], teacher.draws[view, [place]], 64)
            torch.testing.assert_close(image, data.preprocessing.normalise(seen)[0])
