"""The LightningDataModule: any source of faces, as augmented and normalised batches."""

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from msgspec import Meta
from pytorch_lightning import LightningDataModule
from torch import Tensor

from cascade.errors import ConfigError, DataError
from cascade.ranges import Count, NotNegative, Seed
from fer.data.augmentation import Augmentation
from fer.data.faces import Faces, NumberedFaces, Source, Split, renumbered
from fer.data.folds import fold_of
from fer.data.loader import EpochBatches, FaceLoader
from fer.data.mixing import mixup as mixed
from fer.data.teacher import Teacher
from fer.preprocessing import Preprocessing, Side, resize_face
from fer.seeding import AUGMENTATION, MIXUP, STATISTICS, dice, generator

log = logging.getLogger(__name__)

Fold = Annotated[str, Meta(pattern=r"^[0-9]{1,2}/[0-9]{1,2}$")]
"""`2/5`: the second of five."""


class FaceDataModule(LightningDataModule):
    """Serves the splits of one source.

    Batches leave the loaders as uint8 and become the network's input on its device, in
    `on_after_batch_transfer`: training batches are augmented there, all are normalised. Every face is
    interpolated once: training faces by the augmentation, all others as `resize_face` does it for inference.

    Args:
        source: makes the source from `source_options`, `data.path` for one.
        image_size: side of the network's faces in pixels; this and what follows are explained in
            `configs/data/base/loading.yaml`.
    """

    def __init__(
        self,
        source: Callable[..., Source],
        image_size: Side = 48,
        batch_size: Count = 96,
        eval_batch_size: Count = 256,
        augmentation: Augmentation | None = None,
        mixup: NotNegative = 0.0,
        augmentation_seed: Seed = 0,
        order_seed: Seed = 0,
        pin_memory: bool = False,
        fold: Fold | None = None,
        teacher: str | None = None,
        **source_options: Any,
    ) -> None:
        super().__init__()
        self.source = source(**source_options)
        self.preprocessing = Preprocessing(
            size=image_size, detail=self.source.detail, classes=tuple(self.source.classes)
        )
        self.batch_size, self.eval_batch_size = batch_size, eval_batch_size
        # a teacher's views are made by an augmentation, though it be one that changes nothing
        self.augmentation = Augmentation() if augmentation is None and teacher is not None else augmentation
        self.mixup = mixup
        self.augmentation_seed = augmentation_seed
        self.order_seed, self.pin_memory = order_seed, pin_memory
        self.fold = fold
        self._left_out = None if fold is None else fold_numbers(fold)
        self.teacher_path = None if teacher is None else Path(teacher).expanduser()
        self._teacher: Teacher | None = None
        self._resized: dict[Split, Faces] = {}
        self._train_loader: FaceLoader | None = None
        self._resume: dict[str, Any] = {}

    @cached_property
    def _loaded(self) -> Mapping[Split, Faces]:
        """The source's faces as it delivers them, loaded when first asked for."""
        splits = self.source.load()
        for split, faces in splits.items():
            if not len(faces):
                raise DataError(f"the {split} split of {self.source} holds no faces")
        return splits

    @cached_property
    def _kept(self) -> Tensor | None:
        """The training faces that are not of the fold, int64 (M,); None for all."""
        if self._left_out is None:
            return None
        (number, count), train = self._left_out, self._loaded["train"]
        kept = (fold_of(train.images, count) != number).nonzero().flatten()
        if not 0 < len(kept) < len(train):
            raise ConfigError(f"data.fold={self.fold}: the {len(train):,} training faces do not make as many folds")
        return kept

    @cached_property
    def splits(self) -> Mapping[Split, Faces]:
        """The source's faces, less those of the fold."""
        splits = dict(self._loaded)
        if self._kept is not None:
            splits["train"] = splits["train"][self._kept]
        log.info("faces: %s", ", ".join(f"{len(faces):,} {split}" for split, faces in splits.items()))
        if (names := tuple(self.source.classes)) != (others := self.preprocessing.classes):
            splits = {split: renumbered(faces, names, others) for split, faces in splits.items()}
        return splits

    def judge_by(self, preprocessing: Preprocessing) -> None:
        """Serve labels numbered as the classes of a model that was trained on other data.

        Raises:
            ConfigError: the data has classes that the model does not know.
        """
        if unknown := set(self.source.classes) - set(preprocessing.classes):
            known, more = ", ".join(preprocessing.classes), ", ".join(sorted(unknown))
            raise ConfigError(f"the model knows {known}, and the data has {more}, too")
        self.preprocessing = replace(self.preprocessing, classes=preprocessing.classes)

    def setup(self, stage: str | None = None) -> None:
        """Load the splits and tell their sizes; read the teacher's answers and see that they are about these faces."""
        if self.teacher_path is None or self._teacher is not None:
            _ = self.splits
            return
        teacher = Teacher.read(self.teacher_path)  # a wrong file is named before anything slow happens
        _ = self.splits
        teacher.check(self.teacher_path, self._loaded["train"], self.preprocessing.classes, self.augmentation)
        self._teacher = teacher if self._kept is None else teacher.about(self._kept)

    def train_dataloader(self) -> FaceLoader:
        """Uint8 batches in an order of their own every epoch, small where the augmentation enlarges them.

        Where there is a teacher they end with the faces' indices, int64 (B,).
        """
        faces = self.splits["train"]
        enlarges = self.augmentation is not None and self.augmentation.moves
        if not (enlarges and faces.images.shape[-1] < self.preprocessing.size):
            faces = self.faces("train")
        taught = faces if self._teacher is None else NumberedFaces(faces)
        self._train_loader = self._loader(taught, self.batch_size, shuffle=True)
        self._train_loader.load_state_dict(self._resume)
        return self._train_loader

    def val_dataloader(self) -> FaceLoader:
        """Uint8 batches of the split that selects models."""
        return self._loader(self.faces("val"), self.eval_batch_size)

    def test_dataloader(self) -> FaceLoader:
        """Uint8 batches of the split that is reported once; DataError where there is none."""
        return self._loader(self.faces("test"), self.eval_batch_size)

    def state_dict(self) -> dict[str, Any]:
        """Return the place in the training epoch, and the fold that is not trained on, for checkpoints."""
        return {"fold": self.fold} | ({} if self._train_loader is None else self._train_loader.state_dict())

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from that place.

        Lightning saves and restores loaders itself, but forgets to restore one that was already asked
        for its length, which every schedule over the whole run does.

        Raises:
            ConfigError: the run left another fold out.
        """
        if (fold := state_dict.get("fold")) != self.fold:
            raise ConfigError(
                f"data.fold is {self.fold}, but the checkpoint's training left out {fold}: set it to that"
            )
        place = {name: state_dict.get(name, 0) for name in ("epoch", "served")}
        if not all(isinstance(value, int) and value >= 0 for value in place.values()):
            raise ValueError(f"the place in the epoch is {place}")
        self._resume = place

    def on_after_batch_transfer(self, batch: tuple[Tensor, ...], dataloader_idx: int) -> tuple[Tensor, ...]:
        """Turn uint8 faces into the network's input, augmented while training.

        Where there is a teacher, a training batch is of the views that it has seen, and its third part is no longer
        the faces' indices but the logarithms of the teacher's probabilities, float32 (B, C).
        """
        images, labels, *rest = batch
        if self.trainer is None or not self.trainer.training:
            return self.preprocessing.normalise(images.float()), labels, *rest
        size, epoch = self.preprocessing.size, self.trainer.current_epoch
        draws = None
        if self._teacher is not None:
            draws, answers = self._teacher.lesson(rest[0], epoch)
            rest = [answers]
        if self.augmentation is not None and draws is not None:
            images = self.augmentation.view(images, draws, size)
        elif self.augmentation is not None:
            dealer = generator(*self._batch_key(AUGMENTATION), device=images.device)
            images = self.augmentation(images, dealer, size)
        images = self.preprocessing.normalise(images.float())
        if self.mixup:
            classes, shares = len(self.preprocessing.classes), dice(*self._batch_key(MIXUP))
            images, labels, rest = mixed(images, labels, rest, classes, self.mixup, shares)
        return images, labels, *rest

    def _batch_key(self, stream: int) -> tuple[int, ...]:
        """What the random numbers of one stream depend on: the seed and the batch's place in the training."""
        assert self.trainer is not None
        place = self.trainer.fit_loop.epoch_loop.batch_progress.current.ready
        return self.augmentation_seed, stream, self.trainer.current_epoch, place, self.trainer.global_rank

    def sample(self, share: float) -> Iterator[Tensor]:
        """A share, 0 to 1, of the training faces as inference would see them; the same random ones each time.

        Yields:
            float32 (B, 1, image_size, image_size), normalised, on the CPU.
        """
        train = self.splits["train"]
        count = max(1, round(share * len(train)))
        chosen = torch.randperm(len(train), generator=generator(self.order_seed, STATISTICS))[:count]
        for part in chosen.tensor_split(-(-count // self.eval_batch_size)):
            images = resized(train.images[part], self.preprocessing.size)
            yield self.preprocessing.normalise(images.float())

    def faces(self, split: Split) -> Faces:
        """One split at the network's size, resized as for inference; DataError where the source has none."""
        if split not in self.splits:
            raise DataError(f"{self.source} has no {split} split")
        if split not in self._resized:
            faces = self.splits[split]
            self._resized[split] = replace(faces, images=resized(faces.images, self.preprocessing.size))
        return self._resized[split]

    def whole_split(self, split: Split) -> FaceLoader:
        """All faces of one split in their order, whatever the number of processes; see `faces`."""
        faces = self.faces(split)
        return FaceLoader(faces, EpochBatches(len(faces), self.eval_batch_size, shuffle=False), self.pin_memory)

    def _loader(self, faces: Faces | NumberedFaces, batch_size: int, shuffle: bool = False) -> FaceLoader:
        share = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        return FaceLoader(
            faces, EpochBatches(len(faces), batch_size, shuffle, self.order_seed, *share), self.pin_memory
        )


def resized(images: Tensor, size: int) -> Tensor:
    """Faces uint8 (N, 1, size, size), resized as for inference."""
    if images.shape[-1] == images.shape[-2] == size:
        return images
    return torch.from_numpy(np.stack([resize_face(image, size) for image in images[:, 0].numpy()])[:, None])


def fold_numbers(fold: str) -> tuple[int, int]:
    """Number and count of a fold such as `2/5`; ConfigError where there is no such fold."""
    found = re.fullmatch("([0-9]+)/([0-9]+)", fold)
    number, count = map(int, found.groups()) if found else (0, 0)
    if not 1 <= number <= count or count < 2:
        raise ConfigError(f"data.fold is {fold!r}; it must be k/n, the k-th of n folds, from 1/2 to 99/99, such as 2/5")
    return number, count
