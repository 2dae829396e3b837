"""What can be set of a convolutional cascade's training, and what cannot work."""

import pytest

from cascade.convolutional.options import LookOptions
from cascade.errors import ConfigError

GOOD = {"rounds": 1, "steps": 1, "batch": 1, "rate": 1e-3, "recall": 0.9, "final_recall": 0.9, "size": 16}
GOOD |= {"context": 1.0, "jitter": [0.1, 0.2], "channels": [8], "hidden": 8, "passes": 1}


def test_what_can_work_does():
    assert LookOptions(**GOOD).jitter == [0.1, 0.2]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rounds", 0),
        ("recall", 0),
        ("final_recall", 1.1),
        ("jitter", [0.1]),
        ("jitter", [0.1, -0.2]),
        ("jitter", [0.1, float("nan")]),
    ],
)
def test_what_cannot_is_named(name, value):
    with pytest.raises(ConfigError, match=f"^{name} is"):
        LookOptions(**GOOD | {name: value})
