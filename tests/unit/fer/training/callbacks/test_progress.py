"""What is written down of each epoch."""

import math

import torch
from pytorch_lightning import Trainer
from pytorch_lightning.demos.boring_classes import BoringModel

from fer.training.callbacks.progress import Progress


class Model(BoringModel):
    """Validation says which epoch it is of."""

    def validation_step(self, batch: torch.Tensor, batch_idx: int) -> None:
        self.log("val/loss", float(self.current_epoch + 1))


def test_an_epoch_has_figures_of_its_own_validation_alone(tmp_path):
    progress = Progress()
    trainer = Trainer(
        default_root_dir=tmp_path,
        accelerator="cpu",
        max_epochs=5,
        check_val_every_n_epoch=2,
        limit_train_batches=1,
        limit_val_batches=1,
        callbacks=[progress],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(Model())
    assert progress.history["epoch"] == [1, 2, 3, 4, 5]
    measured = progress.history["val/loss"]
    assert [measured[1], measured[3]] == [2, 4]
    assert all(math.isnan(measured[at]) for at in (0, 2, 4))
