"""What other networks made of the training faces, for students: of each face as such, or view by view.

A teacher is worth its time once: its answers are kept in a small file, and students learn from them at the cost of
looking them up (Faghri et al., arXiv 2303.08983).
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cascade.errors import ConfigError, DataError
from cascade.files import whole
from cascade.plain_values import converted
from fer.data.augmentation import Augmentation
from fer.data.faces import Faces
from fer.seeding import VIEWS, generator

_STEPS = 8
"""Per unit of the logarithm of a probability: one byte holds e**-16 to 1, coarsely enough to be packed to five bits,
finely enough to change a teacher's divergence from a student by less than a thousandth of a nat."""
_ONE_BYTE = -128 / _STEPS


@dataclass(frozen=True)
class TeacherInfo:
    """What a teacher's answers are to.

    Attributes:
        checksum: of the faces, as `checksum` gives it.
        classes: what the answers are about, in order.
        augmentation: settings of the `Augmentation` that makes the views; None where answers are of the face, however
            a student sees it.
        seed: of the draws of the views.
        teachers: each network (`_target_`, arguments), the `fold` that it judged, its `image_size` and `commit`.
        votes: whether they knew people's votes about the faces, too.
    """

    checksum: str
    classes: tuple[str, ...]
    augmentation: dict[str, Any] | None
    seed: int
    teachers: list[dict[str, Any]] = field(default_factory=list)
    votes: bool = False


@dataclass(frozen=True)
class Teacher:
    """Answers about faces.

    Attributes:
        info: what they are to.
        answers: int8 (views, N, C): logarithms of probabilities in eighths, from -16 up. One view, where they are of
            the faces as such.
    """

    info: TeacherInfo
    answers: Tensor

    @classmethod
    def of(cls, info: TeacherInfo, log_probabilities: Tensor) -> "Teacher":
        """Keep answers, float (views, N, C), as logarithms of probabilities."""
        steps = (log_probabilities.clamp(_ONE_BYTE, 0) * _STEPS).round()
        return cls(info, steps.to(torch.int8))

    @classmethod
    def read(cls, path: Path) -> "Teacher":
        """Read a file of `write`.

        Raises:
            DataError: it is missing, damaged, or another kind of file.
        """
        if not path.is_file():
            raise DataError(f"data.teacher: no file at {path.absolute()}; python -m fer.teach writes one")
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as content:
                info = converted(json.loads(str(content["info"])), TeacherInfo)
                answers = content["answers"]
            if answers.dtype != np.int8 or answers.ndim != 3 or not all(answers.shape):
                raise ValueError(f"answers are {answers.dtype} {answers.shape}")
            if info.augmentation is None and len(answers) != 1:
                raise ValueError(f"there are {len(answers)} answers to each face")
        except Exception as error:  # what a stranger's bytes lead a reader to is anybody's guess
            raise DataError(f"data.teacher: {path} is not a file of python -m fer.teach, or is damaged") from error
        return cls(info, torch.from_numpy(answers))

    def write(self, path: Path) -> None:
        """Write everything to one small .npz file; OutputError where that fails."""
        with whole(path) as part, part.open("wb") as file:
            np.savez_compressed(file, answers=self.answers.numpy(), info=np.array(json.dumps(asdict(self.info))))

    def check(self, path: Path, faces: Faces, classes: tuple[str, ...], augmentation: Augmentation | None) -> None:
        """Refuse answers to other faces, classes or views than those of a training.

        Raises:
            DataError: the file is about other faces or classes.
            ConfigError: the training would see other views.
        """
        if self.answers.shape[1:] != (len(faces), len(self.info.classes)) or self.info.checksum != checksum(faces):
            raise DataError(
                f"data.teacher: {path} is about {self.answers.shape[1]:,} faces, and not about these {len(faces):,}: "
                "python -m fer.teach must have the same data"
            )
        if self.info.classes != classes:
            raise DataError(f"data.teacher: {path} is about {', '.join(self.info.classes)}, not {', '.join(classes)}")
        settings, seen = (augmentation or Augmentation()).settings, self.info.augmentation or {}
        if different := [name for name, value in seen.items() if settings.get(name) != value]:
            name = different[0]
            raise ConfigError(
                f"augmentation.{name} is {settings.get(name)}; the teacher of {path} has seen views with "
                f"{seen[name]}: the student must see the same"
            )

    @property
    def log_probabilities(self) -> Tensor:
        """The answers, float32 (views, N, C)."""
        return self.answers.float() / _STEPS

    def about(self, indices: Tensor) -> "Teacher":
        """The answers to some of the faces alone, int64 (M,)."""
        part = Teacher(self.info, self.answers[:, indices])
        if self.draws is not None:
            part.__dict__["draws"] = self.draws[:, indices]  # which were drawn for all
        return part

    @cached_property
    def draws(self) -> Tensor | None:
        """What makes the views, float32 (views, N, 12): see `draw_views`; None where answers are of faces as such."""
        if self.info.augmentation is None:
            return None
        views, count, _ = self.answers.shape
        return draw_views(Augmentation(**self.info.augmentation), views, count, self.info.seed)

    def lesson(self, indices: Tensor, epoch: int) -> tuple[Tensor | None, Tensor]:
        """Which view of some faces an epoch shows, and what the teacher says of it.

        An epoch mixes all views; each face shows every one of them before it shows one again.

        Args:
            indices: int64 (B,), on any device.
            epoch: from 0.

        Returns:
            draws for `Augmentation.view`, float32 (B, 12), None where any view will do, and logarithms of the teacher's
            probabilities, float32 (B, C), on the device of the indices.
        """
        faces = indices.cpu()
        views = (epoch + faces) % len(self.answers)
        answers = self.answers[views, faces].to(indices.device).float() / _STEPS
        return None if self.draws is None else self.draws[views, faces].to(indices.device), answers


def draw_views(augmentation: Augmentation, views: int, count: int, seed: int) -> Tensor:
    """Draws of several views of each face for `Augmentation.view`, float32 (views, count, 12), on the CPU.

    The first is the face itself, the second its mirror image, all others are random; a view's draws do not depend on
    how many views there are.
    """
    still = [augmentation.still(count), augmentation.still(count, mirrored=True)][:views]
    drawn = [augmentation.draw(count, generator(seed, VIEWS, view)) for view in range(2, views)]
    return torch.stack([*still, *drawn])


def checksum(faces: Faces) -> str:
    """SHA-256 of the faces' size and pixels."""
    sides = "×".join(map(str, faces.images.shape))
    return hashlib.sha256(sides.encode() + faces.images.numpy().tobytes()).hexdigest()
