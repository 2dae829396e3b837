"""How fast training is and how far it got, for TensorBoard and for logs without a terminal."""

import logging
import time
from typing import Any

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.utilities import rank_zero_only

log = logging.getLogger(__name__)


class Progress(Callback):
    """Logs `train/images_per_s` every epoch, validation left out, and one line per epoch."""

    def __init__(self) -> None:
        self._images = 0
        self._seconds = 0.0
        self._since = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start counting also where a resumed run enters in the middle of an epoch."""
        self.on_train_epoch_start(trainer, pl_module)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start counting."""
        self._images, self._seconds, self._since = 0, 0.0, time.perf_counter()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count the batch."""
        self._images += len(batch[0])
        now = time.perf_counter()
        self._seconds, self._since = self._seconds + now - self._since, now

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leave the time of the validation out."""
        self._since = time.perf_counter()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the epoch."""
        speed = trainer.world_size * self._images / max(self._seconds, 1e-9)
        pl_module.log("train/images_per_s", speed, sync_dist=True)
        self._line(trainer, speed)

    @rank_zero_only
    def _line(self, trainer: Trainer, speed: float) -> None:
        shown = ("train/loss", "train/acc", "val/loss", "val/acc", "val/macro_f1")
        values = {
            name: float(trainer.callback_metrics[name]) for name in shown if name in trainer.callback_metrics
        }
        texts = [f"{name} {value:.4f}" for name, value in values.items()]
        total = trainer.max_epochs if trainer.max_epochs and trainer.max_epochs > 0 else "?"
        log.info("epoch %d/%s  %s  %.0f images/s", trainer.current_epoch + 1, total, "  ".join(texts), speed)
