from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import torch
from pytorch_lightning import LightningModule
from torch import nn

from fer.data.faces import Faces
from fer.data.module import FaceDataModule
from fer.labels import EXPRESSIONS
from fer.training.callbacks.batch_norm import BatchNormStatistics


class Ready:
    detail = 48
    classes = EXPRESSIONS

    def load(self):
        images = torch.randint(0, 256, (64, 1, 48, 48), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
        faces = Faces(images, torch.arange(64) % 7)
        return {"train": faces, "val": faces}


class Normalised(LightningModule):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(1, momentum=0.01)

    def forward(self, images):
        return self.norm(images)


@pytest.fixture
def trainer():
    precision = SimpleNamespace(forward_context=nullcontext)
    data = FaceDataModule(Ready, eval_batch_size=16)
    return SimpleNamespace(sanity_checking=False, datamodule=data, precision_plugin=precision)


def test_statistics_are_those_of_the_faces_at_once(trainer):
    network = Normalised().eval()
    state = torch.get_rng_state()
    BatchNormStatistics(share=0.5).on_validation_epoch_start(trainer, network)
    faces = torch.cat(list(trainer.datamodule.sample(0.5)))
    assert len(faces) == 32
    torch.testing.assert_close(network.norm.running_mean, faces.mean().view(1))
    torch.testing.assert_close(network.norm.running_var, faces.var().view(1), rtol=1e-3, atol=0)
    assert network.norm.momentum == 0.01
    assert not network.norm.training
    assert torch.equal(torch.get_rng_state(), state)


def test_the_trial_before_training_measures_nothing(trainer):
    network = Normalised().eval()
    trainer.sanity_checking = True
    BatchNormStatistics().on_validation_epoch_start(trainer, network)
    assert network.norm.running_mean == 0


@pytest.mark.parametrize("share", [0.0, 1.5])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(ValueError, match=r"callbacks\.batch_norm\.share"):
        BatchNormStatistics(share)
