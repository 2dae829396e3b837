"""Plain values, as a file's metadata hold them, as the dataclasses that say what they must be. Needs no Hydra."""

import re
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


def converted(value: Any, hint: type[T]) -> T:
    """A plain value as what an annotation says; dataclasses are made of mappings.

    Raises:
        ValueError: it does not fit; the message names the place in it.
    """
    try:
        return msgspec.convert(value, hint)
    except msgspec.ValidationError as error:
        text, _, place = str(error).partition(" - at `$")
        raise ValueError(f"{place.strip('.`')}: {_said(text)}" if place else _said(text)) from None


def _said(message: str) -> str:
    """What msgspec says of a value, in our words."""
    kinds = {"int": "a whole number", "float": "a number", "str": "text", "bool": "true or false", "null": "null"}
    kinds |= {"array": "a list", "object": "a mapping"}
    text = re.sub(r"`([^`]*)`", lambda found: " or ".join(kinds.get(k, k) for k in found[1].split(" | ")), message)
    return text[:1].lower() + text[1:]
