"""A file's parsed contents as tensors, kept on disk and memory-mapped from then on."""

import hashlib
import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout
from torch import Tensor

from cascade import files
from cascade.errors import OutputError

_log = logging.getLogger(__name__)


def cached_tensors(
    source: Path, tag: str, build: Callable[[], Mapping[str, Tensor]], cache_dir: Path | None = None
) -> dict[str, Tensor]:
    """Return what `build` made of `source`, from the cache where that is still right.

    The cache is one file, `<name>.<tag>.pt`, beside the source; under the project's cache folder where the source's
    folder cannot be written; in `cache_dir` where that is given. It is right while the source's size and time of change
    are what they were. Of several processes that start at once one builds and the others wait for it; the lock dies
    with its process. Where nothing can be written, the tensors are built anew each time, with a warning. The tag holds
    the version of what `build` makes; a new one makes older caches void.

    Returns:
        The tensors by name, memory-mapped copy-on-write: writing to them never reaches the disk.
    """
    source = source.resolve()
    status = source.stat()
    fingerprint = {"size": status.st_size, "mtime_ns": status.st_mtime_ns}
    # elsewhere than beside it, two sources may have the same name: their paths tell them apart
    key = hashlib.sha256(str(source).encode()).hexdigest()[:12]
    paths = [(cache_dir or files.cache_dir()) / f"{source.name}-{key}.{tag}.pt"]
    if cache_dir is None:
        paths.insert(0, source.with_name(f"{source.name}.{tag}.pt"))
    for path in paths:
        if (tensors := _load(path, fingerprint)) is not None:
            return tensors
    for path in paths:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            files.check_writable(path.parent)
            held = _acquire(path, source)
        except OSError as error:
            _log.debug("No cache at %s: %s", path, error)
            continue
        with held:
            # another process may have built it meanwhile
            if (tensors := _load(path, fingerprint)) is not None:
                return tensors
            tensors = dict(build())
            try:
                with files.whole(path) as part:
                    torch.save({"fingerprint": fingerprint, "tensors": tensors}, part)
            # torch's own writer says RuntimeError where the disk is full
            except (OSError, RuntimeError, OutputError) as error:
                _log.warning("%s is not cached (%s); the next start parses it again", source, error)
                return tensors
            _log.info("Cached %s as %s", source.name, path)
            return _load(path, fingerprint) or tensors
    _log.warning("%s is not cached: no folder for it can be written; set cache_dir", source)
    return dict(build())


def _acquire(path: Path, source: Path) -> AbstractContextManager[Any]:
    lock = FileLock(path.with_suffix(".lock"))
    try:
        return lock.acquire(timeout=0)
    except Timeout:
        _log.info("Another process is parsing %s; waiting for its cache", source)
        return lock.acquire()


def _load(path: Path, fingerprint: dict[str, int]) -> dict[str, Tensor] | None:
    """The tensors, or None where there is no cache, an outdated one or a broken one."""
    if not path.is_file():
        return None
    try:
        content = torch.load(path, mmap=True, weights_only=True)
        tensors: dict[str, Tensor] = content["tensors"]
        return tensors if content["fingerprint"] == fingerprint and dict(tensors) is not None else None
    except Exception as error:  # what random bytes lead a reader to is anybody's guess
        _log.warning("The cache %s is broken (%s); building it anew", path, error)
        return None
