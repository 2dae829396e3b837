"""The LightningModule: a plain network, its loss, optimizer and schedule, and what is logged."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torchmetrics import MeanMetric

from cascade.errors import UserError
from fer.checkpoint import source_commit
from fer.data.faces import hard_labels
from fer.model_info import METADATA_KEY, ModelInfo
from fer.preprocessing import Preprocessing
from fer.training.losses import Loss
from fer.training.metrics import ScoreMetrics, Scores
from fer.training.schedules import Schedule

Batch = tuple[Tensor, ...]
"""Faces, labels and, while training with a teacher, its answers: see `fer.training.losses.Loss`."""


class ExpressionClassifier(LightningModule):
    """Trains a network to name expressions.

    Nothing but plain values goes into the checkpoint, so it loads with `weights_only=True`; how to
    rebuild the network and feed it stands under its `fer` key.

    Args:
        network: normalised faces (N, 1, H, W) to logits (N, C).
        network_config: `_target_` within `fer.models` and plain arguments that rebuild `network`.
        optimizer: makes the optimizer from parameter groups.
        schedule, loss: see `Schedule` and `Loss`.
        preprocessing: what the network expects; travels in the checkpoint.
        channels_last, compile: see `configs/train.yaml`.
    """

    def __init__(
        self,
        network: nn.Module,
        network_config: dict[str, Any],
        optimizer: Callable[[Iterable[dict[str, Any]]], Optimizer],
        schedule: Schedule,
        loss: Loss,
        preprocessing: Preprocessing | None = None,
        channels_last: bool = True,
        compile: bool = False,
    ) -> None:
        super().__init__()
        self.preprocessing = preprocessing or Preprocessing()
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self.network = network.to(memory_format=self.memory_format)
        self.network_config = network_config
        # Kept outside the module tree, so that checkpoints name the parameters the same either way
        self._forward = (torch.compile(self.network) if compile else self.network,)
        self.make_optimizer, self.make_schedule = optimizer, schedule
        self.loss = loss
        self.val_metrics = ScoreMetrics(self.preprocessing.classes)
        self.val_loss = MeanMetric()
        #: Scores of the last whole pass over the validation faces; None before the first.
        self.val_scores: Scores | None = None

    def forward(self, images: Tensor) -> Tensor:
        """Normalised faces, float (N, 1, H, W), to logits (N, C)."""
        return self._forward[0](images.contiguous(memory_format=self.memory_format))  # type: ignore[no-any-return]

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the loss of one augmented batch."""
        images, labels, *teacher = batch
        logits = self(images)
        loss = self.loss(logits, labels, images, *teacher)
        hits = (logits.detach().argmax(dim=1) == hard_labels(labels)).float().mean()
        self.log("train/loss_step", loss, on_step=True, on_epoch=False, prog_bar=True)
        epoch = {"train/loss": loss, "train/acc": hits}
        self.log_dict(epoch, on_step=False, on_epoch=True, batch_size=len(images), sync_dist=True)
        return loss

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Log the learning rate that the step is about to use."""
        self.log("train/lr", optimizer.param_groups[0]["lr"], on_step=True)

    def validation_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Collect and return the logits of one batch."""
        images, labels = batch
        logits: Tensor = self(images)
        self.val_loss.update(F.cross_entropy(logits.float(), labels), len(images))
        # In 32 bits: half-precision probabilities round to 1 and spoil the calibration error
        self.val_metrics.update(logits.float(), hard_labels(labels))
        return logits

    def on_validation_epoch_end(self) -> None:
        """Log the scores of the whole split."""
        scores, loss = self.val_metrics.scores(), float(self.val_loss.compute())
        self.val_metrics.reset()
        self.val_loss.reset()
        if not self.trainer.sanity_checking:
            self.val_scores = scores
        values = {"val/loss": loss, **scores.totals()}
        self._step_plateaus(values)
        # Every process has the same values; sync_dist only spares Lightning's advice to synchronise
        self.log("val/acc", values.pop("val/acc"), prog_bar=True, sync_dist=True)
        self.log_dict(values, sync_dist=True)
        self.log_dict({f"val_f1/{name}": c.f1 for name, c in scores.classes.items()}, sync_dist=True)

    def _step_plateaus(self, values: dict[str, float]) -> None:
        """Step the schedules that watch a metric, before this epoch's checkpoint is saved.

        Lightning steps them after it, and a run resumed from that checkpoint would miss the step.
        """
        if self.trainer.sanity_checking:
            return
        for entry in self.trainer.lr_scheduler_configs:
            if isinstance(entry.scheduler, ReduceLROnPlateau):
                if entry.monitor not in values:
                    raise UserError(f"scheduler.monitor must be one of {', '.join(values)}, not {entry.monitor!r}")
                entry.scheduler.step(values[entry.monitor])

    def lr_scheduler_step(self, scheduler: Any, metric: Any) -> None:
        """Step a schedule, unless it watches a metric: those have been stepped by then."""
        if not isinstance(scheduler, ReduceLROnPlateau):
            scheduler.step()

    def configure_optimizers(self) -> Any:
        """Make the optimizer and its schedule; biases and normalisation get no weight decay."""
        optimizer = self.make_optimizer(parameter_groups(self.network))
        steps = int(self.trainer.estimated_stepping_batches)
        return {"optimizer": optimizer, "lr_scheduler": self.make_schedule(optimizer, total_steps=steps)}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what rebuilds and feeds the network, and the state of random layers such as dropout."""
        epoch, commit = checkpoint["epoch"] + 1, source_commit()
        info = ModelInfo(self.preprocessing, network=self.network_config, commit=commit, epoch=epoch)
        if self.val_scores is not None:
            info = replace(info, unsure_below=self.val_scores.unsure.below)
        checkpoint[METADATA_KEY] = info.to_dict()
        checkpoint["rng_state"] = torch.get_rng_state()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the random state, so that a resumed run draws what the uninterrupted one would."""
        if "rng_state" in checkpoint:
            self._rng_state = checkpoint["rng_state"]

    def on_train_start(self) -> None:
        """Start from the restored random state, if any; loading itself draws random numbers."""
        if (state := self.__dict__.pop("_rng_state", None)) is not None:
            torch.set_rng_state(state.cpu())


def parameter_groups(network: nn.Module) -> list[dict[str, Any]]:
    """Split parameters by how an optimizer should treat them.

    Muon leaves the network's last layer, its `head`, to AdamW, as its authors advise.

    Returns:
        Groups of weights, of the last layer's weights, and of biases and normalisation without decay.
    """
    assert isinstance(network.head, nn.Module)
    last = set(network.head.parameters())
    matrices = [parameter for parameter in network.parameters() if parameter.ndim > 1]
    groups: list[dict[str, Any]] = [
        {"params": [p for p in matrices if p not in last]},
        {"params": [p for p in matrices if p in last], "muon": False},
        {"params": [p for p in network.parameters() if p.ndim <= 1], "muon": False, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]
