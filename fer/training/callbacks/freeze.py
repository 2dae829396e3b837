"""Training the last layer alone for a while, before the rest may change."""

from typing import Any

from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import Callback

from cascade.ranges import Natural
from fer.training.module import ExpressionClassifier


class FreezeBody(Callback):
    """Keeps all but the last layer, `head`, as it is for the first epochs, batch norm's running statistics included.

    A new head's large gradients would otherwise undo what `init_from` brought. What `BatchNormStatistics` measures for
    the averaged weights it measures all the same.

    Args:
        epochs: that this lasts.
    """

    def __init__(self, epochs: Natural = 0) -> None:
        self.epochs = epochs

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Freeze also where training goes on in the middle of an epoch, which has no start then."""
        self.on_train_epoch_start(trainer, pl_module)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Freeze, or let go."""
        if not self.epochs:
            return
        assert isinstance(pl_module, ExpressionClassifier)
        frozen = trainer.current_epoch < self.epochs
        for name, module in pl_module.network.named_children():
            if name != "head":
                module.requires_grad_(not frozen).train(not frozen)
