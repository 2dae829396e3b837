import multiprocessing
import os
import time
from pathlib import Path

import pytest
import torch

from cascade.files import CACHE_VARIABLE
from fer.data import cache
from fer.data.cache import cached_tensors


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "data" / "faces.csv"
    path.parent.mkdir()
    path.write_text("1")
    return path


@pytest.fixture(autouse=True)
def user_cache(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "user"))
    return tmp_path / "user"


class Build:
    """Reads the source's number; counts its calls."""

    def __init__(self, source):
        self.source, self.calls = source, 0

    def __call__(self):
        self.calls += 1
        return {"value": torch.full((1000,), int(self.source.read_text()))}


def test_builds_once_beside_the_source(source):
    build = Build(source)
    for _ in range(3):
        assert cached_tensors(source, "v1", build)["value"].eq(1).all()
    assert build.calls == 1
    assert (source.parent / "faces.csv.v1.pt").is_file()


@pytest.mark.parametrize("change", ["contents", "time", "tag"])
def test_a_change_builds_anew(source, change):
    build = Build(source)
    cached_tensors(source, "v1", build)
    if change == "contents":
        status = source.stat()
        source.write_text("22")
        os.utime(source, ns=(status.st_atime_ns, status.st_mtime_ns))
    elif change == "time":
        status = source.stat()
        source.write_text("2")
        os.utime(source, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    tensors = cached_tensors(source, "v2" if change == "tag" else "v1", build)
    assert build.calls == 2
    assert tensors["value"][0] == int(source.read_text())


@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: data[: len(data) // 2], lambda data: b"x" * 99])
def test_a_broken_cache_is_built_anew(source, damage, caplog):
    build = Build(source)
    cached_tensors(source, "v1", build)
    path = source.parent / "faces.csv.v1.pt"
    path.write_bytes(damage(path.read_bytes()))
    assert cached_tensors(source, "v1", build)["value"].eq(1).all()
    assert "is broken" in caplog.text
    assert build.calls == 2
    cached_tensors(source, "v1", build)
    assert build.calls == 2


def refuse_writing_below(monkeypatch, folder):
    """Stand in for a read-only folder, which root, as in containers, would not notice."""

    class ReadOnlyLock(cache.FileLock):
        def acquire(self, *args, **kwargs):
            if Path(self.lock_file).is_relative_to(folder):
                raise PermissionError(13, "Permission denied", self.lock_file)
            return super().acquire(*args, **kwargs)

    monkeypatch.setattr(cache, "FileLock", ReadOnlyLock)


def test_a_read_only_folder_falls_back_to_the_users_cache(source, user_cache, monkeypatch):
    refuse_writing_below(monkeypatch, source.parent)
    build = Build(source)
    for _ in range(2):
        assert cached_tensors(source, "v1", build)["value"].eq(1).all()
    assert build.calls == 1
    assert [path.suffix for path in sorted(user_cache.iterdir()) if path.suffix != ".lock"] == [".pt"]
    assert [path.name for path in source.parent.iterdir()] == ["faces.csv"]


def test_nowhere_to_write_builds_with_a_warning(source, tmp_path, monkeypatch, caplog):
    refuse_writing_below(monkeypatch, tmp_path)
    build = Build(source)
    assert cached_tensors(source, "v1", build)["value"].eq(1).all()
    assert "is not cached" in caplog.text


def test_a_full_disk_builds_with_a_warning_and_leaves_nothing(source, monkeypatch, caplog):
    def full(content, file):
        file.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    assert cached_tensors(source, "v1", Build(source))["value"].eq(1).all()
    assert "No space left" in caplog.text
    assert {path.name for path in source.parent.iterdir()} <= {"faces.csv", "faces.csv.v1.lock"}


def test_cache_dir_keeps_sources_of_one_name_apart(source, tmp_path):
    other = tmp_path / source.name
    other.write_text("5")
    folder = tmp_path / "new" / "cache"
    assert cached_tensors(source, "v1", Build(source), folder)["value"][0] == 1
    assert cached_tensors(other, "v1", Build(other), folder)["value"][0] == 5
    assert len(list(folder.glob("*.pt"))) == 2


def _load(source, builds, ready, results):
    def build():
        with builds.open("a") as file:
            file.write(f"{os.getpid()}\n")
        time.sleep(0.5)  # long enough for the others to come to the lock
        return {"value": torch.full((1000,), int(source.read_text()))}

    ready.wait(timeout=200)
    results.put(int(cached_tensors(source, "v1", build)["value"].sum()))


@pytest.mark.slow
def test_of_several_processes_one_builds(source, tmp_path):
    context = multiprocessing.get_context("spawn")
    builds, ready, results = tmp_path / "builds", context.Barrier(3), context.Queue()
    processes = [context.Process(target=_load, args=(source, builds, ready, results)) for _ in range(3)]
    for process in processes:
        process.start()
    assert [results.get(timeout=250) for _ in processes] == [1000] * 3
    for process in processes:
        process.join()
    assert len(builds.read_text().splitlines()) == 1


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="a folder in which nobody can make files, whoever asks")
def test_a_folder_without_locks_is_not_waited_for(source, caplog):
    build = Build(source)
    assert cached_tensors(source, "tag", build, cache_dir=Path("/proc"))["value"][0] == int(source.read_text())
    assert "is not cached" in caplog.text
