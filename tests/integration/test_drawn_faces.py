"""What `make train` promises, on a fifth of its faces."""

import pytest

from tests.conftest import metrics_of
from tests.in_process import train_here

pytestmark = pytest.mark.slow


def test_the_drawn_faces_are_learned(tmp_path):
    run, _ = train_here(
        tmp_path,
        "learned",
        "experiment=synthetic",
        "trainer=cpu",
        "trainer.max_epochs=4",
        "data.train_size=1200",
        "data.batch_size=48",
        "data.val_size=280",
        "data.test_size=0",
        tiny=False,
    )
    assert metrics_of(run)["val"]["accuracy"] > 0.5  # one of seven by chance
