"""Text from outside, made harmless for where it is shown: on terminals, in spreadsheets, in logs."""

import json
import os
import re
from urllib.parse import unquote

_FORMULA = "=+-@\t\r"
_SECRET = re.compile(r"(?i)pass|pwd|psw|pin|token|key|secret|auth|sig|cred|user|usr|login|code|^(?:p|pw|u)$")
_PARAMETER = re.compile(r"([^&;#?/=]+)(?:=|%3d)", re.IGNORECASE)
_END = re.compile(r"[&;#?/]")
_REAL = "FER_CASCADE_ADDRESSES"  # an environment variable: the processes that a launcher starts must know them, too


def printable(text: str) -> str:
    """Text in which what would act on a terminal, or is no character, is written as its escape; lines stay."""
    return "\n".join("".join(c if c.isprintable() else _escaped(c) for c in line) for line in text.split("\n"))


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def cell(text: str) -> str:
    """Text for a table's cell that no spreadsheet takes for a formula: with an apostrophe before it, if it might."""
    return f"'{text}" if text.lstrip("'")[:1] in tuple(_FORMULA) else text


def from_cell(text: str) -> str:
    """The text that `cell` made this of."""
    return text[1:] if text[:1] == "'" and text.lstrip("'")[:1] in tuple(_FORMULA) else text


def masked(address: str) -> str:
    """A stream's address without what lets others in: who logs in, and what is called a password, a key or the like."""
    scheme, separator, rest = address.partition("://")
    login, at, place = rest.rpartition("@")
    if at:
        rest = f"***@{place}" if ":" not in login else f"{login.partition(':')[0]}:***@{place}"
    parts, told = [scheme, separator], 0
    for name in _PARAMETER.finditer(rest):
        if name.start() >= told and _SECRET.search(unquote(name[1])):
            parts += [rest[told : name.end()], "***"]
            end = _END.search(rest, name.end())
            told = end.start() if end else len(rest)
    return "".join([*parts, rest[told:]])


def hidden(address: str) -> str:
    """The address, masked, by which `revealed` gives it back in this process and those that it starts."""
    shown = masked(address)
    if shown != address:
        os.environ[_REAL] = json.dumps({**_real(), shown: address})
    return shown


def revealed(address: str) -> str:
    """What `hidden` was given; any other text remains as it is."""
    return _real().get(address, address)


def _real() -> dict[str, str]:
    return dict(json.loads(os.environ.get(_REAL, "{}")))
