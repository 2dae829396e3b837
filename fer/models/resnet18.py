"""ResNet-18 (He et al., arXiv 1512.03385) for small gray faces, on torchvision's blocks."""

from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, ResNet

from cascade.ranges import Count, Share


class ResNet18(nn.Module):
    """Torchvision's ResNet-18 with a stem that keeps the resolution of a 48×48 face.

    The stem made for photographs, 7×7 with stride 2 and pooling, would leave 12×12 pixels of a face
    before the first block. A 3×3 convolution with stride 1 leaves all, as is usual for CIFAR.

    Args:
        num_classes, in_channels: see `fer.models`.
        dropout: probability of dropping a feature before the last layer.
    """

    def __init__(self, num_classes: Count = 7, in_channels: Count = 1, dropout: Share = 0.0) -> None:
        super().__init__()
        network = ResNet(BasicBlock, [2, 2, 2, 2], num_classes=num_classes)
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True)
        )
        self.blocks = nn.Sequential(network.layer1, network.layer2, network.layer3, network.layer4)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(network.fc.in_features, num_classes)

    def forward_features(self, x: Tensor) -> Tensor:
        """Normalised faces, float (N, in_channels, H, W), to maps (N, 512, ⌈H/8⌉, ⌈W/8⌉)."""
        maps: Tensor = self.blocks(self.stem(x))
        return maps

    def forward_head(self, maps: Tensor) -> Tensor:
        """Maps of `forward_features`, to logits (N, num_classes)."""
        logits: Tensor = self.head(self.dropout(maps.mean(dim=(2, 3))))
        return logits

    def forward(self, x: Tensor) -> Tensor:
        """Faces as for `forward_features`, to logits (N, num_classes)."""
        return self.forward_head(self.forward_features(x))
