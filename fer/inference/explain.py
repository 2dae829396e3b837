"""What the network looked at: a heat map per face. Needs torch, and captum for the methods."""

import warnings
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cascade.command import require
from cascade.errors import ModelError
from cascade.pictures import Image, to_colour, to_gray
from fer.checkpoint import LoadedNetwork, load_network
from fer.crop import Crop, crop_faces
from fer.inference.classifier import CheckpointClassifier, Classifier
from fer.preprocessing import resize_face

_SHEET = 192  # pixels, side of an enlarged face


class Explainer:
    """Heat maps of what speaks for a class, in the eyes of a classifier.

    The methods take gray faces, uint8 (N, size, size), and the class to explain of each, (N,); they return
    maps, float32 (N, size, size), 0 to 1.

    Args:
        classifier: a checkpoint, or an exported model beside which its weights lie as `.ckpt`: the model
            itself has no gradients.

    Raises:
        ModelError: an exported model without its weights.
        ToolsError: captum is not installed.
    """

    def __init__(self, classifier: Classifier) -> None:
        require("explain", "captum")
        from captum.attr import GuidedBackprop, LayerGradCam

        loaded = _with_gradients(classifier)
        self._preprocessing = loaded.preprocessing
        # captum hooks every ReLU, and an in-place one would overwrite what its hook has to see
        for module in loaded.network.modules():
            if isinstance(module, nn.ReLU):
                module.inplace = False
        self._cam = LayerGradCam(loaded.network, _cam_layer(loaded.network))
        self._guided = GuidedBackprop(loaded.network)

    def grad_cam(self, faces: NDArray[np.uint8], targets: NDArray[np.int64]) -> NDArray[np.float32]:
        """Where the evidence for a class lies (Selvaraju et al., 2017); all 0 where nothing speaks for it."""
        maps = self._cam.attribute(self._input(faces), torch.from_numpy(targets), relu_attributions=True)
        side = faces.shape[1]
        return _to_unit(nn.functional.interpolate(maps, (side, side), mode="bilinear", align_corners=False))

    def guided_backpropagation(self, faces: NDArray[np.uint8], targets: NDArray[np.int64]) -> NDArray[np.float32]:
        """The gradients' magnitude per pixel (Springenberg et al., 2015), as in the Mini-Xception paper."""
        # captum announces its hooks each time (captum/attr/_core/guided_backprop_deconvnet.py)
        with warnings.catch_warnings(action="ignore", category=UserWarning):
            return _to_unit(self._guided.attribute(self._input(faces), torch.from_numpy(targets)).abs())

    def draw(self, image: Image, faces: Sequence[Any], crop: Crop) -> Image:
        """A BGR copy of a gray or BGR picture with the Grad-CAM map of every face's label laid over the face.

        The faces have a `box`, (x, y, width, height), and a `label`; the crop is what the network saw of the box.
        """
        canvas = to_colour(image)
        if faces:
            squares = crop.squares(np.array([face.box for face in faces], np.float32))
            for heat, square in zip(self.grad_cam(*self._cut(image, faces, crop)), squares.tolist(), strict=True):
                overlay(canvas, heat, *square)
        return canvas

    def sheets(self, image: Image, faces: Sequence[Any], crop: Crop) -> list[Image]:
        """Per face, see `draw`: the face as the network saw it, its Grad-CAM map, its guided gradients."""
        if not faces:
            return []
        sheets = []
        pixels, targets = self._cut(image, faces, crop)
        maps = self.grad_cam(pixels, targets), self.guided_backpropagation(pixels, targets)
        for face, cam, guided in zip(pixels, *maps, strict=True):
            sheet = to_colour(np.hstack([resize_face(face, _SHEET)] * 3))
            overlay(sheet, cam, _SHEET, 0, _SHEET)
            overlay(sheet, guided, 2 * _SHEET, 0, _SHEET)
            sheets.append(sheet)
        return sheets

    def _cut(self, image: Image, faces: Sequence[Any], crop: Crop) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """What the network saw of the faces, and their labels as indices."""
        boxes = np.array([face.box for face in faces], np.float32)
        targets = np.array([self._preprocessing.classes.index(face.label) for face in faces], np.int64)
        return crop_faces(to_gray(image), boxes, crop, self._preprocessing), targets

    def _input(self, faces: NDArray[np.uint8]) -> Tensor:
        pixels = torch.from_numpy(np.ascontiguousarray(faces)).float()[:, None]
        return torch.as_tensor(self._preprocessing.normalise(pixels)).requires_grad_()


def _with_gradients(classifier: Classifier) -> LoadedNetwork:
    if isinstance(classifier, CheckpointClassifier):
        return classifier.loaded
    weights, info = classifier.path.with_suffix(".ckpt"), classifier.info
    if not weights.is_file():
        raise ModelError(f"{weights} is not there, which explain=true needs; set classifier to a .ckpt of train.py")
    loaded = load_network(weights)
    same = ("preprocessing", "network", "commit", "epoch")  # the export may change the rest
    if any(getattr(loaded.info, name) != getattr(info, name) for name in same):
        raise ModelError(f"{weights} is not what {classifier.path.name} was exported from; export it again")
    return loaded


def _cam_layer(network: Any) -> nn.Module:
    """The layer that Grad-CAM looks at: see `fer.models`."""
    layer: nn.Module = getattr(network, "cam_layer", nn.Identity())
    if not hasattr(network, "cam_layer"):  # a layer that the features pass through, so that hooks can be put on
        features = network.forward_features
        network.forward_features = lambda faces: layer(features(faces))
    return layer


def _to_unit(maps: Tensor) -> NDArray[np.float32]:
    """Maps (N, 1, H, W), 0 or above, as (N, H, W) with 1 for the highest value of each."""
    highest = maps.amax(dim=(2, 3), keepdim=True).clamp_min(1e-12)
    return np.asarray((maps / highest)[:, 0].detach().numpy(), np.float32)


def overlay(image: Image, heat: NDArray[np.float32], left: int, top: int, side: int) -> None:
    """Blend a heat map, float32 (size, size) 0 to 1, into a square of a BGR picture, in place."""
    x, y = max(left, 0), max(top, 0)
    region = image[y : max(top + side, 0), x : max(left + side, 0)]
    if not region.size:
        return
    large = cv2.resize(heat, (side, side), interpolation=cv2.INTER_LINEAR)[y - top :, x - left :]
    part = np.rint(255 * large[: region.shape[0], : region.shape[1]]).astype(np.uint8)
    weight = 0.6 * part[..., None].astype(np.float32) / 255
    region[...] = np.rint((1 - weight) * region + weight * cv2.applyColorMap(part, cv2.COLORMAP_JET)).astype(np.uint8)
