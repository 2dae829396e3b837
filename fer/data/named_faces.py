"""Faces that know where each of them comes from."""

from collections.abc import Sequence
from dataclasses import dataclass

from fer.data.faces import Faces


@dataclass(frozen=True)
class NamedFaces(Faces):
    """Faces with the place of each in its source.

    Attributes:
        names: N texts: a row of the CSV (`row 17`) or an image's path below its folder.
    """

    names: Sequence[str]

    def __post_init__(self) -> None:
        """Raise ValueError where there are not as many names as faces."""
        super().__post_init__()
        if len(self.names) != len(self.images):
            raise ValueError(f"{len(self.names)} names for {len(self.images)} faces")
