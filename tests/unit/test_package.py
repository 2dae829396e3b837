"""What the wheel carries, and which way imports point."""

import ast
import configparser
import subprocess
import sys
from pathlib import Path

import pytest

from cascade.detectors.names import RESULTS

ROOT = Path(__file__).resolve().parents[2]
MODULES = [path for package in ("cascade", "fer") for path in sorted((ROOT / package).rglob("*.py"))]


def setup() -> configparser.ConfigParser:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    return config


def imported(path: Path) -> set[str]:
    """The modules that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def test_every_package_is_listed():
    listed = set(setup()["options"]["packages"].split())
    there = {".".join(path.parent.relative_to(ROOT).parts) for path in MODULES}
    assert listed == there | {"cascade.configs", "cascade.models", "fer.weights"}


def test_the_wheel_carries_every_kind_of_detector():
    carried = setup()["options.package_data"]["cascade.models"].split(", ")
    assert {f"*{kind}" for kind in RESULTS} <= set(carried)


def test_every_command_exists():
    scripts = setup()["options.entry_points"]["console_scripts"].strip().splitlines()
    for line in scripts:
        module, _, function = line.partition("=")[2].strip().partition(":")
        path = ROOT / f"{module.replace('.', '/')}.py"
        tree = ast.parse(path.read_text())
        assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, line


CASCADE = [path for path in MODULES if "cascade" in path.parts]
ROOM = ROOT / "cascade/convolutional"  # the one that trains networks; a config names it


@pytest.mark.parametrize("path", CASCADE, ids=lambda p: str(p.relative_to(ROOT)))
def test_cascade_knows_neither_fer_nor_torch(path):
    roots = {name.partition(".")[0] for name in imported(path)}
    assert "fer" not in roots
    if ROOM not in path.parents:
        assert not roots & {"torch", "torchvision", "pytorch_lightning"}
        assert not any(name.startswith("cascade.convolutional") for name in imported(path))


def test_using_released_models_imports_nothing_heavy():
    heavy = ("torch", "pandas", "matplotlib", "tensorboard", "pytorch_lightning", "scipy")
    script = (
        "import sys, cascade.command, cascade.evaluate, cascade.prepare, fer.detect, fer.inference\n"
        "from fer.inference.classifier import load_classifier\n"
        "load_classifier('mini_xception')\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    assert answer.stdout.strip() == "[]"
