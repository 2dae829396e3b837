"""A cascade of convolutional networks: trained in stages with PyTorch, run as one ONNX graph without it."""
