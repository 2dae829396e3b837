"""Values against annotations: what a setting or a file's metadata may hold stands where it is used, once.

A parameter says what it takes as `threads: Annotated[int, Meta(ge=1)] | None`, in msgspec's terms; `cascade.ranges`
has the usual ones. Commands hold their whole config against these before anything is made of it. What
OmegaConf has no type for is `Annotated[Any, the type]` in a dataclass that a config is composed from.
"""

import copyreg
import functools
import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import is_dataclass
from pathlib import Path
from types import MappingProxyType, NoneType, UnionType
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin, get_type_hints

import msgspec
from hydra.utils import get_object
from msgspec import Meta
from omegaconf import DictConfig, OmegaConf

from cascade.errors import ConfigError

# Launchers send what a config is composed from to other processes; msgspec's classes cannot be sent by themselves
copyreg.pickle(Meta, lambda meta: (functools.partial(Meta, **dict(meta.__rich_repr__())), ()))

_KINDS = {
    NoneType: "null",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    Path: "a path",
    dict: "a mapping",
}


Limits = Mapping[str, Mapping[str, Any]]
"""For a `_target_` of a library's the annotations that it lacks, by parameter."""


def check_config(config: DictConfig, limits: Limits = MappingProxyType({})) -> None:
    """Hold every value of a config against the annotation of what takes it.

    That is a parameter of the function or class that its node names as `_target_`, or a field of the dataclass that
    the node was composed from. Annotations with a library's own types say nothing about plain values.

    Args:
        config: the config.
        limits: what libraries' annotations do not say.

    Raises:
        ConfigError: a value does not fit, or is a number that is none; the message names its key.
    """
    _check_node(config, {**_hints(config), **limits.get(str(config.get("_target_")), {})}, limits)


def _check_node(node: DictConfig, hints: Mapping[str, Any], limits: Limits) -> None:
    for key in node:
        if OmegaConf.is_missing(node, key):
            continue
        child, hint, name = node[key], _for_us(hints.get(str(key), Any)), node._get_full_key(key)
        if not isinstance(child, DictConfig):
            if not str(key).startswith("_"):
                _check(name, child, hint)
        elif is_dataclass(hint) and "_target_" not in child:
            _check_node(child, _annotations(cast(Any, hint)), limits)
        elif hint in (Any, dict[str, Any]) or "_target_" in child:
            check_config(child, limits)
        elif not _takes_mappings(hint):
            raise ConfigError(f"{name} is {child}; it must be {_described(hint)}")
        else:
            _check(name, child, hint)


def _for_us(hint: Any) -> Any:
    """What an annotation says that says nothing to OmegaConf: see above."""
    return get_args(hint)[1] if get_origin(hint) is Annotated and get_args(hint)[0] is Any else hint


def check_values(taker: Callable[..., Any], values: Mapping[str, Any], prefix: str = "") -> None:
    """Hold values against the annotations of the function or class that is given them, or is made of them.

    Args:
        taker: who is given them.
        values: by parameter; others are passed over.
        prefix: of their names in messages.

    Raises:
        ConfigError: one does not fit.
    """
    for name, hint in _annotations(taker).items():
        if name in values and not is_dataclass(values[name]):
            _check(f"{prefix}{name}", values[name], hint)


def _check(key: str, value: Any, hint: Any) -> None:
    hint = _for_us(hint)
    plain = OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
    if any(isinstance(number, float) and not math.isfinite(number) for number in _leaves(plain)):
        raise ConfigError(f"{key} is {value}; it must be a finite number")
    allowed = _without_paths(hint)
    # One by one: msgspec 0.22 crashes in garbage collection over a union of a text with a pattern and a container
    for kind in get_args(allowed) if get_origin(allowed) in (Union, UnionType) else (allowed,):
        try:
            msgspec.convert(plain, kind)
        except msgspec.ValidationError:
            continue
        except TypeError:  # msgspec cannot tell
            pass
        return
    raise ConfigError(f"{key} is {value!r}; it must be {_described(hint)}")


def _hints(node: DictConfig) -> dict[str, Any]:
    """The annotations of what a node's values are for, those that its partial objects are given in the end included."""
    hints: dict[str, Any] = {}
    if "_target_" not in node:
        return hints | _annotations(cast(Any, OmegaConf.get_type(node)))
    for key in node:
        if not OmegaConf.is_missing(node, key) and isinstance(node[key], DictConfig) and node[key].get("_partial_"):
            hints |= _hints(node[key])
    try:
        return hints | _annotations(get_object(str(node._target_)))
    except (ImportError, ValueError):  # who makes it says what cannot be imported
        return hints


@functools.cache
def _annotations(taker: Any) -> dict[str, Any]:
    if isinstance(taker, type) and not is_dataclass(taker):
        if taker in (dict, DictConfig):
            return {}
        taker = taker.__init__  # type: ignore[misc]
    try:
        return get_type_hints(taker, include_extras=True)
    except (NameError, TypeError, AttributeError):  # a library that imports its types for checkers alone
        return {}


def _takes_mappings(hint: Any) -> bool:
    if get_origin(hint) in (Union, UnionType, Annotated):
        return any(map(_takes_mappings, get_args(hint)))
    kind = get_origin(hint) or hint
    return kind is Any or (isinstance(kind, type) and issubclass(kind, Mapping))


def _without_paths(hint: Any) -> Any:
    """An annotation with text in place of paths: msgspec knows none, and a config holds texts."""
    if hint is Path:
        return str
    if get_origin(hint) in (Union, UnionType):
        return functools.reduce(operator.or_, map(_without_paths, get_args(hint)))
    return hint


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for one in value:
            yield from _leaves(one)
    else:
        yield value


def _described(hint: Any) -> str:
    """What an annotation takes, for somebody who does not know Python's types."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return ", or ".join(dict.fromkeys(map(_described, parts)))
    if origin is Literal:
        names = ["null" if part is None else str(part) for part in parts]
        return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    if origin is Annotated:
        return _bounded(_described(parts[0]), *(part for part in parts[1:] if isinstance(part, Meta)))
    if origin is tuple and Ellipsis not in parts:
        return f"a list of {len(parts)}, {', '.join(map(_described, parts))}"
    if origin is not None and issubclass(origin, Mapping):
        return _KINDS[dict]
    if origin is not None:
        return f"a list, each {_described(parts[0])}" if parts else "a list"
    return _KINDS.get(hint, str(getattr(hint, "__name__", hint)))


def _bounded(kind: str, meta: Meta | None = None) -> str:
    if meta is None:
        return kind
    if meta.description is not None:
        return meta.description
    if meta.pattern is not None:
        choices = re.fullmatch(r"\^\(\?:(.*)\)\$", meta.pattern)
        return choices[1].replace("|", " or ") if choices else f"{kind} that matches {meta.pattern}"
    if meta.ge is not None and meta.le is not None:
        return f"{kind} from {meta.ge:g} to {meta.le:g}"
    limits = {"of {} or more": meta.ge, "above {}": meta.gt, "up to {}": meta.le, "below {}": meta.lt}
    return " ".join([kind, " and ".join(words.format(f"{n:g}") for words, n in limits.items() if n is not None)])
