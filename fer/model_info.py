"""What a model says of itself, in a checkpoint (`.ckpt`) and in an exported model (`.onnx`) alike. Needs no torch."""

import json
from dataclasses import asdict, dataclass, field, is_dataclass
from pathlib import Path
from typing import Any, Self, cast, get_type_hints

from cascade.errors import ModelError
from fer.crop import FER2013_CROP, Crop
from fer.preprocessing import Preprocessing

METADATA_KEY = "fer"
"""The key under which a checkpoint holds the description as plain values, and an ONNX file's metadata as JSON."""

_FORMAT = 2


@dataclass(frozen=True)
class ModelInfo:
    """All that running a model and judging its output takes.

    Attributes:
        preprocessing: size, detail, normalisation, names and order of the classes. Faces are gray.
        crop: from the canonical box of a face to the framing that the network has learned.
        network: class (`_target_`) and arguments of the network.
        commit: state of the code that trained it.
        epoch: of the checkpoint, from 1; None where unknown.
        metrics: scores per split, `val` and perhaps `test`: accuracy, macro_f1, ece, per class; may be empty.
        unsure_below: labels of a smaller probability, 0 to 1, are shown as unsure: `fer.training.metrics.Unsure`.
            0, which all earlier files mean, shows every label.
    """

    preprocessing: Preprocessing
    crop: Crop = FER2013_CROP
    network: dict[str, Any] = field(default_factory=dict)
    commit: str = "unknown"
    epoch: int | None = None
    metrics: dict[str, Any] = field(default_factory=dict)
    unsure_below: float = 0.0

    def __post_init__(self) -> None:
        """Raise ValueError for an impossible probability."""
        if not 0 <= self.unsure_below <= 1:
            raise ValueError(f"unsure_below must be 0 to 1, not {self.unsure_below}")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as `read` takes them."""
        return {"format": _FORMAT, **asdict(self)}

    @classmethod
    def read(cls, values: Any, path: Path) -> Self:
        """Check the description that the file at `path` holds, the values of `to_dict` or their JSON.

        Raises:
            ModelError: neither this format nor format 1, or values that are missing or of the wrong kind.
        """
        try:
            values = json.loads(values) if isinstance(values, str) else values
            if (version := values["format"]) not in (1, _FORMAT):
                raise ValueError(f"it has format {version!r}, this version reads 1 and {_FORMAT}")
            values = {"unsure_below": 0.0, **(_from_format_1(values) if version == 1 else values)}
            return cast(Self, _made(cls, values, "model"))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelError(f"{path} does not describe its model as it must: {error!r}") from error


def _from_format_1(values: dict[str, Any]) -> dict[str, Any]:
    """One crop in place of one per detector; the cascade `frontalface_lbp` frames faces canonically."""
    crop = values.get("crops", {}).get("frontalface_lbp", asdict(FER2013_CROP))
    return {"epoch": None, "metrics": {}, **values, "crop": {**asdict(Crop()), **crop}}


def _made(kind: Any, value: Any, name: str) -> Any:
    """A plain value as an annotation wants it; a dataclass from a mapping that holds all its fields."""
    hints = get_type_hints(kind) if is_dataclass(kind) else {}
    plain = {float: int | float, tuple[str, ...]: list | tuple, dict[str, Any]: dict}
    if isinstance(value, bool) or not isinstance(value, dict if hints else plain.get(kind, kind)):
        raise TypeError(f"{name} is {value!r}")
    if missing := [key for key in hints if key not in value]:
        raise ValueError(f"{name} lacks {', '.join(missing)}")
    if hints:
        return kind(**{key: _made(hint, value[key], f"{name}.{key}") for key, hint in hints.items()})
    return tuple(map(str, value)) if kind == tuple[str, ...] else value
