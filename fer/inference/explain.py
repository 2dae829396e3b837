"""What the network looked at: a heat map per face. Needs torch, and captum for the methods."""

import warnings
from collections.abc import Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cascade.errors import ModelError
from cascade.pictures import Image
from fer.checkpoint import LoadedNetwork, load_network
from fer.inference.checkpoint import CheckpointClassifier
from fer.inference.classifier import OnnxClassifier
from fer.inference.crop import Crop, crop_faces, to_gray
from fer.inference.faces import Face

_SHEET = 192  # pixels, side of an enlarged face


class Explainer:
    """Heat maps for the classifier's own answer.

    Args:
        classifier: a checkpoint, or an exported model beside which its weights lie as `.ckpt`: the model
            itself has no gradients.

    Raises:
        ModelError: an exported model without its weights, or captum is not installed.
    """

    def __init__(self, classifier: object) -> None:
        try:
            from captum.attr import GuidedBackprop, LayerGradCam
        except ImportError as error:
            raise ModelError('explain=true needs captum: pip install "fer-cascade[explain]"') from error
        self._loaded = _with_gradients(classifier)
        # captum hooks every ReLU, and an in-place one would overwrite what its hook has to see
        for module in self._loaded.network.modules():
            if isinstance(module, nn.ReLU):
                module.inplace = False
        self._cam = LayerGradCam(self._loaded.network, _last_map(self._loaded.network))
        self._guided = GuidedBackprop(self._loaded.network)

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

    def draw(self, image: Image, faces: Sequence[Face], crop: Crop) -> Image:
        """Return a picture (BGR) with the Grad-CAM map of every face's label laid over the face."""
        canvas = np.array(image if image.ndim == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)
        if faces:
            pixels, targets, squares = self._cut(image, faces, crop)
            for heat, (left, top, side) in zip(self.grad_cam(pixels, targets), squares, strict=True):
                overlay(canvas, heat, int(left), int(top), int(side))
        return canvas

    def sheets(self, image: Image, faces: Sequence[Face], crop: Crop) -> list[Image]:
        """Per face of a picture: the face as the network saw it, its Grad-CAM map, its guided gradients."""
        if not faces:
            return []
        pixels, targets, _ = self._cut(image, faces, crop)
        sheets = []
        maps = zip(pixels, self.grad_cam(pixels, targets), self.guided_backpropagation(pixels, targets), strict=True)
        for face, cam, guided in maps:
            enlarged = cv2.resize(face, (_SHEET, _SHEET), interpolation=cv2.INTER_LINEAR)
            plain = np.asarray(cv2.cvtColor(enlarged, cv2.COLOR_GRAY2BGR), np.uint8)
            panels = [plain, plain.copy(), plain.copy()]
            overlay(panels[1], cam, 0, 0, _SHEET)
            overlay(panels[2], guided, 0, 0, _SHEET)
            sheets.append(np.hstack(panels))
        return sheets

    def _cut(
        self, image: Image, faces: Sequence[Face], crop: Crop
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
    if (loaded.commit, loaded.epoch + 1, loaded.preprocessing) != (info.commit, info.epoch, info.preprocessing):
        raise ModelError(f"{weights} is not what {classifier.path.name} was exported from; export it again")
    return loaded


def _last_map(network: nn.Module) -> nn.Module:
    """The last layer whose map tells places apart: the last stage but one before the head.

    Mini-Xception's last stage has 3×3 places at 48×48 pixels, the one before it 6×6.
    """
    parts = list(network.children())
    if len(parts) < 2:
        raise ModelError(f"{type(network).__name__} has no layer before its head to look at")
    stages = list(parts[-2].children())
    return stages[-2] if len(stages) > 1 else parts[-2]


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
