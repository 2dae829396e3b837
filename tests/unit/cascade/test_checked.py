"""Values against annotations."""

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from msgspec import Meta
from omegaconf import OmegaConf

from cascade.checked import check_config
from cascade.errors import ConfigError
from cascade.plain_values import converted
from cascade.ranges import Count, Share


class Taker:
    """Takes values of many kinds."""

    def __init__(
        self,
        count: Count = 1,
        share: Share | None = None,
        mode: Literal["fast", "slow"] = "fast",
        path: str | Path = "",
        many: Sequence[Count] = (),
        pair: tuple[Share, Share] = (0, 1),
        rest: Mapping[str, Any] | None = None,
        odd: Annotated[float, Meta(gt=0, lt=10)] = 1,
        other: "Taker | None" = None,
    ) -> None:
        pass


@dataclass
class Settings:
    """What a config is composed from."""

    flag: bool = True
    choice: Annotated[Any, bool | Literal["auto"]] = "auto"
    taker: Any = None


TAKER = f"{__name__}.Taker"


def config(**values: Any) -> Any:
    return OmegaConf.create({"taker": {"_target_": TAKER, **values}})


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"count": 3, "share": 1, "mode": "slow", "path": "x", "many": [1, 2], "pair": [0.5, 1], "rest": {"a": [1]}},
        {"share": None, "other": {"_target_": TAKER, "count": 2}, "unknown": "whoever makes it says so"},
    ],
)
def test_what_fits_is_taken(values: dict):
    check_config(config(**values))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"count": 0}, r"taker\.count is 0; it must be a whole number of 1 or more"),
        ({"count": True}, "taker.count is True; it must be a whole number"),
        ({"count": "3"}, "taker.count is '3'; it must be a whole number"),
        ({"count": 1.5}, "taker.count is 1.5; it must be a whole number"),
        ({"count": None}, "taker.count is None; it must be a whole number"),
        ({"share": 1.1}, "taker.share is 1.1; it must be a number from 0 to 1, or null"),
        ({"share": float("nan")}, "taker.share is nan; it must be a finite number"),
        ({"rest": {"deep": [float("inf")]}}, "taker.rest is .*; it must be a finite number"),
        ({"mode": "medium"}, "taker.mode is 'medium'; it must be fast or slow"),
        ({"path": 3}, "taker.path is 3; it must be text, or a path"),
        ({"many": [1, 0]}, r"taker.many is \[1, 0\]; it must be a list, each a whole number of 1 or more"),
        ({"many": 3}, "taker.many is 3; it must be a list"),
        ({"pair": [1]}, r"taker.pair is \[1\]; it must be a list of 2, a number from 0 to 1"),
        ({"rest": 5}, "taker.rest is 5; it must be a mapping, or null"),
        ({"odd": 10}, "taker.odd is 10; it must be a number above 0 and below 10"),
        ({"other": {"_target_": TAKER, "count": 0}}, "taker.other.count is 0"),
    ],
)
def test_what_does_not_fit_is_named_with_what_would(values: dict, message: str):
    with pytest.raises(ConfigError, match=message):
        check_config(config(**values))


def test_a_partial_object_is_given_what_its_holder_does_not_take():
    held = {"_target_": "builtins.dict", "count": 0, "made": {"_target_": TAKER, "_partial_": True}}
    with pytest.raises(ConfigError, match=r"holder\.count is 0"):
        check_config(OmegaConf.create({"holder": held}))


def test_dataclasses_say_what_their_fields_take():
    made = OmegaConf.structured(Settings)
    for value in (True, False, "auto"):
        made.choice = value
        check_config(made)
    made.choice = "maybe"
    with pytest.raises(ConfigError, match="choice is 'maybe'; it must be true or false, or auto"):
        check_config(made)


def test_what_cannot_be_found_is_left_to_who_makes_it():
    check_config(OmegaConf.create({"taker": {"_target_": "no.such.thing", "count": 0}}))


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        ({"a": [1, "x"]}, dict[str, list[int]], r"\[\.\.\.\]\[1\]: expected a whole number, got text"),
        (3, list[int], "expected a list, got a whole number"),
        ({"flag": 3}, Settings, "flag: expected true or false, got a whole number"),
    ],
)
def test_a_wrong_value_is_told_with_its_place(value: Any, kind: Any, message: str):
    with pytest.raises(ValueError, match=message):
        converted(value, kind)


@pytest.mark.parametrize("limits", [{"ge": 1}, {"gt": 0, "lt": 10}, {"pattern": "^a", "min_length": 2}])
def test_limits_can_be_sent_to_other_processes(limits):
    """As joblib's launcher does with what a config is composed from."""
    assert pickle.loads(pickle.dumps(Meta(**limits))) == Meta(**limits)
