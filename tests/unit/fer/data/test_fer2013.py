import io
import os
import sys
import tarfile
import types
import zipfile
from pathlib import Path

import numpy as np
import pytest

from cascade.errors import DataError, UserError
from fer.data.download import KAGGLE_DATASET
from fer.data.fer2013 import Fer2013
from fer.data.fer2013_csv import parse_fer2013


def expected_image(row):
    return np.array(row.pixels.split(), dtype=np.uint8).reshape(1, 48, 48)


def check_splits(splits, rows):
    """The splits hold the rows of the `rows` fixture."""
    places = {"train": [0, 1, 3], "val": [2], "test": [4]}
    assert list(splits) == list(places)
    for split, faces in splits.items():
        assert faces.labels.tolist() == [rows[place].emotion for place in places[split]]
        assert np.array_equal(faces.images, np.stack([expected_image(rows[place]) for place in places[split]]))
        assert list(faces.names) == [f"row {place + 1}" for place in places[split]]


def test_reads_the_splits(write_csv, rows):
    path = write_csv(rows)
    check_splits(Fer2013(path).load(), rows)
    check_splits(Fer2013(str(path)).load(), rows)  # from the cache


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_reads_any_line_end(write_csv, rows, end):
    check_splits(Fer2013(write_csv(rows, end=end)).load(), rows)


def test_reads_icml_face_data(tmp_path, rows):
    path = tmp_path / "icml_face_data.csv"
    lines = ["emotion, Usage, pixels", *(f"{row.emotion},{row.usage}, {row.pixels}" for row in rows)]
    path.write_text("\n".join(lines))
    check_splits(Fer2013(tmp_path).load(), rows)  # found in the folder


def test_reads_bom_quotes_blank_lines_and_further_columns(tmp_path, rows):
    path = tmp_path / "faces.csv"
    lines = ["id,emotion,pixels,Usage", ""]
    lines += [f'{i},"{row.emotion}","{row.pixels}", {row.usage} ' for i, row in enumerate(rows)]
    path.write_text("\n".join(lines) + "\n\n", encoding="utf-8-sig")
    check_splits(Fer2013(path).load(), rows)


def test_reads_blanks_other_than_single_spaces(write_csv, rows):
    spaced = rows[0]._replace(pixels=" " + rows[0].pixels.replace(" ", "  ", 1).replace(" ", "\t", 3) + " ")
    check_splits(Fer2013(write_csv([spaced, *rows[1:]])).load(), rows)


def archive(path, members):
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for name, data in members.items():
                file.writestr(name, data)
    else:
        with tarfile.open(path, "w:gz") as file:
            for name, data in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                file.addfile(info, io.BytesIO(data))
    return path


@pytest.mark.parametrize("name", ["archive.zip", "fer2013.tar.gz"])
def test_reads_archives(write_csv, rows, tmp_path, name):
    csv = write_csv(rows)
    members = {"readme.md": b"x", "a/example.csv": b"id,emotion\n1,2\n", "a/b/fer2013.csv": csv.read_bytes()}
    path = archive(tmp_path / name, members)
    csv.unlink()
    check_splits(Fer2013(path).load(), rows)
    check_splits(Fer2013(tmp_path).load(), rows)


@pytest.mark.parametrize("name", ["archive.zip", "fer2013.tar.gz"])
def test_refuses_archives_without_the_columns(tmp_path, name):
    path = archive(tmp_path / name, {"train.csv": b"emotion,pixels\n0,1 2\n", "b.txt": b"emotion,pixels,Usage"})
    with pytest.raises(DataError, match=f"{name} holds no CSV file with the columns emotion, pixels, Usage"):
        Fer2013(path).load()


def test_refuses_a_damaged_member_of_any_compression(write_csv, rows, tmp_path):
    for number in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        path = tmp_path / f"{number}.zip"
        with zipfile.ZipFile(path, "w", number) as file:
            file.writestr("fer2013.csv", write_csv(rows).read_bytes())
        data = bytearray(path.read_bytes())
        data[len(data) // 2 : len(data) // 2 + 30] = b"\x55" * 30
        path.write_bytes(data)
        with pytest.raises(DataError, match=rf"{number}\.zip"):
            Fer2013(path).load()


def test_refuses_what_has_no_end(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(DataError, match=r"pipe\.csv .*a device or a pipe"):
        Fer2013(tmp_path / "pipe.csv").load()
    (tmp_path / "long.csv").write_bytes(b"emotion,pixels,Usage\n" + b"1 " * 2**20)
    with pytest.raises(DataError, match=r"long\.csv, line 2: longer than"):
        Fer2013(tmp_path / "long.csv").load()


@pytest.mark.parametrize("name", ["archive.zip", "fer2013.tar.gz"])
@pytest.mark.parametrize("broken", ["truncated", "overwritten"])
def test_refuses_broken_archives(write_csv, rows, tmp_path, name, broken):
    path = archive(tmp_path / name, {"fer2013.csv": write_csv(rows).read_bytes()})
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    if broken == "truncated":
        del data[middle:]
    else:
        data[middle : middle + 500] = bytes(500)
    path.write_bytes(data)
    with pytest.raises(DataError, match=name):
        Fer2013(path).load()


def pixels_with(number, value):
    """A row's pixels with the pixel of that number, from 1, replaced."""
    pixels = ["7"] * 2304
    pixels[number - 1] = value
    return " ".join(pixels)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"emotion": 7}, "emotion is '7', not an integer from 0 to 6"),
        ({"emotion": -1}, "emotion is '-1', not an integer"),
        ({"emotion": "3.0"}, "emotion is '3.0', not an integer"),
        ({"emotion": "happy"}, "emotion is 'happy', not an integer"),
        ({"emotion": ""}, "emotion is '', not an integer"),
        ({"usage": "Test"}, "Usage is 'Test', none of Training, PublicTest, PrivateTest"),
        ({"usage": "training"}, "Usage is 'training', none of"),
        ({"pixels": "7 " * 2303}, "2,303 pixels, not 2,304"),
        ({"pixels": "7 " * 2305}, "2,305 pixels, not 2,304"),
        ({"pixels": ""}, "0 pixels, not 2,304"),
        ({"pixels": pixels_with(17, "256")}, "pixel 17 is '256', outside 0 to 255"),
        ({"pixels": pixels_with(2304, "-1")}, "pixel 2304 is '-1', outside 0 to 255"),
        ({"pixels": pixels_with(1, "9" * 40)}, f"pixel 1 is '{'9' * 30}…', outside 0 to 255"),
        ({"pixels": pixels_with(3, "12.5")}, "pixel 3 is '12.5', not an integer"),
        ({"pixels": pixels_with(3, "0x10")}, "pixel 3 is '0x10', not an integer"),
        ({"pixels": pixels_with(3, "nan")}, "pixel 3 is 'nan', not an integer"),
        ({"pixels": pixels_with(3, "1e2")}, "pixel 3 is '1e2', not an integer"),
        ({"pixels": pixels_with(3, "1_0")}, "pixel 3 is '1_0', not an integer"),
        ({"pixels": pixels_with(3, "5-5")}, "pixel 3 is '5-5', not an integer"),
        ({"pixels": pixels_with(3, "٣")}, "pixel 3 is '٣', not an integer"),
        ({"usage": "Training,x"}, "4 columns; the header has 3"),
    ],
)
def test_refuses_a_bad_row(write_csv, rows, change, message):
    path = write_csv([*rows[:2], rows[2]._replace(**change), *rows[3:]])
    with pytest.raises(DataError) as caught:
        Fer2013(path).load()
    assert str(caught.value).startswith(f"{path}, row 3 (line 4): {message}")
    assert "truncated" not in str(caught.value)
    assert not list(path.parent.glob("*.pt"))


@pytest.mark.parametrize("lost", [1, 12, 500, 8000])
def test_refuses_a_truncated_last_row(write_csv, rows, lost):
    path = write_csv(rows)
    path.write_bytes(path.read_bytes()[: -1 - lost])
    with pytest.raises(DataError, match=r"row 5 \(line 6\): .* it is the last row, so .* truncated"):
        Fer2013(path).load()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"emotion,pixels,Usage\n", "has a header and no rows"),
        (b"emotion,Usage\n0,Training\n", "line 1: no column pixels in the header"),
        (b"pixels\n1 2\n", "line 1: no column emotion, Usage in the header"),
        (b"\x00\xff\xfe\x13\x88" * 999, "this is not a text file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9, "this is not a text file"),
        (b"emotion,pixels,Usage\n" + bytes(range(128, 256)) * 99, r"row 1 \(line 2\): 1 columns"),
        (b'emotion,pixels,Usage\n0,"1 2 3\n' + b"4 5 6\n" * 99999, r"row 1 \(line \d+\): not a CSV"),
    ],
)
def test_refuses_what_is_no_fer2013(tmp_path, content, message):
    path = tmp_path / "fer2013.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        Fer2013(path).load()
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(("usage", "split"), [("Training", "train"), ("PublicTest", "val")])
def test_refuses_a_file_without_train_or_val(write_csv, rows, usage, split):
    path = write_csv([row for row in rows if row.usage != usage])
    with pytest.raises(DataError, match=f"{path} has no row whose Usage is {usage}, which is the {split} split"):
        Fer2013(path).load()


def test_says_that_there_is_no_test_split(write_csv, rows, caplog):
    caplog.set_level("INFO")
    assert list(Fer2013(write_csv(rows[:4])).load()) == ["train", "val"]
    assert "no test split" in caplog.text


@pytest.mark.parametrize("folder", [False, True])
def test_missing_file_names_path_dataset_and_synthetic(tmp_path, monkeypatch, folder):
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    with pytest.raises(DataError) as caught:
        Fer2013("data" if folder else "data/fer2013.csv").load()
    for part in (str(tmp_path / "data" / "fer2013.csv"), KAGGLE_DATASET, "data=synthetic", "FER2013_CSV"):
        assert part in str(caught.value)


def fake_kagglehub(monkeypatch, download):
    module = types.ModuleType("kagglehub")
    module.dataset_download = download
    monkeypatch.setitem(sys.modules, "kagglehub", module)


def test_downloads_once(write_csv, rows, tmp_path, monkeypatch):
    calls = []
    store = write_csv(rows)

    def download(handle):
        calls.append(handle)
        return str(store.parent)

    fake_kagglehub(monkeypatch, download)
    path = tmp_path / "new" / "data" / "fer.csv"
    for _ in range(2):
        check_splits(Fer2013(path, download=True).load(), rows)
    assert calls == [KAGGLE_DATASET]
    assert store.exists()


def test_does_not_download_what_is_there(write_csv, rows, monkeypatch):
    fake_kagglehub(monkeypatch, None)
    check_splits(Fer2013(write_csv(rows), download=True).load(), rows)


def test_download_errors_are_the_users(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "kagglehub", None)  # as if not installed
    with pytest.raises(UserError, match=r"pip install -e '\.\[download\]'"):
        Fer2013(tmp_path / "a.csv", download=True).load()

    def fail(handle):
        raise ConnectionError("no route to host")

    fake_kagglehub(monkeypatch, fail)
    with pytest.raises(UserError, match=r"ConnectionError: no route to host.*data\.path"):
        Fer2013(tmp_path / "a.csv", download=True).load()
    (tmp_path / "empty").mkdir()
    fake_kagglehub(monkeypatch, lambda handle: str(tmp_path / "empty"))
    with pytest.raises(UserError, match="holds no CSV"):
        Fer2013(tmp_path / "a.csv", download=True).load()


def test_writing_to_the_faces_leaves_the_cache_alone(write_csv, rows):
    path = write_csv(rows)
    Fer2013(path).load()["train"].images.zero_()
    check_splits(Fer2013(path).load(), rows)


@pytest.mark.skipif("FER2013_CSV" not in os.environ, reason="wants the real fer2013 at FER2013_CSV")
def test_the_real_file():
    table = parse_fer2013(Path(os.environ["FER2013_CSV"]))
    assert table["usages"].bincount()[:2].tolist() == [28709, 3589]
    assert table["emotions"][:28709].bincount().tolist() == [3995, 436, 4097, 7215, 4830, 3171, 4965]
    assert table["images"][0, 0, 0, :8].tolist() == [70, 80, 82, 72, 58, 58, 60, 63]
