"""Pictures for TensorBoard: what goes in, what is confused, what is confidently wrong."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import TensorBoardLogger
from torch import Tensor

from cascade.contact_sheet import contact_sheet
from cascade.ranges import Count
from fer.data.faces import hard_labels
from fer.training.plots import confusion_figure, pixels


class Pictures(Callback):
    """Adds an `ExpressionClassifier`'s augmented first batch, and at times its confusions and its worst mistakes.

    Args:
        every: epochs between two sets of pictures; the last epoch always gets one.
        faces: number of faces on a sheet.
    """

    def __init__(self, every: Count = 5, faces: Count = 64) -> None:
        self.every, self.faces = every, faces
        self._wrong: list[tuple[float, NDArray[np.uint8], str]] = []

    def on_train_batch_start(self, trainer: Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        """Show what the network is trained on."""
        if trainer.global_step == 0 and batch_idx == 0:
            images, labels = batch[0][: self.faces], hard_labels(batch[1])[: self.faces]
            captions = [pl_module.preprocessing.classes[label] for label in labels.tolist()]
            _add(trainer, "train/first_batch", contact_sheet(_gray(images, pl_module), captions)[..., ::-1])

    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, *_: Any, **__: Any
    ) -> None:
        """Remember the most confident mistakes."""
        if not self._due(trainer) or outputs is None:
            return
        labels, names = hard_labels(batch[1]), pl_module.preprocessing.classes
        confidence, predicted = outputs.float().softmax(dim=1).max(dim=1)
        wrong = (predicted != labels).nonzero().flatten()
        worst = wrong[confidence[wrong].argsort(descending=True)[: self.faces]]
        captions = [f"{names[p]}, is {names[t]}" for p, t in zip(predicted[worst], labels[worst], strict=True)]
        self._wrong += zip(confidence[worst].tolist(), _gray(batch[0][worst], pl_module), captions, strict=True)
        self._wrong.sort(key=lambda mistake: -mistake[0])
        del self._wrong[self.faces :]

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Add the pictures of this epoch."""
        mistakes, self._wrong = self._wrong, []
        if not self._due(trainer):
            return
        if mistakes:
            _, faces, captions = zip(*mistakes, strict=True)
            _add(trainer, "val/confidently_wrong", contact_sheet(faces, captions)[..., ::-1])
        if pl_module.val_scores is not None:
            figure = confusion_figure(np.asarray(pl_module.val_scores.confusion), pl_module.preprocessing.classes)
            _add(trainer, "val/confusion", pixels(figure))

    def _due(self, trainer: Trainer) -> bool:
        if trainer.sanity_checking or not trainer.is_global_zero:
            return False
        epoch = trainer.current_epoch + 1
        return epoch % self.every == 0 or epoch == trainer.max_epochs


def _add(trainer: Trainer, tag: str, picture: NDArray[np.uint8]) -> None:
    """Show an RGB picture in TensorBoard, where there is one and this is the process that writes."""
    for logger in trainer.loggers if trainer.is_global_zero else ():
        if isinstance(logger, TensorBoardLogger):
            logger.experiment.add_image(tag, np.ascontiguousarray(picture), trainer.global_step, dataformats="HWC")


def _gray(images: Tensor, pl_module: Any) -> NDArray[np.uint8]:
    """Undo the normalisation: (N, 1, H, W) to uint8 (N, H, W)."""
    values = pl_module.preprocessing.denormalise(images[:, 0].detach().float())
    return torch.as_tensor(values).round().clamp(0, 255).byte().cpu().numpy()
