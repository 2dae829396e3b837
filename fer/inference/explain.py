"""What the network looked at: a heat map per face. Needs torch, and captum for the methods."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any, Protocol

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
from fer.inference.checkpoint import CheckpointClassifier
from fer.inference.classifier import OnnxClassifier

_SHEET = 192  # pixels, side of an enlarged face


class ReadFace(Protocol):
    """A face whose expression was read."""

    @property
    def box(self) -> Sequence[float] | NDArray[np.float32]:
        """x, y, width, height in pixels."""
        ...

    @property
    def label(self) -> str:
        """The expression, one of the classifier's classes."""
        ...


class Explainer:
    """Heat maps for the classifier's own answer.

    Args:
        classifier: a checkpoint, or an exported model beside which its weights lie as `.ckpt`: the model
            itself has no gradients.

    Raises:
        ModelError: an exported model without its weights.
        ToolsError: captum is not installed.
    """

    def __init__(self, classifier: object) -> None:
        require("explain", "captum")
        from captum.attr import GuidedBackprop, LayerGradCam

        self._loaded = _with_gradients(classifier)
        # captum hooks every ReLU, and an in-place one would overwrite what its hook has to see
        network = self._loaded.network
        for module in network.modules():
            if isinstance(module, nn.ReLU):
                module.inplace = False
        self._cam = LayerGradCam(network, _cam_layer(network))
        self._guided = GuidedBackprop(network)

    def grad_cam(self, faces: NDArray[np.uint8], targets: NDArray[np.int64]) -> NDArray[np.float32]:
        """Where the evidence for a class lies (Selvaraju et al., 2017).

        Args:
            faces: gray, uint8 (N, size, size).
            targets: (N,) the class to explain, per face.

        Returns:
            float32 (N, size, size), 0 to 1; all 0 where nothing speaks for the class.
        """
        pixels = self._input(faces)
        maps = self._cam.attribute(pixels, torch.from_numpy(targets), relu_attributions=True)
        side = faces.shape[1]
        large = nn.functional.interpolate(maps, (side, side), mode="bilinear", align_corners=False)
        return _to_unit(large[:, 0])

    def guided_backpropagation(self, faces: NDArray[np.uint8], targets: NDArray[np.int64]) -> NDArray[np.float32]:
        """Which pixels speak for a class (Springenberg et al., 2015), as in the Mini-Xception paper.

        Returns:
            float32 (N, size, size), 0 to 1: the gradients' magnitude.
        """
        with warnings.catch_warnings():
            # captum announces its hooks each time (captum/attr/_core/guided_backprop_deconvnet.py)
            warnings.filterwarnings("ignore", "Setting backward hooks on ReLU")
            gradients = self._guided.attribute(self._input(faces), torch.from_numpy(targets))
        return _to_unit(gradients[:, 0].abs())

    def draw(self, image: Image, faces: Sequence[ReadFace], crop: Crop) -> Image:
        """Return a picture (BGR) with the Grad-CAM map of every face's label laid over the face."""
        canvas = to_colour(image)
        if faces:
            pixels, targets, squares = self._cut(image, faces, crop)
            for heat, (left, top, side) in zip(self.grad_cam(pixels, targets), squares, strict=True):
                overlay(canvas, heat, int(left), int(top), int(side))
        return canvas

    def sheets(self, image: Image, faces: Sequence[ReadFace], crop: Crop) -> list[Image]:
        """Per face of a picture: the face as the network saw it, its Grad-CAM map, its guided gradients."""
        if not faces:
            return []
        pixels, targets, _ = self._cut(image, faces, crop)
        sheets = []
        maps = zip(pixels, self.grad_cam(pixels, targets), self.guided_backpropagation(pixels, targets), strict=True)
        for face, cam, guided in maps:
            enlarged = cv2.resize(face, (_SHEET, _SHEET), interpolation=cv2.INTER_LINEAR)
            sheet = np.hstack([to_colour(np.asarray(enlarged, np.uint8))] * 3)
            overlay(sheet, cam, _SHEET, 0, _SHEET)
            overlay(sheet, guided, 2 * _SHEET, 0, _SHEET)
            sheets.append(sheet)
        return sheets

    def _cut(
        self, image: Image, faces: Sequence[ReadFace], crop: Crop
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
        boxes = np.array([face.box for face in faces], np.float32)
        classes = self._loaded.preprocessing.classes
        pixels = crop_faces(to_gray(image), boxes, crop, self._loaded.preprocessing)
        targets = np.array([classes.index(face.label) for face in faces], np.int64)
        return pixels, targets, crop.squares(boxes)

    def _input(self, faces: NDArray[np.uint8]) -> Tensor:
        pixels = torch.from_numpy(np.ascontiguousarray(faces)).float()[:, None]
        normalised: Tensor = self._loaded.preprocessing.normalise(pixels)
        return normalised.requires_grad_()


def _with_gradients(classifier: object) -> LoadedNetwork:
    if isinstance(classifier, CheckpointClassifier):
        return classifier.loaded
    if not isinstance(classifier, OnnxClassifier):
        raise ModelError(f"{type(classifier).__name__} has no gradients to explain its answers with")
    weights, info = classifier.path.with_suffix(".ckpt"), classifier.info
    if not weights.is_file():
        raise ModelError(
            f"explain=true needs gradients, which exported models do not have, and {weights} is not there; "
            f"set classifier to a .ckpt file of train.py"
        )
    loaded = load_network(weights)
    if any(getattr(loaded.info, key) != getattr(info, key) for key in ("commit", "epoch", "preprocessing", "network")):
        raise ModelError(f"{weights} is not what {classifier.path.name} was exported from; export it again")
    return loaded


class _Method(nn.Module):
    """A network's method as a layer of it, so that hooks can be put on."""

    def __init__(self, method: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self._method = method

    def forward(self, x: Tensor) -> Tensor:
        """What the method returns."""
        return self._method(x)


def _cam_layer(network: Any) -> nn.Module:
    """The layer that Grad-CAM looks at: see `fer.models`."""
    layer: nn.Module | None = getattr(network, "cam_layer", None)
    if layer is None:
        # beside the registered modules, where it hides the method from `forward`
        layer = vars(network).setdefault("forward_features", _Method(network.forward_features))
    return layer


def _to_unit(maps: Tensor) -> NDArray[np.float32]:
    highest = maps.amax(dim=(1, 2), keepdim=True).clamp_min(1e-12)
    return np.asarray((maps / highest).detach().numpy(), np.float32)


def overlay(image: Image, heat: NDArray[np.float32], left: int, top: int, side: int) -> None:
    """Blend a heat map, float32 (size, size) 0 to 1, into a square of a BGR picture, in place."""
    height, width = image.shape[:2]
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + side, width), min(top + side, height)
    if x0 >= x1 or y0 >= y1:
        return
    large = np.clip(cv2.resize(heat, (side, side), interpolation=cv2.INTER_LINEAR), 0, 1)
    part = np.rint(255 * large[y0 - top : y1 - top, x0 - left : x1 - left]).astype(np.uint8)
    colours = cv2.applyColorMap(part, cv2.COLORMAP_JET).astype(np.float32)
    weight = 0.6 * part[..., None].astype(np.float32) / 255
    region = image[y0:y1, x0:x1]
    region[...] = np.rint((1 - weight) * region + weight * colours).astype(np.uint8)
