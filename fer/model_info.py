"""What a model says of itself, in a checkpoint (`.ckpt`) and in an exported model (`.onnx`) alike. Needs no torch."""

from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, Self

import msgspec
from msgspec import Meta

from cascade.errors import ModelError
from cascade.plain_values import converted
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
        parameters: how many numbers the network has learned; None where unknown.
    """

    preprocessing: Preprocessing
    crop: Crop = FER2013_CROP
    network: dict[str, Any] = field(default_factory=dict)
    commit: str = "unknown"
    epoch: Annotated[int, Meta(ge=0)] | None = None
    metrics: dict[str, Any] = field(default_factory=dict)
    unsure_below: Annotated[float, Meta(ge=0, le=1)] = 0.0
    parameters: Annotated[int, Meta(ge=0)] | None = None

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
            values = converted(msgspec.json.decode(values) if isinstance(values, str) else values, dict[str, Any])
            if (version := values.get("format")) not in (1, _FORMAT):
                raise ValueError(f"it has format {version!r}, this version reads 1 and {_FORMAT}")
            values = {"unsure_below": 0.0, "parameters": None, **(_from_format_1(values) if version == 1 else values)}
            for kind, name in ((cls, "it"), (Preprocessing, "preprocessing"), (Crop, "crop")):
                part = values if kind is cls else values.get(name)
                if isinstance(part, dict) and (lacking := [f.name for f in fields(kind) if f.name not in part]):
                    raise ValueError(f"{name} lacks {', '.join(lacking)}")
            return converted(values, cls)
        except (ValueError, RecursionError) as error:  # msgspec's own are ValueErrors
            raise ModelError(f"{path} does not describe its model as it must: {error}") from error


def _from_format_1(values: dict[str, Any]) -> dict[str, Any]:
    """One crop in place of one per detector; the cascade `frontalface_lbp` frames faces canonically."""
    crops = converted(values.get("crops", {}), dict[str, dict[str, Any]])
    crop = crops.get("frontalface_lbp", asdict(FER2013_CROP))
    return {"epoch": None, "metrics": {}, **values, "crop": {**asdict(Crop()), **crop}}
