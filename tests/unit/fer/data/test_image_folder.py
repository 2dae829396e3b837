import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from cascade.errors import DataError
from fer.data import audit  # noqa: F401 - its config has a schema
from fer.data.image_folder import ImageFolder
from fer.labels import EXPRESSIONS

CONFIGS = Path(__file__).parents[4] / "configs"
CLASSES = {name: name for name in EXPRESSIONS}


def write(path, value=100, shape=(48, 48), dtype=np.uint8):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full(shape, value, dtype))


@pytest.fixture
def folder(tmp_path):
    """Four pictures of each class in train, two in val, one in test; the gray level tells the class."""
    for split, count in (("train", 4), ("val", 2), ("test", 1)):
        for label, name in enumerate(EXPRESSIONS):
            for number in range(count):
                write(tmp_path / split / name / f"{number}.png", 20 * label)
    return tmp_path


def check_labels(faces):
    assert faces.images[:, 0, 0, 0].tolist() == (20 * faces.labels).tolist()


def test_reads_the_splits(folder):
    splits = ImageFolder(folder, CLASSES).load()
    assert {split: len(faces) for split, faces in splits.items()} == {"train": 28, "val": 14, "test": 7}
    for faces in splits.values():
        check_labels(faces)
    assert splits["train"].names[4] == "train/disgust/0.png"


@pytest.mark.parametrize("suffix", [".png", ".JPG", ".jpeg", ".bmp", ".webp", ".tif"])
@pytest.mark.parametrize("shape", [(48, 48), (97, 61, 3), (20, 20)])
def test_reads_any_type_and_size(folder, suffix, shape):
    path = folder / "train" / "angry" / f"a{suffix}"
    write(path, 200, shape)
    faces = ImageFolder(folder, CLASSES, image_size=40).load()["train"]
    assert faces.images.shape[1:] == (1, 40, 40)
    chosen = faces.images[list(faces.names).index(f"train/angry/a{suffix}")]
    assert (chosen.int() - 200).abs().max() <= 2


def test_reads_16_bits_alpha_and_colour(folder):
    angry = folder / "train" / "angry"
    write(angry / "deep.png", 100 * 257, dtype=np.uint16)
    image = np.zeros((48, 48, 4), np.uint8)
    image[..., 0], image[..., 3] = 255, 255  # blue, opaque
    image[:24, :, 3] = 0
    cv2.imwrite(str(angry / "alpha.png"), image)
    cv2.imwrite(str(angry / "alpha16.png"), image.astype(np.uint16) * 257)
    faces = ImageFolder(folder, CLASSES).load()["train"]
    by_name = dict(zip(faces.names, faces.images, strict=True))
    assert by_name["train/angry/deep.png"].eq(100).all()
    for name in ("alpha", "alpha16"):
        assert by_name[f"train/angry/{name}.png"][0, :24].eq(0).all()
        assert by_name[f"train/angry/{name}.png"][0, 24:].eq(29).all()  # 0.114 of 255


@pytest.mark.parametrize("name", ["validation", "Valid"])
def test_knows_other_names_of_val(folder, name):
    (folder / "val").rename(folder / name)
    assert len(ImageFolder(folder, CLASSES).load()["val"]) == 14


def test_splits_val_off_train(folder):
    for number in range(4, 20):
        write(folder / "train" / "happy" / f"{number:02d}.png", 60)
    for path in sorted((folder / "val").rglob("*.png")):
        path.unlink()
    splits = ImageFolder(folder, CLASSES, val_share=0.25).load()
    assert torch.bincount(splits["val"].labels).tolist() == [1, 1, 1, 5, 1, 1, 1]
    assert torch.bincount(splits["train"].labels).tolist() == [3, 3, 3, 15, 3, 3, 3]
    assert not set(splits["val"].names) & set(splits["train"].names)
    check_labels(splits["val"])
    check_labels(splits["train"])
    again = ImageFolder(folder, CLASSES, val_share=0.25).load()
    other = ImageFolder(folder, CLASSES, val_share=0.25, split_seed=1).load()
    assert again["val"].names == splits["val"].names != other["val"].names


def test_reads_classes_without_splits(folder):
    splits = ImageFolder(folder / "train", CLASSES).load()
    assert {split: len(faces) for split, faces in splits.items()} == {"train": 21, "val": 7}


def test_any_other_folder_is_a_class_of_its_own_behind_the_expressions(folder):
    for name in ("contempt", "bored"):
        write(folder / "train" / name / "a.png", 150)
    source = ImageFolder(folder, CLASSES)
    assert source.classes == (*EXPRESSIONS, "bored", "contempt")
    assert source.load()["train"].labels.tolist().count(8) == 1
    assert len(ImageFolder(folder, CLASSES | {"contempt": None, "bored": None}).load()["train"]) == 28
    assert len(ImageFolder(folder, CLASSES | {"Contempt": "disgust", "bored": None}).load()["train"]) == 29


def test_classes_are_those_that_train_has_pictures_of(folder):
    shutil.rmtree(folder / "train/disgust")
    with pytest.raises(DataError, match="has images of disgust in val, and none in train"):
        _ = ImageFolder(folder, CLASSES).classes
    for split in ("val", "test"):
        shutil.rmtree(folder / split / "disgust")
    (folder / "train/empty").mkdir()
    source = ImageFolder(folder, CLASSES)
    assert source.classes == tuple(name for name in EXPRESSIONS if name != "disgust")
    assert sorted(set(source.load()["val"].labels.tolist())) == list(range(6))


@pytest.mark.parametrize(
    ("folders", "message"),
    [(dict.fromkeys(EXPRESSIONS[1:]), "of angry alone"), ({"angry": "a/b"}, "no class can be called 'a/b'")],
)
def test_classes_that_cannot_be_are_refused(folder, folders, message):
    with pytest.raises(DataError, match=message):
        _ = ImageFolder(folder, folders).classes


@pytest.fixture
def broken(folder):
    """Seven broken files of different kinds."""
    angry = folder / "train" / "angry"
    whole = (angry / "0.png").read_bytes()
    (angry / "empty.png").write_bytes(b"")
    (angry / "garbage.jpg").write_bytes(bytes(range(256)) * 20)
    (angry / "truncated.png").write_bytes(whole[: len(whole) // 2])
    cv2.imwrite(str(angry / "a.jpg"), np.random.default_rng(0).integers(0, 256, (48, 48), np.uint8))
    (angry / "truncated.jpg").write_bytes((angry / "a.jpg").read_bytes()[:400])
    (angry / "a.jpg").unlink()
    (angry / "text.bmp").write_text("not an image")
    (angry / "folder.png").mkdir()
    (angry / "dangling.png").symlink_to(folder / "nowhere.png")
    return folder


def test_unreadable_images_are_named_and_counted(broken):
    with pytest.raises(
        DataError, match=r"7 of 56 images cannot be read: .* and 2 more.*data\.skip_unreadable=true"
    ) as e:
        ImageFolder(broken, CLASSES).load()
    assert f"{broken / 'train' / 'angry' / 'empty.png'} is empty" in str(e.value)


def test_unreadable_images_can_be_left_out(broken, caplog):
    splits = ImageFolder(broken, CLASSES, skip_unreadable=True).load()
    assert len(splits["train"]) == 28
    check_labels(splits["train"])
    assert "7 of 56 images cannot be read" in caplog.text


@pytest.mark.parametrize("make", [(), ("train",), ("train/angry",), ("angry",), ("train/angry/.hidden", "val/angry")])
def test_a_folder_without_images(tmp_path, make):
    for name in make:
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "readme.txt").write_text("")
    with pytest.raises(DataError, match=f"no training images in {tmp_path}: expected train/<class>"):
        ImageFolder(tmp_path, CLASSES).load()


def test_a_missing_folder(tmp_path):
    with pytest.raises(DataError, match=f"no image folder at {tmp_path / 'none'}"):
        ImageFolder(tmp_path / "none", CLASSES).load()


def test_files_that_are_no_images_and_hidden_ones_do_not_count(folder):
    (folder / "train" / "angry" / "Thumbs.db").write_text("")
    (folder / "train" / "angry" / "._0.png").write_text("")
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / "train" / ".git").mkdir()
    assert len(ImageFolder(folder, CLASSES).load()["train"]) == 28


def test_few_pictures_are_told(folder, caplog):
    ImageFolder(folder, CLASSES).load()
    assert "few to learn from: 4 of angry" in caplog.text and "14 faces to validate on" in caplog.text


KAGGLE = EXPRESSIONS
CK_PLUS = ("anger", "disgust", "fear", "happy", "sadness", "surprise", "Neutral")
RAF_DB = ("6", "3", "2", "4", "5", "1", "7")


@pytest.mark.parametrize(("option", "names"), [("image_folder", KAGGLE), ("image_folder", CK_PLUS), ("raf_db", RAF_DB)])
def test_the_configs_know_the_known_data_sets(tmp_path, option, names):
    for label, name in enumerate(names):
        for number in range(2):
            write(tmp_path / "train" / name / f"{number}.jpg", 20 * label)
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        config = compose("audit", overrides=[f"data={option}", f"data.path={tmp_path}"]).data
    splits = ImageFolder(config.path, OmegaConf.to_container(config.folders)).load()
    assert sorted(splits["train"].labels.tolist()) == list(range(7))
    check_labels(splits["train"])


def test_what_is_no_file_is_not_read_for_ever(folder):
    os.mkfifo(folder / "train/happy/pipe.png")
    (folder / "train/happy/zero.png").symlink_to("/dev/zero")
    (folder / "train/happy/folder.png").mkdir()
    with pytest.raises(DataError, match=r"3 of \d+ images cannot be read: .*a device or a pipe"):
        ImageFolder(folder, CLASSES).load()


def test_a_folder_of_an_odd_name_is_shown_on_one_line(folder):
    write(folder / "train/x\ny=1/a.png")
    with pytest.raises(DataError, match="no class can be called 'x") as caught:
        ImageFolder(folder, CLASSES).load()
    assert "\n" not in str(caught.value)


def test_no_val_split_says_why(folder):
    shutil.rmtree(folder / "val")
    with pytest.raises(DataError, match=r"data\.val_share=0"):
        ImageFolder(folder, CLASSES, val_share=0).load()
    for picture in (folder / "train").rglob("[1-9].png"):
        picture.unlink()
    with pytest.raises(DataError, match="too few pictures"):
        ImageFolder(folder, CLASSES).load()
