from dataclasses import replace

import numpy as np
import pytest
import torch

from cascade.errors import ConfigError, DataError
from fer.data.augmentation import Augmentation
from fer.data.faces import Faces
from fer.data.teacher import Teacher, TeacherInfo, checksum, draw_views
from fer.labels import EXPRESSIONS

AUGMENTATION = Augmentation(rotation=10, flip=0.5, contrast=0.2, erase=0.5)
FACES = Faces(torch.arange(10 * 48 * 48).view(10, 1, 48, 48).byte(), torch.arange(10) % 7)


def made(views=4) -> Teacher:
    logits = 3 * torch.randn(views, 10, 7, generator=torch.Generator().manual_seed(0))
    return Teacher.of(TeacherInfo(checksum(FACES), EXPRESSIONS, AUGMENTATION.settings, seed=3), logits.log_softmax(2))


def test_answers_come_back_from_a_small_file(tmp_path):
    path, teacher = tmp_path / "teacher.npz", made()
    teacher.write(path)
    again = Teacher.read(path)
    assert torch.equal(again.answers, teacher.answers) and again.info == teacher.info
    again.check(path, FACES, EXPRESSIONS, AUGMENTATION)


def test_answers_are_kept_to_a_sixteenth_of_a_nat():
    logits = 2 * torch.randn(3, 10, 7, generator=torch.Generator().manual_seed(0))
    wanted = logits.log_softmax(2)
    teacher = Teacher.of(made().info, wanted)
    kept = torch.stack([teacher.lesson(torch.arange(10), epoch)[1] for epoch in range(3)])
    seen = torch.stack([wanted[(epoch + torch.arange(10)) % 3, torch.arange(10)] for epoch in range(3)])
    assert (kept - seen).abs().max() <= 1 / 16 + 1e-6


def test_every_face_shows_all_views_before_it_shows_one_again():
    teacher, indices = made(), torch.tensor([7, 2])
    lessons = [teacher.lesson(indices, epoch) for epoch in range(8)]
    for place, face in enumerate((7, 2)):
        shown = [lesson[0][place] for lesson in lessons]
        assert all(torch.equal(one, other) for one, other in zip(shown[:4], shown[4:], strict=True))
        views = {tuple(one.tolist()) for one in shown}
        assert views == {tuple(teacher.draws[view, face].tolist()) for view in range(4)}


def test_the_first_views_are_the_face_and_its_mirror_image():
    faces = FACES.images.float()
    itself, mirrored, other = draw_views(AUGMENTATION, 3, 10, seed=0)
    torch.testing.assert_close(AUGMENTATION.view(faces, itself), faces, atol=1e-2, rtol=0)
    torch.testing.assert_close(AUGMENTATION.view(faces, mirrored), faces.flip(-1), atol=1e-2, rtol=0)
    assert (AUGMENTATION.view(faces, other) - faces).abs().max() > 10


def test_a_view_is_the_same_however_many_there_are_and_whoever_is_in_the_batch():
    few, many = draw_views(AUGMENTATION, 3, 10, seed=5), draw_views(AUGMENTATION, 6, 10, seed=5)
    assert torch.equal(few, many[:3])
    whole = AUGMENTATION.view(FACES.images, many[4], 64)
    torch.testing.assert_close(AUGMENTATION.view(FACES.images[[8, 1]], many[4, [8, 1]], 64), whole[[8, 1]])


def test_answers_about_faces_as_such_fit_any_view(tmp_path):
    teacher, path = made(1), tmp_path / "teacher.npz"
    teacher = replace(teacher, info=replace(teacher.info, augmentation=None))
    teacher.write(path)
    again = Teacher.read(path)
    for augmentation in (None, AUGMENTATION, Augmentation(rotation=45)):
        again.check(path, FACES, EXPRESSIONS, augmentation)
    for epoch in range(3):
        draws, answers = again.lesson(torch.tensor([7, 2]), epoch)
        assert draws is None
        assert torch.equal(answers, teacher.answers[0, [7, 2]].float() / 8)
    several = replace(made(4), info=teacher.info)
    several.write(path)
    with pytest.raises(DataError, match="is damaged"):
        Teacher.read(path)


@pytest.mark.parametrize(
    ("faces", "classes", "augmentation", "error", "said"),
    [
        (Faces(FACES.images[:9], FACES.labels[:9]), EXPRESSIONS, AUGMENTATION, DataError, "is about 10 faces"),
        (Faces(255 - FACES.images, FACES.labels), EXPRESSIONS, AUGMENTATION, DataError, "not about these 10"),
        (FACES, EXPRESSIONS[::-1], AUGMENTATION, DataError, "is about angry, disgust, .*, not neutral"),
        (FACES, EXPRESSIONS, Augmentation(rotation=10), ConfigError, "augmentation.flip is 0.0; .* views with 0.5"),
        (FACES, EXPRESSIONS, None, ConfigError, "augmentation.rotation is 0.0; .* views with 10"),
    ],
)
def test_a_teacher_of_something_else_is_refused(faces, classes, augmentation, error, said):
    with pytest.raises(error, match=said):
        made().check("teacher.npz", faces, classes, augmentation)


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 and no more", b"text", "other", "floats", "info"])
def test_what_is_no_teacher_is_refused_by_its_path(tmp_path, content):
    path = tmp_path / "teacher.npz"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content:
        answers = np.zeros((1, 2, 7), np.float32 if content == "floats" else np.int8)
        named = {"other": {"x": answers}, "floats": {"answers": answers, "info": "{}"}}
        np.savez(path, **named.get(content, {"answers": answers, "info": '{"checksum": 3}'}))
    with pytest.raises(DataError, match=r"data\.teacher: .*teacher\.npz"):
        Teacher.read(path)
