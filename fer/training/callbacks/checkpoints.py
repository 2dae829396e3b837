"""The best and the last checkpoint of a run."""

import shutil
from pathlib import Path
from typing import Any

from lightning_fabric.plugins.io.torch_io import TorchCheckpointIO
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint

from cascade.convolutional.pytorch import save

BEST, LAST = "best.ckpt", "last.ckpt"


class WholeCheckpoints(TorchCheckpointIO):
    """Writes checkpoints beside where they belong and renames them, so that what was there stays until then.

    Lightning's own way leads through the system's folder for temporary files, from where they are copied if that is
    another disk: a kill meanwhile leaves half a checkpoint and nothing of the one before.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Save a checkpoint; raises OutputError where it cannot be written."""
        save(checkpoint, Path(path))


class BestAndLast(ModelCheckpoint):
    """Keeps `best.ckpt` by the monitored metric (`mode` is `max` or `min`) and `last.ckpt` of the newest epoch.

    A resumed run writes to its own folder, `dirpath`; the best checkpoint so far is copied there, so that a best
    epoch before the interruption is not lost.
    """

    def __init__(self, dirpath: str, monitor: str, mode: str) -> None:
        plain: Any = {"auto_insert_metric_name": False, "enable_version_counter": False}
        super().__init__(dirpath, Path(BEST).stem, monitor=monitor, mode=mode, save_top_k=1, **plain)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save every epoch as the last; Lightning's `save_last` would do so only with a best one."""
        super().on_train_epoch_end(trainer, pl_module)
        if not getattr(trainer, "fast_dev_run", False):
            trainer.save_checkpoint(Path(self.dirpath or ".") / LAST, weights_only=False)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the best score, and its checkpoint if that is still there."""
        earlier, here = Path(state_dict["best_model_path"]), Path(self.dirpath or ".") / BEST
        if not earlier.is_file():
            return
        if earlier.resolve() != here.resolve():
            here.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(earlier, here)
        best = {str(here): state_dict["best_model_score"]}
        paths = {"best_model_path": str(here), "kth_best_model_path": str(here), "best_k_models": best}
        super().load_state_dict({**state_dict, "dirpath": self.dirpath, **paths})
