"""Pictures for TensorBoard: what goes in, what is confused, what is confidently wrong."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.utilities import rank_zero_only
from torch import Tensor

from fer.training.module import ExpressionClassifier
from fer.visual import confusion_picture, contact_sheet


class Pictures(Callback):
    """Adds the augmented first batch, and every few epochs the confusion matrix and the worst mistakes.

    Args:
        every: epochs between two sets of pictures; the last epoch always gets one.
        faces: number of faces on a sheet.
    """

    def __init__(self, every: int = 5, faces: int = 64) -> None:
        self.every, self.faces = every, faces
        self._wrong: list[tuple[float, NDArray[np.uint8], str]] = []

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Show what the network is trained on."""
        if trainer.global_step == 0 and batch_idx == 0:
            images, labels = batch[0][: self.faces], batch[1][: self.faces]
            names = _names(pl_module)
            captions = [names[i] for i in (labels if labels.ndim == 1 else labels.argmax(1)).tolist()]
            _add(trainer, "train/first_batch", contact_sheet(_pixels(images, pl_module), captions))

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Remember the most confident mistakes."""
        if not self._due(trainer) or outputs is None:
            return
        images, labels = batch
        labels = labels if labels.ndim == 1 else labels.argmax(dim=1)
        confidence, predicted = outputs.float().softmax(dim=1).max(dim=1)
        wrong = (predicted != labels).nonzero().flatten()
        worst = wrong[confidence[wrong].argsort(descending=True)[: self.faces]]
        names = _names(pl_module)
        for pixels, p, told, true in zip(
            _pixels(images[worst], pl_module),
            confidence[worst].tolist(),
            predicted[worst].tolist(),
            labels[worst].tolist(),
            strict=True,
        ):
            self._wrong.append((p, pixels, f"{names[told]}, is {names[true]}"))
        self._wrong.sort(key=lambda mistake: -mistake[0])
        del self._wrong[self.faces :]

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Add the pictures of this epoch."""
        mistakes, self._wrong = self._wrong, []
        if not self._due(trainer):
            return
        if mistakes:
            faces = np.stack([pixels for _, pixels, _ in mistakes])
            _add(trainer, "val/confidently_wrong", contact_sheet(faces, [text for _, _, text in mistakes]))
        assert isinstance(pl_module, ExpressionClassifier)
        if pl_module.val_scores is not None:
            matrix = np.asarray(pl_module.val_scores.confusion)
            _add(trainer, "val/confusion", confusion_picture(matrix, _names(pl_module)))

    def _due(self, trainer: Trainer) -> bool:
        if trainer.sanity_checking or not trainer.is_global_zero:
            return False
        epoch = trainer.current_epoch + 1
        return epoch % self.every == 0 or epoch == trainer.max_epochs


@rank_zero_only
def _add(trainer: Trainer, tag: str, picture: NDArray[np.uint8]) -> None:
    for logger in trainer.loggers:
        if isinstance(logger, TensorBoardLogger):
            rgb = np.ascontiguousarray(picture[..., ::-1])
            logger.experiment.add_image(tag, rgb, trainer.global_step, dataformats="HWC")


def _names(pl_module: LightningModule) -> tuple[str, ...]:
    assert isinstance(pl_module, ExpressionClassifier)
    return pl_module.preprocessing.classes


def _pixels(images: Tensor, pl_module: LightningModule) -> NDArray[np.uint8]:
    """Undo the normalisation: (N, 1, H, W) to uint8 (N, H, W)."""
    assert isinstance(pl_module, ExpressionClassifier)
    pixels = pl_module.preprocessing.denormalise(images[:, 0].detach().float())
    return torch.as_tensor(pixels).round().clamp(0, 255).byte().cpu().numpy()
