"""Ctrl-C and SIGTERM: while a command loads, and while it works."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cascade.interrupts import interruptible, loading

ROOT = Path(__file__).parents[3]


def test_sigterm_is_an_interrupt_within_the_block_alone():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), interruptible():
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_while_libraries_load_the_process_ends_at_once_even_where_exceptions_are_lost(number):
    # an exception that is raised in a finalizer is printed and goes on
    code = f"""
import os
from cascade.interrupts import loading

class Finalized:
    def __del__(self):
        os.kill(os.getpid(), {int(number)})

with loading():
    Finalized()
print("went on")
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "error: interrupted\n")


def test_other_programs_that_use_the_packages_keep_their_signals():
    code = "from signal import getsignal as of; before = of(2), of(15); import fer; print(before == (of(2), of(15)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "True\n"


@pytest.mark.parametrize("command", [["train.py"], ["detect.py"], ["-m", "cascade.prepare"], ["-m", "fer.train", "-m"]])
def test_a_command_that_loads_ends_in_one_line(command, tmp_path):
    # held up where the first of its libraries loads, whatever the machine's speed
    (tmp_path / "hydra.py").write_text("import pathlib, time\npathlib.Path('loads').touch()\ntime.sleep(60)\n")
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    argument = str(ROOT / command[0]) if command[0] != "-m" else "-m"
    process = subprocess.Popen(
        [sys.executable, argument, *command[1:]],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (tmp_path / "loads").exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=30)[1] == "error: interrupted\n"
    assert process.returncode == 130


def test_loading_gives_the_signals_back():
    before = signal.getsignal(signal.SIGINT)
    with loading():
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before


def test_an_interrupt_in_a_finalizer_is_not_lost():
    code = """
import os, signal, time
from cascade.interrupts import interruptible
class Thing:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0)
with interruptible():
    try:
        Thing()
        time.sleep(20)
    except KeyboardInterrupt:
        print("interrupted")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=15, check=True)
    assert done.stdout == "interrupted\n" and done.stderr == ""
