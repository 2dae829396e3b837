import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from cascade.errors import DataError, ImageError
from cascade.pictures import check_image, find_pictures, read_picture, save_picture


def gradient(height: int = 40, width: int = 60) -> np.ndarray:
    """A BGR picture that differs in every corner and channel."""
    y, x = np.mgrid[:height, :width]
    return np.stack([y * 255 // height, x * 255 // width, (x + y) * 255 // (height + width)], -1).astype(np.uint8)


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "a.webp", "a.jpg", "with space & ü.png"])
def test_common_formats_are_read_in_colour(tmp_path: Path, name: str):
    image = gradient()
    data = cv2.imencode(Path(name).suffix, image, [cv2.IMWRITE_WEBP_QUALITY, 101])[1]
    (tmp_path / name).write_bytes(data.tobytes())
    assert np.abs(read_picture(tmp_path / name).astype(int) - image).max() <= (12 if name == "a.jpg" else 0)


@pytest.mark.parametrize("ending", [".png", ".tif"])
def test_16_bits_keep_their_upper_8(tmp_path: Path, ending: str):
    path = tmp_path / f"deep{ending}"
    cv2.imwrite(str(path), gradient().astype(np.uint16) * 257)
    np.testing.assert_allclose(read_picture(path).astype(int), gradient(), atol=1)


def test_gray_becomes_bgr(tmp_path: Path):
    gray = gradient()[..., 0]
    cv2.imwrite(str(tmp_path / "gray.png"), gray)
    assert (read_picture(tmp_path / "gray.png") == gray[..., None]).all()


def test_transparency_is_dropped(tmp_path: Path):
    image = np.dstack([gradient(), np.full((40, 60), 30, np.uint8)])
    cv2.imwrite(str(tmp_path / "alpha.png"), image)
    np.testing.assert_array_equal(read_picture(tmp_path / "alpha.png"), image[..., :3])


def test_cmyk_is_read(tmp_path: Path):
    colour = Pillow.fromarray(np.full((16, 16, 3), (200, 40, 60), np.uint8))
    colour.convert("CMYK").save(tmp_path / "cmyk.jpg", quality=95)
    blue, green, red = read_picture(tmp_path / "cmyk.jpg").reshape(-1, 3).mean(axis=0)
    assert (abs(red - 200) < 25, abs(green - 40) < 25, abs(blue - 60) < 25) == (True, True, True)


@pytest.mark.parametrize(("orientation", "turns"), [(3, 2), (6, 3), (8, 1)])
def test_exif_orientation_is_obeyed(tmp_path: Path, orientation: int, turns: int):
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    upright = gradient()
    Pillow.fromarray(upright[..., ::-1]).save(tmp_path / "turned.png", exif=exif)
    Pillow.fromarray(upright[..., ::-1]).save(tmp_path / "turned.jpg", exif=exif, quality=98)
    wanted = np.rot90(upright, turns)
    assert np.abs(read_picture(tmp_path / "turned.jpg").astype(int) - wanted).max() < 12


def test_a_pixel_is_a_picture(tmp_path: Path):
    cv2.imwrite(str(tmp_path / "pixel.png"), np.full((1, 1, 3), 9, np.uint8))
    assert read_picture(tmp_path / "pixel.png").shape == (1, 1, 3)


@pytest.mark.parametrize("ending", [".jpg", ".png", ".bmp", ".tif", ".webp"])
@pytest.mark.parametrize("kept", [0.1, 0.6, 0.95])
def test_a_cut_picture_is_refused(tmp_path: Path, ending: str, kept: float):
    noisy = np.random.default_rng(0).integers(0, 256, (80, 80, 3), dtype=np.uint8)
    data = cv2.imencode(ending, noisy)[1].tobytes()
    path = tmp_path / f"cut{ending}"
    path.write_bytes(data[: int(kept * len(data))])
    with pytest.raises(ImageError, match=f"cut{ending}"):
        read_picture(path)


def test_a_thumbnail_does_not_hide_that_a_picture_is_cut(tmp_path: Path):
    noisy = np.random.default_rng(0).integers(0, 256, (80, 80, 3), dtype=np.uint8)
    data = cv2.imencode(".jpg", noisy)[1].tobytes()
    thumbnail = cv2.imencode(".jpg", noisy[:16, :16])[1].tobytes()
    segment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    whole = data[:2] + segment + data[2:]
    (tmp_path / "whole.jpg").write_bytes(whole)
    assert read_picture(tmp_path / "whole.jpg").shape == (80, 80, 3)
    (tmp_path / "cut.jpg").write_bytes(whole[: len(segment) + len(data) // 2])
    with pytest.raises(ImageError, match="cut off"):
        read_picture(tmp_path / "cut.jpg")


@pytest.mark.parametrize(("content", "reason"), [(b"", "empty"), (b"hello, I am text", "not a picture")])
def test_a_file_that_is_no_picture_is_refused(tmp_path: Path, content: bytes, reason: str):
    (tmp_path / "x.jpg").write_bytes(content)
    with pytest.raises(ImageError, match=rf"x\.jpg.*{reason}"):
        read_picture(tmp_path / "x.jpg")


def test_a_missing_picture_is_named(tmp_path: Path):
    with pytest.raises(ImageError, match=r"nowhere\.png cannot be read"):
        read_picture(tmp_path / "nowhere.png")


@pytest.mark.parametrize(
    "image",
    [None, [[1]], np.zeros((4, 4)), np.zeros((0, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros(4, np.uint8)],
)
def test_arrays_that_are_no_pictures_are_refused(image: object):
    with pytest.raises(ImageError, match="image"):
        check_image(image)  # type: ignore[arg-type]


@pytest.mark.parametrize("filling", ["random", "zeros", "ones"])
def test_a_jpeg_that_is_destroyed_inside_is_damaged(tmp_path: Path, filling: str, capfd: pytest.CaptureFixture[str]):
    rng = np.random.default_rng(0)
    picture = cv2.resize(rng.integers(0, 256, (30, 40, 3), np.uint8), (800, 600))
    data = bytearray(cv2.imencode(".jpg", picture)[1].tobytes())
    half = len(data) // 2
    fill = {"random": rng.integers(0, 256, half, np.uint8).tobytes(), "zeros": bytes(half), "ones": b"\xaa" * half}
    data[-half - 2 : -2] = fill[filling]
    (tmp_path / "x.jpg").write_bytes(data)
    with pytest.raises(ImageError, match=r"x\.jpg is damaged: "):
        read_picture(tmp_path / "x.jpg")
    assert capfd.readouterr().err == "", "libjpeg's own words are not shown"


def test_a_jpeg_with_a_few_bytes_too_many_is_read(tmp_path: Path):
    data = bytearray(cv2.imencode(".jpg", np.full((300, 400, 3), 90, np.uint8))[1].tobytes())
    data[-2:-2] = b"\x00" * 3
    (tmp_path / "x.jpg").write_bytes(data)
    assert read_picture(tmp_path / "x.jpg").shape == (300, 400, 3)


def test_what_others_say_while_a_jpeg_is_decoded_is_not_lost(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch
):
    decode = cv2.imdecode

    def talkative(data, flags):
        os.write(2, b"another thread\n")
        return decode(data, flags)

    save_picture(tmp_path / "x.jpg", np.full((30, 40, 3), 90, np.uint8))
    monkeypatch.setattr(cv2, "imdecode", talkative)
    read_picture(tmp_path / "x.jpg")
    assert "another thread" in capfd.readouterr().err


def test_files_of_other_kinds_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    for name in ("a.heic", "B.HEIC", "c.svg", "d"):
        (tmp_path / name).touch()
    with pytest.raises(
        DataError, match=r"no pictures in .* \(it holds 2 of .heic, 1 of .svg, 1 of no ending; looked for"
    ):
        find_pictures(tmp_path)
    (tmp_path / "e.png").touch()
    assert find_pictures(tmp_path) == [tmp_path / "e.png"]
    assert "as no pictures: 2 of .heic, 1 of .svg, 1 of no ending" in caplog.text
    caplog.clear()
    assert find_pictures(tmp_path, {".svg", ".heic", ""}) == [tmp_path / "e.png"]
    assert not caplog.text
