from pathlib import Path

import pytest

from fer.export import export
from tests.inference_models import write_checkpoint


@pytest.fixture(scope="session")
def ckpt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("checkpoint") / "best.ckpt")


@pytest.fixture(scope="session")
def model(ckpt: Path) -> Path:
    path = ckpt.with_suffix(".onnx")
    export(ckpt, path, None, None, 1e-5)
    return path
