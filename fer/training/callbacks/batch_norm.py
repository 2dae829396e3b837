"""Batch norm's statistics of the very weights that are validated and saved."""

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback
from torch.nn.modules.batchnorm import _BatchNorm

from cascade.checked import check_values
from cascade.ranges import Part
from fer.data.module import FaceDataModule


class BatchNormStatistics(Callback):
    """Measures batch norm's statistics anew before each validation, on a share of the training faces.

    The running ones lag: they keep 99% per step in Mini-Xception, belong to the weights of past steps and not to
    their average, and spoil the first epochs' figures altogether. Must stand after the averaging of the weights,
    so that the weights to be validated are in place. The share is 0 to 1; a face costs about a third of what training
    on it does.
    """

    def __init__(self, share: Part = 0.06) -> None:
        check_values(BatchNormStatistics, locals(), "callbacks.batch_norm.")
        self.share = share

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Measure; the faces are always the same, so that a resumed run validates as the whole one did."""
        data = trainer.datamodule  # type: ignore[attr-defined]
        norms = [module for module in pl_module.modules() if isinstance(module, _BatchNorm)]
        if trainer.sanity_checking or not norms:
            return
        assert isinstance(data, FaceDataModule)
        momenta = [norm.momentum for norm in norms]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the plain mean over all batches
            norm.train()
        with torch.no_grad(), trainer.precision_plugin.forward_context():
            for faces in data.sample(self.share):
                pl_module(faces.to(pl_module.device))
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
            norm.eval()
