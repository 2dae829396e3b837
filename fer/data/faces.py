"""What every data source delivers: one tensor of faces and one of labels per split."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Protocol

import torch
from torch import Tensor

Split = Literal["train", "val", "test"]


@dataclass(frozen=True)
class Faces:
    """Faces with their labels.

    Attributes:
        images: uint8 (N, 1, H, W), gray, 0 to 255. May be memory-mapped and read-only.
        labels: int64 (N,), each an index into the classes of the source; or float32 (N, C), each row a
            probability distribution over them.
        names: the place of each in its source: a row of the CSV (`row 17`) or an image's path below its
            folder; None where the source knows of none.
    """

    images: Tensor
    labels: Tensor
    names: Sequence[str] | None = None

    def __post_init__(self) -> None:
        """Raise ValueError where shapes or dtypes are not the promised ones."""
        if self.images.dtype != torch.uint8 or self.images.ndim != 4 or self.images.shape[1] != 1:
            raise ValueError(f"images must be uint8 (N, 1, H, W), not {self.images.dtype} {tuple(self.images.shape)}")
        hard = self.labels.dtype == torch.int64 and self.labels.ndim == 1
        soft = self.labels.dtype == torch.float32 and self.labels.ndim == 2
        if not (hard or soft) or len(self.labels) != len(self.images):
            raise ValueError(
                f"labels must be int64 (N,) or float32 (N, C) with N = {len(self.images)}, "
                f"not {self.labels.dtype} {tuple(self.labels.shape)}"
            )
        if self.names is not None and len(self.names) != len(self.images):
            raise ValueError(f"{len(self.names)} names for {len(self.images)} faces")

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, indices: Tensor) -> "Faces":
        """The faces at some indices, int64 (M,)."""
        names = None if self.names is None else [self.names[index] for index in indices.tolist()]
        return Faces(self.images[indices], self.labels[indices], names)

    def __getitems__(self, indices: list[int]) -> tuple[Tensor, Tensor]:
        """Images and labels at some indices: a whole batch in one operation, as torch's DataLoader asks for it."""
        chosen = torch.as_tensor(indices)
        return self.images[chosen], self.labels[chosen]

    @property
    def hard_labels(self) -> Tensor:
        """The most probable class of each face, int64 (N,)."""
        return hard_labels(self.labels)


def renumbered(faces: Faces, names: Sequence[str], others: Sequence[str]) -> Faces:
    """Faces whose labels are indices of some names, with labels that are those of others, which hold them all."""
    places = torch.tensor([others.index(name) for name in names])
    if faces.labels.ndim == 1:
        return replace(faces, labels=places[faces.labels])
    return replace(faces, labels=torch.zeros(len(faces), len(others)).index_copy_(1, places, faces.labels))


@dataclass(frozen=True)
class NumberedFaces:
    """Faces whose batches tell which they are: images, labels and indices, int64 (B,)."""

    faces: Faces

    def __len__(self) -> int:
        return len(self.faces)

    def __getitems__(self, indices: list[int]) -> tuple[Tensor, Tensor, Tensor]:
        return *self.faces.__getitems__(indices), torch.as_tensor(indices)


def hard_labels(labels: Tensor) -> Tensor:
    """The most probable classes, int64 (N,), of labels as `Faces` has them."""
    return labels if labels.ndim == 1 else labels.argmax(dim=1)


class Source(Protocol):
    """Where faces come from. Sources are cheap to construct; the work is in `load`.

    Attributes:
        detail: side in pixels of all its faces, which enlarging them does not improve; None where theirs differ.
    """

    detail: ClassVar[int | None]

    @property
    def classes(self) -> Sequence[str]:
        """The names that labels are indices of, known without reading a face; DataError where there are none."""
        ...

    def load(self) -> Mapping[Split, Faces]:
        """Return the splits in the size that the source has them: always `train` and `val`, `test` where there is one.

        Raises:
            cascade.errors.DataError: naming file, row and rule.
        """
        ...
