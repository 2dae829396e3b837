from pathlib import Path

import pytest

from fer.export import export
from tests.inference_models import write_checkpoint


@pytest.fixture(scope="session")
def ckpt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("checkpoint") / "best.ckpt")


@pytest.fixture(scope="session")
def model(ckpt: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint's export, with its weights beside it."""
    path = tmp_path_factory.mktemp("export") / "model.onnx"
    export(ckpt, path, 1e-5)
    return path
