"""How fast training is and how far it got, for TensorBoard and for logs without a terminal."""

import logging
import math
import time
from typing import Any

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback, RichProgressBar

log = logging.getLogger(__name__)

_SHOWN = ("train/loss", "train/acc", "val/loss", "val/acc", "val/macro_f1")


class Progress(Callback):
    """Logs `train/images_per_s` every epoch, validation left out, and one line per epoch.

    Attributes:
        history: values per finished epoch, one list per name, NaN for what an epoch did not measure; kept in
            checkpoints, so that a resumed run has its whole past.
    """

    def __init__(self) -> None:
        self.history: dict[str, list[float]] = {"epoch": []}

    def on_train_start(self, *_: Any, **__: Any) -> None:
        """Start counting also where a resumed run enters in the middle of an epoch."""
        self.on_train_epoch_start()

    def on_train_epoch_start(self, *_: Any, **__: Any) -> None:
        """Start counting."""
        self._images, self._seconds, self._since = 0, 0.0, time.perf_counter()
        self._validated = False

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count the batch."""
        now = time.perf_counter()
        self._images, self._seconds, self._since = self._images + len(batch[0]), self._seconds + now - self._since, now

    def on_validation_end(self, *_: Any, **__: Any) -> None:
        """Leave the time of the validation out."""
        self._since = time.perf_counter()
        self._validated = True

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the epoch, counted from one."""
        speed = trainer.world_size * self._images / max(self._seconds, 1e-9)
        pl_module.log("train/images_per_s", speed, sync_dist=True)
        epoch, total = trainer.current_epoch + 1, max(trainer.max_epochs or 0, 0) or "?"
        # Lightning keeps the figures of the last validation, which may be of an earlier epoch
        given = {
            name: value for name, value in trainer.callback_metrics.items() if self._validated or "val/" not in name
        }
        values = {name: float(given.get(name, math.nan)) for name in _SHOWN}
        texts = "  ".join(f"{name} {value:.4f}" for name, value in values.items() if not math.isnan(value))
        if trainer.is_global_zero:
            log.info("epoch %d/%s  %s  %.0f images/s", epoch, total, texts, speed)
        if epoch not in self.history["epoch"]:  # a resumed run may end its last epoch a second time
            for name, value in {"epoch": float(epoch), **values}.items():
                self.history.setdefault(name, []).append(value)

    def state_dict(self) -> dict[str, Any]:
        """Return the history, for checkpoints."""
        return {"history": {name: list(values) for name, values in self.history.items()}}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the history of the run that is resumed."""
        self.history = {name: list(values) for name, values in state_dict["history"].items()}


class Bar(RichProgressBar):
    """Lightning's bar without the version number, which here is always the folder's name."""

    def get_metrics(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:
        """Return the values shown behind the bar."""
        return {name: value for name, value in super().get_metrics(trainer, pl_module).items() if name != "v_num"}
