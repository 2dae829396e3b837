"""A cascade of convolutional networks: trained in stages with PyTorch, run as one ONNX graph without it."""

from cascade.command import require

require("export", "torch", "torchvision", "pytorch_lightning", "onnx")  # the base install leaves them out
