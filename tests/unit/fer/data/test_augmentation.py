import pytest
import torch

from fer.data.augmentation import Augmentation


def _faces(count=8, size=48):
    return torch.randint(0, 256, (count, 1, size, size), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def _generator(seed=0):
    return torch.Generator().manual_seed(seed)


EVERYTHING = {"rotation": 20, "scale": 0.2, "shift": 0.1, "flip": 0.5, "contrast": 0.3, "brightness": 0.2, "erase": 0.5}


def test_nothing_asked_nothing_changed():
    faces = _faces()
    assert torch.equal(Augmentation()(faces, _generator()), faces.float())


def test_the_generator_decides_alone():
    augment, faces = Augmentation(**EVERYTHING), _faces()
    torch.manual_seed(1)
    first = augment(faces, _generator(3))
    torch.manual_seed(2)
    assert torch.equal(augment(faces, _generator(3)), first)
    assert not torch.equal(augment(faces, _generator(4)), first)


def test_shape_type_and_range_stay():
    changed = Augmentation(**EVERYTHING)(_faces(), _generator())
    assert changed.shape == (8, 1, 48, 48)
    assert changed.dtype == torch.float32
    assert changed.min() >= 0
    assert changed.max() <= 255


def test_flip_mirrors_exactly():
    faces = _faces()
    mirrored = Augmentation(flip=1.0)(faces, _generator())
    torch.testing.assert_close(mirrored, faces.float().flip(-1), atol=1e-2, rtol=0)


def test_flip_probability_is_kept():
    faces = _faces(400, 4)
    same = (Augmentation(flip=0.25)(faces, _generator()) - faces).abs().amax(dim=(1, 2, 3)) < 1
    assert 0.68 < same.float().mean() < 0.82


def test_a_dot_stays_within_the_promised_shift():
    faces = torch.zeros(200, 1, 51, 51, dtype=torch.uint8)
    faces[:, :, 25, 25] = 255
    moved = Augmentation(shift=0.1)(faces, _generator())[:, 0]
    weight = moved.sum(dim=(1, 2))
    grid = torch.arange(51.0)
    x = (moved.sum(dim=1) * grid).sum(dim=1) / weight - 25
    assert x.abs().max() <= 5.2
    assert x.abs().max() > 4.0


def test_rotation_turns_a_face_by_its_angle_and_no_more():
    faces = torch.zeros(200, 1, 101, 101, dtype=torch.uint8)
    faces[:, :, 50, 90] = 255  # 40 pixels right of the centre
    turned = Augmentation(rotation=15)(faces, _generator())[:, 0]
    weight = turned.sum(dim=(1, 2)).clamp(min=1e-6)
    y = (turned.sum(dim=2) * torch.arange(101.0)).sum(dim=1) / weight - 50
    angles = torch.rad2deg(torch.asin((y / 40).clamp(-1, 1))).abs()
    assert angles.max() <= 15.5
    assert angles.max() > 12


def test_erasing_covers_about_the_promised_area():
    faces = _faces(200)
    changed = (Augmentation(erase=1.0, erase_size=(0.1, 0.1))(faces, _generator()) != faces).float().mean(dim=(1, 2, 3))
    assert 0.06 < changed.mean() < 0.12


@pytest.mark.parametrize("wrong", [{"flip": 1.5}, {"scale": 2.0}, {"rotation": -1}, {"erase": -0.1}, {"shift": -0.1}])
def test_impossible_values_are_refused_by_name(wrong):
    with pytest.raises(ValueError, match=f"augmentation.{next(iter(wrong))}"):
        Augmentation(**wrong)
