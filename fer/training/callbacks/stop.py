"""Ending a run early without losing it: signals, and a loss that is no number."""

import logging
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback, Checkpoint
from torch import Tensor

from cascade.errors import TrainingError
from cascade.ranges import Count
from fer.training.callbacks.checkpoints import LAST

log = logging.getLogger(__name__)


class TrainingStopped(Exception):  # noqa: N818 - it is no error
    """Training ended where a signal asked it to; `last.ckpt` is saved.

    Lightning's own `should_stop` would validate first and overwrite the checkpoint with one that takes
    the broken-off epoch for a whole one.
    """


class StopOnSignal(Checkpoint):
    """On SIGINT or SIGTERM saves `last.ckpt` after the current step and ends training; twice aborts at once.

    Is a `Checkpoint` to Lightning, so that it runs after the callbacks whose state it saves.
    """

    def __init__(self, dirpath: str) -> None:
        self.path = Path(dirpath) / LAST
        #: The signal that ended the run, or None.
        self.received: signal.Signals | None = None
        self._previous: dict[signal.Signals, Any] = {}

    def on_train_start(self, *_: Any, **__: Any) -> None:
        """Take over both signals for the time of the training, from Lightning too, which would just exit."""
        for number in (signal.SIGINT, signal.SIGTERM):
            self._previous[number] = signal.signal(number, self._note)

    def teardown(self, *_: Any, **__: Any) -> None:
        """Give the signals back."""
        while self._previous:
            signal.signal(*self._previous.popitem())

    def on_train_batch_end(self, trainer: Trainer, *_: Any, **__: Any) -> None:
        """Save and stop, where any process was told to."""
        # After an epoch's last batch comes its validation, which must not be lost: see on_train_epoch_end
        if not trainer.is_last_batch and self._told(trainer):
            trainer.save_checkpoint(self.path, weights_only=False)
            raise TrainingStopped

    def on_train_epoch_end(self, trainer: Trainer, *_: Any, **__: Any) -> None:
        """Stop between epochs; the whole epoch has been validated and saved."""
        if self._told(trainer):
            raise TrainingStopped

    def _told(self, trainer: Trainer) -> bool:
        # A signal may reach one process of several; all must leave the loop at the same step
        told = trainer.strategy.reduce_boolean_decision(self.received is not None, all=False)
        if told and self.received is None:  # another process got it
            self.received = signal.SIGTERM
        return told

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.received is not None:
            name = signal.Signals(number).name
            log.warning("%s again: stopped at once, without saving; %s and best.ckpt are those of before", name, LAST)
            sys.exit(128 + number)
        self.received = signal.Signals(number)
        log.warning("%s: saving and stopping after this step; send it again to stop at once", self.received.name)


class StopOnNonFiniteLoss(Callback):
    """Ends the run with an explanation when the loss is not finite.

    The loss is watched on its device and read back once in `every` steps, so a GPU never waits for it.
    """

    def __init__(self, every: Count = 50) -> None:
        self.every = every
        self._bad: Tensor | None = None

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Note whether this step's loss was a number."""
        loss = outputs["loss"]
        bad = ~torch.isfinite(loss.detach())
        self._bad = bad if self._bad is None else self._bad | bad
        if loss.device.type != "cpu" and (batch_idx + 1) % self.every and not trainer.is_last_batch:
            return
        if self._bad:
            rate = trainer.optimizers[0].param_groups[0]["lr"]
            raise TrainingError(
                f"the loss is not finite in epoch {trainer.current_epoch + 1}, step {trainer.global_step}, at "
                f"learning rate {rate:.3g}; try a lower optimizer.lr, trainer.gradient_clip_val=1 or "
                f"trainer.precision=32-true. The checkpoints of earlier epochs are untouched"
            )
        self._bad = None
