from types import SimpleNamespace

import torch
import torch.nn.functional as F

from fer.models.mini_xception import MiniXception
from fer.training.callbacks.freeze import FreezeBody
from fer.training.losses import CrossEntropy
from fer.training.module import ExpressionClassifier


def test_the_body_is_frozen_for_the_first_epochs_and_no_longer():
    torch.manual_seed(0)
    classifier = ExpressionClassifier(MiniXception(), {}, None, None, CrossEntropy())  # type: ignore[arg-type]
    network = classifier.network
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, weight_decay=0.1)
    callback = FreezeBody(epochs=1)
    changed = []
    for epoch in range(2):
        network.train()
        callback.on_train_epoch_start(SimpleNamespace(current_epoch=epoch), classifier)  # type: ignore[arg-type]
        before = {name: value.clone() for name, value in network.state_dict().items()}
        F.cross_entropy(network(torch.randn(4, 1, 48, 48)), torch.arange(4)).backward()
        optimizer.step()
        optimizer.zero_grad()
        changed.append({name for name, value in network.state_dict().items() if not torch.equal(value, before[name])})
    assert changed[0] == {"head.weight", "head.bias"}
    assert len(changed[1]) > 50 and any("running_mean" in name for name in changed[1])
