"""A file's parsed contents as tensors, kept on disk and memory-mapped from then on."""

import hashlib
import logging
import os
import pickle
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import torch
from filelock import FileLock, Timeout
from torch import Tensor

_log = logging.getLogger(__name__)


def cached_tensors(
    source: Path, tag: str, build: Callable[[], Mapping[str, Tensor]], cache_dir: Path | None = None
) -> dict[str, Tensor]:
    """Return what `build` made of `source`, from the cache where that is still right.

    The cache is one file, `<name>.<tag>.pt`, beside the source; under the user's cache folder where
    the source's folder cannot be written; in `cache_dir` where that is given. It is right while the
    source's size and time of change are what they were. It appears whole or not at all. Of several
    processes that start at once one builds and the others wait for it; the lock dies with its process.
    Where nothing can be written, the tensors are built anew each time, with a warning.

    Args:
        source: the file that `build` reads.
        tag: tells several caches of one source apart; holds the format's version, so that a new one makes
            older caches void.
        build: reads the source; called only where there is no right cache.
        cache_dir: folder of the cache; made if missing.

    Returns:
        The tensors by name, memory-mapped copy-on-write: writing to them never reaches the disk.
    """
    source = source.resolve()
    status = source.stat()
    fingerprint = {"size": status.st_size, "mtime_ns": status.st_mtime_ns}
    candidates = list(_candidates(source, tag, cache_dir))
    for path in candidates:
        if (tensors := _load(path, fingerprint)) is not None:
            return tensors
    for path in candidates:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(path.with_suffix(".lock"))
            _acquire(lock, source)
        except OSError as error:
            _log.debug("No cache at %s: %s", path, error)
            continue
        try:
            tensors = _load(path, fingerprint)  # another process may have built it meanwhile
            if tensors is not None:
                return tensors
            tensors = dict(build())
            try:
                _save(path, fingerprint, tensors)
            except OSError as error:
                _log.warning("%s is not cached (%s); the next start parses it again", source, error)
                return tensors
            _log.info("Cached %s as %s", source.name, path)
            return _load(path, fingerprint) or tensors
        finally:
            lock.release()
    _log.warning("%s is not cached: no folder for it can be written; set cache_dir", source)
    return dict(build())


def user_cache_dir() -> Path:
    """The project's folder for things that can be made again: under XDG_CACHE_HOME or ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fer-cascade"


def _candidates(source: Path, tag: str, cache_dir: Path | None) -> Iterator[Path]:
    # elsewhere than beside it, two sources may have the same name: their paths tell them apart
    key = hashlib.sha256(str(source).encode()).hexdigest()[:12]
    if cache_dir is not None:
        yield cache_dir / f"{source.name}-{key}.{tag}.pt"
    else:
        yield source.with_name(f"{source.name}.{tag}.pt")
        yield user_cache_dir() / f"{source.name}-{key}.{tag}.pt"


def _acquire(lock: FileLock, source: Path) -> None:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        _log.info("Another process is parsing %s; waiting for its cache", source)
        lock.acquire()


def _load(path: Path, fingerprint: dict[str, int]) -> dict[str, Tensor] | None:
    """The tensors, or None where there is no cache, an outdated one or a broken one."""
    if not path.is_file():
        return None
    try:
        content = torch.load(path, mmap=True, weights_only=True)
        tensors = content["tensors"] if content["fingerprint"] == fingerprint else None
    except (OSError, RuntimeError, KeyError, TypeError, EOFError, pickle.UnpicklingError) as error:
        _log.warning("The cache %s is broken (%s); building it anew", path, error)
        return None
    return tensors


def _save(path: Path, fingerprint: dict[str, int], tensors: dict[str, Tensor]) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        temporary = Path(file.name)
        try:
            torch.save({"fingerprint": fingerprint, "tensors": tensors}, file)
            file.flush()
            # a temporary file is private; the cache may be shared as any new file is
            umask = os.umask(0)
            os.umask(umask)
            temporary.chmod(0o666 & ~umask)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
