import os
import subprocess
import sys

import pytest

from fer.training import memory

FAULTS_OF_A_STEP = """
import ctypes, resource, sys, torch
from fer.training.memory import keep_freed_memory
ctypes.CDLL(None).prctl(41, 1, 0, 0, 0)  # PR_SET_THP_DISABLE: where the system gives out huge pages, few are many bytes
if sys.argv[1] == "kept":
    keep_freed_memory()
def step():
    tensors = [torch.ones(2**24) for _ in range(4)]
for _ in range(3):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(mode: str, **environment: str) -> int:
    """Of a step that makes four tensors of 64 MiB, which the steps before have made, too."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_TUNABLES"))}
    done = subprocess.run(
        [sys.executable, "-c", FAULTS_OF_A_STEP, mode],
        env=own | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator")
def test_memory_that_is_kept_is_not_asked_for_again() -> None:
    assert page_faults("kept") < 100 < 1000 < page_faults("given back")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator")
def test_a_choice_of_ones_own_stands() -> None:
    assert page_faults("kept", MALLOC_TRIM_THRESHOLD_="131072", MALLOC_MMAP_THRESHOLD_="131072") > 1000


def test_another_c_library_has_no_such_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    class Musl:
        pass

    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: Musl())
    for name in [name for name in os.environ if name.startswith(("MALLOC_", "GLIBC_TUNABLES"))]:
        monkeypatch.delenv(name)
    memory.keep_freed_memory()
