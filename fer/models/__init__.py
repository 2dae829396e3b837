"""Networks: plain modules, one per file, that know nothing of Lightning.

What training, export and explanations ask of each, and `fer.checkpoint.build_network` checks:

- its constructor takes `num_classes`, and plain values only; `in_channels` is 1 for gray;
- `forward(x)` takes normalised faces, float (N, in_channels, H, W), to logits (N, num_classes);
- `forward_features(x)` takes them to the last feature maps (N, C, h, w), and `forward_head(maps)` these to the
  logits; `forward` calls both;
- `head` is the module of the last layer, the one that makes classes of features;
- `cam_layer`, optional: the module whose maps Grad-CAM shows, for a network whose last maps have too few
  places to tell a mouth from an eye. Without one it shows what `forward_features` returns.
- `folded()`, optional: in evaluation mode, a network that gives the same with less, for the export, and the arguments
  of its constructor that are others.
"""
