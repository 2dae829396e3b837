"""What an exported model says about itself."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

from cascade.errors import ModelError
from fer.inference.crop import Crop
from fer.preprocessing import Preprocessing

#: Key of the entry in the ONNX file's metadata.
METADATA_KEY = "fer"
_FORMAT = 1
#: Crops by detector, measured on fer2013's framing by `benchmarks/crop_fit.py`.
MEASURED_CROPS = Path(str(files("fer"))) / "weights" / "crops.json"
#: The crop of a detector for which none was measured.
DEFAULT_CROP = "default"


@dataclass(frozen=True)
class ModelInfo:
    """All that running a model and judging its output takes.

    Attributes:
        preprocessing: size, normalisation, names and order of the classes. Faces are gray.
        crops: by detector, and `default` for all others.
        network: class and arguments of the network.
        commit: state of the code that trained it.
        epoch: of the checkpoint, from 1; None where unknown.
        metrics: scores per split, `val` and perhaps `test`: accuracy, macro_f1, ece, per class; may be empty.
    """

    preprocessing: Preprocessing
    crops: dict[str, Crop] = field(default_factory=lambda: {DEFAULT_CROP: Crop()})
    network: dict[str, Any] = field(default_factory=dict)
    commit: str = "unknown"
    epoch: int | None = None
    metrics: dict[str, Any] = field(default_factory=dict)

    def crop_for(self, detector: str | None) -> Crop:
        """The crop that was measured for a detector, or else the default one."""
        if detector is not None and detector in self.crops:
            return self.crops[detector]
        return self.crops.get(DEFAULT_CROP, Crop())

    def to_json(self) -> str:
        """Write as text, for a model's metadata."""
        return json.dumps(
            {
                "format": _FORMAT,
                "colour": "gray",
                "preprocessing": self.preprocessing.to_dict(),
                "crops": {name: asdict(crop) for name, crop in self.crops.items()},
                "network": self.network,
                "commit": self.commit,
                "epoch": self.epoch,
                "metrics": self.metrics,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read `to_json`'s text.

        Raises:
            ModelError: another format, or values that are missing or of the wrong kind.
        """
        try:
            values = json.loads(text)
            if values["format"] != _FORMAT:
                raise ModelError(f"its metadata has format {values['format']}, this version reads {_FORMAT}")
            return cls(
                preprocessing=Preprocessing.from_dict(values["preprocessing"]),
                crops=read_crops(values["crops"]),
                network=dict(values["network"]),
                commit=str(values["commit"]),
                epoch=values["epoch"],
                metrics=dict(values["metrics"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelError(f"its metadata cannot be read: {error!r}") from error


def read_crops(values: Mapping[str, Mapping[str, float]]) -> dict[str, Crop]:
    """Read crops by detector from plain values.

    Raises:
        TypeError: for a name that a crop does not have.
    """
    return {str(name): Crop(**{key: float(value) for key, value in crop.items()}) for name, crop in values.items()}


def measured_crops(path: Path = MEASURED_CROPS) -> dict[str, Crop]:
    """Read crops by detector from a JSON file.

    Raises:
        ModelError: no such file, or not of that form.
    """
    try:
        return read_crops(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise ModelError(f"crops cannot be read from {path}: {error}") from error
