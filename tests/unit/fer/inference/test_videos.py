from pathlib import Path

import cv2
import numpy as np
import pytest

from cascade.errors import ImageError
from fer.inference.sinks.film import VideoWriter
from fer.inference.videos import VideoFile


def frame(index: int) -> np.ndarray:
    """A gray frame whose brightness tells its index, even after compression."""
    return np.full((96, 128, 3), 8 * index, np.uint8)


def index_of(image: np.ndarray) -> int:
    return round(float(image.mean()) / 8)


def write(path: Path, count: int = 25, fourcc: str = "MJPG") -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*fourcc), 25, (128, 96))
    assert writer.isOpened()
    for index in range(count):
        writer.write(frame(index))
    writer.release()
    return path


@pytest.mark.parametrize(("name", "fourcc"), [("a.avi", "MJPG"), ("a.mp4", "mp4v"), ("a.mkv", "MJPG")])
def test_every_frame_comes_once_and_in_order(tmp_path: Path, name: str, fourcc: str):
    frames = list(VideoFile(write(tmp_path / name, fourcc=fourcc)).frames())
    assert [f.index for f in frames] == list(range(25))
    assert [index_of(f.image) for f in frames] == list(range(25))
    np.testing.assert_allclose([f.time_s for f in frames], np.arange(25) / 25, atol=0.002)


def test_variable_frame_rates_survive_writing_and_reading(tmp_path: Path):
    times = [0.0, 0.04, 0.08, 0.5, 0.51, 0.52, 1.7, 1.75, 3.0, 3.2]
    path = tmp_path / "out" / "variable.mp4"
    writer = VideoWriter(path, (128, 96))
    for index, time_s in enumerate(times):
        writer.write(frame(index), time_s)
    writer.close()
    frames = list(VideoFile(path).frames())
    np.testing.assert_allclose([f.time_s for f in frames], times, atol=0.0011)
    assert [index_of(f.image) for f in frames] == list(range(10))
    assert [p.name for p in path.parent.iterdir()] == ["variable.mp4"]


def test_a_consumer_that_stops_early_stops_the_reader(tmp_path: Path):
    import threading

    before = threading.active_count()
    frames = VideoFile(write(tmp_path / "a.avi")).frames()
    assert next(frames).index == 0
    frames.close()
    assert threading.active_count() == before


def test_a_slow_consumer_loses_nothing_and_the_queue_stays_short(tmp_path: Path):
    import time

    seen = []
    for f in VideoFile(write(tmp_path / "a.avi")).frames():
        time.sleep(0.005)
        seen.append(f.index)
    assert seen == list(range(25))


def test_a_video_that_is_cut_gives_its_frames_and_then_says_so(tmp_path: Path):
    path = write(tmp_path / "cut.avi")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    seen = []
    with pytest.raises(ImageError, match=r"cut\.avi.* of 25 frames"):
        for f in VideoFile(path).frames():
            seen.append(f.index)
    assert 1 < len(seen) < 20
    assert seen == list(range(len(seen)))


def test_a_video_without_its_index_cannot_be_opened(tmp_path: Path):
    path = write(tmp_path / "cut.mp4", fourcc="mp4v")
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ImageError, match=r"cut\.mp4 cannot be opened"):
        list(VideoFile(path).frames())


def test_a_missing_codec_is_named(tmp_path: Path):
    """Packets of a codec that nobody knows, in a container that is whole."""
    path = write(tmp_path / "odd.avi")
    path.write_bytes(path.read_bytes().replace(b"MJPG", b"QQZZ"))
    with pytest.raises(ImageError, match=r"odd\.avi.*codec"):
        list(VideoFile(path).frames())


@pytest.mark.parametrize("content", [b"", b"this is text" * 50])
def test_a_file_that_is_no_video_is_refused(tmp_path: Path, content: bytes):
    path = tmp_path / "x.mp4"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=r"x\.mp4 cannot be opened"):
        list(VideoFile(path).frames())


def test_a_missing_video_is_named(tmp_path: Path):
    with pytest.raises(ImageError, match=r"no video at .*gone\.mp4"):
        list(VideoFile(tmp_path / "gone.mp4").frames())


@pytest.mark.parametrize(
    ("name", "fourcc", "said"),
    [("a.avi", "MJPG", "cut off or damaged"), ("a.mp4", "mp4v", r"damaged from frame 1\d\d \(4\.\d s\) on")],
)
def test_damage_in_the_middle_costs_no_more_than_what_is_damaged(tmp_path: Path, name: str, fourcc: str, said: str):
    path = tmp_path / name
    rng = np.random.default_rng(0)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*fourcc), 25, (160, 120))
    for _ in range(300):
        writer.write(cv2.resize(rng.integers(0, 256, (12, 16, 3), np.uint8), (160, 120)))
    writer.release()
    data = bytearray(path.read_bytes())
    start, stop = int(0.4 * len(data)), int(0.45 * len(data))
    data[start:stop] = rng.integers(0, 256, stop - start, np.uint8).tobytes()
    path.write_bytes(data)
    seen = []
    with pytest.raises(ImageError, match=rf"{name} is {said}: 2\d\d of 300 frames"):
        for frame in VideoFile(path).frames():
            seen.append(frame)
    assert len(seen) > 250 and [frame.index for frame in seen] == list(range(len(seen)))
    assert seen[-1].time_s is not None and seen[-1].time_s > 11
