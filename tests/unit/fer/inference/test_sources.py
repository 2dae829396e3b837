import os
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from cascade.errors import ConfigError, DataError, ImageError
from fer.inference.live import LiveSource
from fer.inference.sources import Files, Input, Picture, Source, drawn_names, find_source
from fer.inference.videos import VideoFile


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    for name in ("b.jpg", "a.PNG", "deep/er/c.webp", "clip.mp4", "notes.txt", ".hidden/x.jpg", "deep/.y.jpg"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def names(source: Source) -> list[str]:
    found = [item.name for item in source.inputs()]
    assert len(found) == len(source)
    return found


def test_a_folder_is_searched_recursively_in_a_fixed_order(archive: Path):
    assert names(find_source(str(archive))) == ["a.PNG", "b.jpg", "clip.mp4", "deep/er/c.webp"]


def test_a_file_is_named_without_its_folder(archive: Path):
    assert names(find_source(str(archive / "b.jpg"))) == ["b.jpg"]


def test_several_sources_are_named_from_the_folder_that_holds_them(archive: Path):
    assert names(find_source([str(archive / "b.jpg"), str(archive / "a.PNG")])) == ["a.PNG", "b.jpg"]
    both = find_source([str(archive / "deep"), str(archive / "*.jpg"), str(archive / "b.jpg")])
    assert names(both) == ["b.jpg", "deep/er/c.webp"]
    for live in ([0, str(archive)], ["rtsp://host/a"], []):
        with pytest.raises(ConfigError, match="looked at alone"):
            find_source(live)


@pytest.mark.parametrize(
    ("pattern", "wanted"), [("*.jpg", ["b.jpg"]), ("**/*.webp", ["deep/er/c.webp"]), ("[ab].*", ["a.PNG", "b.jpg"])]
)
def test_patterns(archive: Path, pattern: str, wanted: list[str]):
    assert names(find_source(str(archive / pattern))) == wanted


def test_a_file_whose_name_looks_like_a_pattern_is_a_file(tmp_path: Path):
    (tmp_path / "a[1].jpg").touch()
    assert names(find_source(str(tmp_path / "a[1].jpg"))) == ["a[1].jpg"]


@pytest.mark.parametrize("folder", ["a[1]", "b*", "c?", "${d}", "e f (1), 'g'", "h=i", "~j", "#k"])
def test_patterns_start_in_folders_of_any_name(tmp_path: Path, folder: str):
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "x.jpg").touch()
    assert names(find_source(str(tmp_path / folder / "*.jpg"))) == ["x.jpg"]
    assert names(find_source(str(tmp_path / folder))) == ["x.jpg"]
    assert names(find_source(str(tmp_path / folder / "**"))) == ["x.jpg"]


@pytest.mark.parametrize("pattern", ["", "**", "**/*.jpg", "*/**/*.jpg"])
def test_no_link_is_followed_round_and_round(tmp_path: Path, pattern: str):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/x.jpg").touch()
    for number in range(8):
        (tmp_path / f"deep/loop{number}").symlink_to(tmp_path, target_is_directory=True)
    assert names(find_source(str(tmp_path / pattern))) == ["deep/x.jpg"]


def test_hidden_files_match_only_patterns_that_name_them(archive: Path):
    assert names(find_source(str(archive / "**/*.jpg"))) == ["b.jpg"]
    assert names(find_source(str(archive / ".hidden/*.jpg"))) == ["x.jpg"]


@pytest.mark.parametrize("pattern", ["a**/*.jpg", "[", "x" * 5000, "a\0b", "~nobody-of-this-name/*.jpg"])
def test_what_is_no_pattern_is_refused(archive: Path, pattern: str):
    with pytest.raises(DataError):
        find_source(str(archive / pattern) if pattern[0] not in "~x" else pattern)


def test_what_is_left_out_is_counted_by_kind(archive: Path):
    for name in ("x.heic", "deep/y.HEIC", "z.svg", "README"):
        (archive / name).touch()
    source = find_source(str(archive))
    assert isinstance(source, Files)
    assert source.skipped == "2 of .heic, 1 of .svg, 1 of .txt, 1 of no ending"


def test_every_input_has_an_annotated_picture_of_its_own():
    inputs = ["x.tif", "x.tif.png", "x.tif~2.png", "a.jpg", "v.avi", "v.avi.mp4", "w.MP4", "d.bmp/y.gif", "d.gif"]
    inputs += ["e.gif", "e.gif.png/z.jpg"]
    drawn = drawn_names(inputs)
    assert len(set(drawn.values())) == len(inputs)
    unchanged = ("x.tif.png", "x.tif~2.png", "a.jpg", "v.avi.mp4", "e.gif.png/z.jpg")
    assert all(drawn[name] == name for name in unchanged)
    assert (drawn["x.tif"], drawn["v.avi"], drawn["w.MP4"]) == ("x.tif~3.png", "v.avi~2.mp4", "w.MP4.mp4")
    assert (drawn["e.gif"], drawn["d.bmp/y.gif"]) == ("e.gif~2.png", "d.bmp/y.gif.png")


def test_shards_agree_on_the_names_of_annotated_pictures(tmp_path: Path):
    for name in ("x.tif", "x.tif.png"):
        (tmp_path / name).touch()
    source = find_source(str(tmp_path))
    assert isinstance(source, Files)
    alone = [item.drawn_name for index in range(2) for item in source.shard(index, 2).inputs()]
    assert alone == [item.drawn_name for item in source.inputs()] == ["x.tif~2.png", "x.tif.png"]


def test_a_name_that_is_not_utf_8_is_a_name(tmp_path: Path):
    folder = os.fsencode(tmp_path)
    for name in (b"p\xff.png", b"v\xff.mp4"):
        (tmp_path / os.fsdecode(name)).touch()
    written(tmp_path / "ok.mp4").rename(os.fsdecode(folder + b"/w\xfe.mp4"))
    found = {item.name: item for item in find_source(str(tmp_path)).inputs()}
    assert len(found) == 3
    assert len(list(found[os.fsdecode(b"w\xfe.mp4")].frames())) > 0
    for name in (b"p\xff.png", b"v\xff.mp4"):
        with pytest.raises(ImageError):
            next(found[os.fsdecode(name)].frames())


@pytest.mark.parametrize("address", ["rtsp://host:554/a?b=c", "http://host/x.mjpg"])
def test_addresses_are_streams(address: str):
    source = find_source(address)
    assert isinstance(source, LiveSource) and source.address == address


@pytest.mark.parametrize("number", [0, "0", 2])
def test_numbers_are_cameras(number: int | str):
    source = find_source(number)
    assert isinstance(source, LiveSource) and source.address == int(number)


def test_shards_cover_every_file_once(archive: Path):
    files = find_source(str(archive))
    assert isinstance(files, Files)
    parts = [names(files.shard(index, 3)) for index in range(3)]
    assert sorted(name for part in parts for name in part) == names(files)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize(("index", "count"), [(3, 3), (-1, 2), (0, 0)])
def test_impossible_shards_are_refused(archive: Path, index: int, count: int):
    files = find_source(str(archive))
    assert isinstance(files, Files)
    with pytest.raises(ConfigError, match=r"shard\.index"):
        files.shard(index, count)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere", "there is no file or folder .*nowhere"),
        ("/dev/null", "/dev/null is neither a file nor a folder"),
        ("nowhere.jpg", r"there is no file or folder .*nowhere\.jpg"),
        ("empty", "empty holds nothing"),
        ("texts", "holds 1 files, none of them a picture"),
        ("texts/a.txt", r"a\.txt is no picture or video"),
        ("texts/*", "matches 1 files, none of them"),
        ("empty/*.jpg", "matches no file"),
    ],
)
def test_what_is_not_there_is_named(tmp_path: Path, name: str, message: str):
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts/a.txt").touch()
    with pytest.raises(DataError, match=message):
        find_source(str(tmp_path / name))


@pytest.mark.parametrize("source", [None, ""])
def test_no_source_shows_how_to_give_one(source: str | None):
    with pytest.raises(DataError, match=r"source=photo\.jpg"):
        find_source(source)


class Capture:
    """A camera that never ends."""

    def __init__(self, address: object) -> None:
        pass

    def isOpened(self) -> bool:  # noqa: N802  OpenCV's name
        return True

    def read(self):
        time.sleep(0.002)
        return True, np.zeros((4, 5, 3), np.uint8)

    def release(self) -> None:
        pass


class Closed(Capture):
    def isOpened(self) -> bool:  # noqa: N802  OpenCV's name
        return False


def written(path: Path) -> Path:
    image = np.zeros((96, 128, 3), np.uint8)
    if path.suffix == ".png":
        cv2.imwrite(str(path), image)
    else:
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (128, 96))
        for _ in range(5):
            writer.write(image)
        writer.release()
    return path


KINDS = {
    "picture": lambda folder: find_source(str(written(folder / "a.png"))),
    "video": lambda folder: find_source(str(written(folder / "a.avi"))),
    "camera": lambda folder: LiveSource(0, seconds=0),
    "stream": lambda folder: LiveSource("rtsp://host/a", seconds=0),
}
BROKEN = {
    "picture": lambda folder: Picture(folder / "gone.png", "gone.png"),
    "video": lambda folder: VideoFile(folder / "gone.avi"),
    "camera": lambda folder: LiveSource(0),
}


@pytest.fixture
def camera(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fer.inference.live._open", Capture)


@pytest.mark.usefixtures("camera")
class TestEverySource:
    @pytest.mark.parametrize("kind", KINDS)
    def test_yields_inputs_of_frames(self, kind: str, tmp_path: Path):
        source: Source = KINDS[kind](tmp_path)
        (item,) = source.inputs()
        assert len(source) == 1 and source.name and item.name and item.file_name
        frames = list(item.frames())
        assert [frame.index for frame in frames] == list(range(len(frames))) if not item.endless else frames
        assert item.count in (0, len(frames))
        assert all((frame.time_s is None) == item.still and frame.gray.ndim == 2 for frame in frames)
        assert not item.still or len(frames) == 1

    @pytest.mark.parametrize("kind", KINDS)
    def test_frames_can_be_left_in_the_middle(self, kind: str, tmp_path: Path):
        before = threading.active_count()
        frames = next(iter(KINDS[kind](tmp_path).inputs())).frames()
        next(frames)
        frames.close()
        assert threading.active_count() == before

    @pytest.mark.parametrize("kind", BROKEN)
    def test_an_unreadable_input_says_so_where_its_frames_are_asked_for(self, kind: str, tmp_path: Path, monkeypatch):
        monkeypatch.setattr("fer.inference.live._open", Closed)
        item: Input = BROKEN[kind](tmp_path)
        with pytest.raises(ImageError):
            next(item.frames())

    def test_what_is_done_is_left_out(self, archive: Path):
        left = find_source(str(archive)).inputs({"a.PNG", "clip.mp4"})
        assert [item.name for item in left] == ["b.jpg", "deep/er/c.webp"]
