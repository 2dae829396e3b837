"""Training one stage's network on the examples that are drawn for it, with PyTorch Lightning."""

import logging
import math
import pickle
import signal
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from cascade.convolutional.examples import NOTHING, OBJECT, Batch
from cascade.convolutional.pytorch import save
from cascade.convolutional.scenes import MIDDLE
from cascade.errors import TrainingError

Tell = Callable[[int, dict[str, float]], None]
_SHARES = {"hit_rate": OBJECT, "false_alarm_rate": NOTHING}


class Examples(Protocol):
    """Draws examples."""

    def draw(self, count: int, random: np.random.Generator) -> Batch:
        """A batch of so many."""


@dataclass
class Learning:
    """How a network learns.

    Attributes:
        steps: batches.
        batch: examples a batch.
        rate: highest learning rate (one cycle of AdamW).
        decay: of the weights.
        negatives: the hardest so many windows without an object for each with one; the others do not count.
        framing: weight of offset and scale in the loss.
    """

    steps: int = 3000
    batch: int = 256
    rate: float = 4e-3
    decay: float = 1e-3
    negatives: float = 3.0
    framing: float = 2.0


@dataclass
class Machine:
    """What networks are trained on.

    Attributes:
        accelerator, precision: as Lightning takes them.
        workers: processes that draw examples; 0 draws them between batches.
    """

    accelerator: str = "auto"
    precision: Any = "32-true"
    workers: int = 1


class Batches(Dataset[tuple[Tensor, Tensor]]):
    """Batches by number: the same number gives the same batch, so that a training can go on anywhere."""

    def __init__(self, examples: Examples, learning: Learning, seed: tuple[int, ...]) -> None:
        self._examples, self._learning, self._seed = examples, learning, seed

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor]:
        windows, targets = self._examples.draw(self._learning.batch, np.random.default_rng((*self._seed, number)))
        return torch.from_numpy(windows), torch.from_numpy(targets)


class StageModule(pl.LightningModule):
    """A stage's network while it learns."""

    def __init__(self, network: nn.Module, learning: Learning) -> None:
        super().__init__()
        self.network, self.learning = network, learning
        decayed = [p for p in network.parameters() if p.ndim > 1]
        other = [p for p in network.parameters() if p.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": learning.decay}, {"params": other, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, learning.rate)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, learning.rate, total_steps=learning.steps, pct_start=0.15, cycle_momentum=False
        )

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        """The loss of a batch."""
        windows, targets = batch
        told = self.network(normalised(windows)).float()
        if told.ndim == 4:
            edge = (told.shape[-1] - targets.shape[-1]) // 2  # the steps at the border have no targets
            told = told[..., edge : edge + targets.shape[-2], edge : edge + targets.shape[-1]]
            told, targets = (x.permute(0, 2, 3, 1).reshape(-1, 4) for x in (told, targets))
        right, framed = loss(told, targets, self.learning.negatives)
        yes = told.detach()[:, 0] > 0
        shares = {name: yes[targets[:, 0] == verdict].float().mean() for name, verdict in _SHARES.items()}
        self.log_dict({"score": right, "framing": framed, **shares})
        return right + self.learning.framing * framed

    def configure_optimizers(self) -> pl.utilities.types.OptimizerLRScheduler:
        """AdamW with one cycle of the rate."""
        return {"optimizer": self.optimizer, "lr_scheduler": {"scheduler": self.schedule, "interval": "step"}}

    def save(self, path: Path, step: int) -> None:
        """Save what the training goes on from after so many batches."""
        parts: dict[str, Any] = {"network": self.network, "optimizer": self.optimizer, "schedule": self.schedule}
        save({"step": step, **{name: value.state_dict() for name, value in parts.items()}}, path)

    def load(self, path: Path) -> int:
        """Go on from what was saved; returns after how many batches that was, 0 where there is nothing to read."""
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except (OSError, EOFError, RuntimeError, pickle.UnpicklingError):
            return 0
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        return int(state["step"])


def normalised(windows: Tensor) -> Tensor:
    """Grays, uint8, as networks see them: about -1 to 1."""
    return (windows.to(torch.float32) - MIDDLE) / MIDDLE


def loss(told: Tensor, targets: Tensor, negatives: float) -> tuple[Tensor, Tensor]:
    """How wrong answers (N, 4) are: about what is there, and about where it is."""
    label = targets[:, 0]
    objects, nothing = label == OBJECT, label == NOTHING
    count = int(objects.sum())
    wrong_yes = nn.functional.softplus(-told[objects, 0])
    wrong_no = nn.functional.softplus(told[nothing, 0])
    kept = min(len(wrong_no), max(int(negatives * count), 16))
    wrong_no = wrong_no.topk(kept).values
    right = (wrong_yes.sum() + wrong_no.sum()) / max(count + kept, 1)
    framed = nn.functional.smooth_l1_loss(told[objects, 1:], targets[objects, 1:], beta=0.1, reduction="sum")
    return right, framed / max(count, 1)


EPOCH = 200
"""Batches from one checkpoint to the next."""


class _Progress(pl.Callback):
    """Tells how far it is, saves what a killed training goes on from, and stops where the loss is no number."""

    def __init__(self, checkpoint: Path, before: int, tell: Tell) -> None:
        self._checkpoint, self._before, self._tell = checkpoint, before, tell
        self._means: dict[str, float] = {}

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        """Tell it, and save now and then."""
        step = self._before + trainer.global_step
        now = {name: float(trainer.callback_metrics[name]) for name in ("score", "framing", *_SHARES)}
        if not math.isfinite(now["score"] + now["framing"]):
            raise TrainingError(f"the loss is no number in batch {step}; lower the learning rate")
        for name, value in now.items():
            if math.isfinite(value):  # a batch may be without objects
                self._means[name] = 0.98 * self._means.get(name, value) + 0.02 * value
        if step % EPOCH == 0:
            assert isinstance(pl_module, StageModule)
            pl_module.save(self._checkpoint, step)
        self._tell(step, dict(self._means))


def fit(
    network: nn.Module,
    examples: Examples,
    learning: Learning,
    seed: tuple[int, ...],
    checkpoint: Path,
    tell: Tell,
    machine: Machine,
) -> None:
    """Train a network, going on from `checkpoint` where that is there.

    Args:
        network: trained in place; in evaluation mode afterwards.
        examples: where its batches come from.
        learning: how it learns.
        seed: of the batches; the weights it begins with are the caller's.
        checkpoint: written every `EPOCH` batches.
        tell: called after every batch with its number and running means: losses `score` and `framing`, `hit_rate` and
            `false_alarm_rate` at even odds.
        machine: what it is trained on.

    Raises:
        TrainingError: the loss is no number.
        KeyboardInterrupt: it was stopped from outside.
    """
    for name in ("pytorch_lightning", "lightning.pytorch"):
        logging.getLogger(name).setLevel(logging.ERROR)
    module = StageModule(network.to(memory_format=torch.channels_last), learning)
    before = module.load(checkpoint)
    if before >= learning.steps:
        network.eval()
        return
    loader = DataLoader(
        Batches(examples, learning, seed),
        batch_size=None,
        sampler=range(before, learning.steps),
        num_workers=machine.workers,
        prefetch_factor=4 if machine.workers else None,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # advice about numbers of workers
        trainer = pl.Trainer(
            max_epochs=1,
            accelerator=machine.accelerator,
            devices=1,
            precision=machine.precision,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[_Progress(checkpoint, before, tell)],
        )
        on_ctrl_c = signal.getsignal(signal.SIGINT)
        try:
            trainer.fit(module, loader)
        except SystemExit:
            raise KeyboardInterrupt from None  # Lightning would end the whole process
        finally:
            signal.signal(signal.SIGINT, on_ctrl_c)
    network.cpu().eval()
