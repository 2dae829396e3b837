"""A boosted cascade in the making: its trees and stages, its decision on samples, and its XML."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from xml.etree import ElementTree

import cv2
import numpy as np
import numpy.typing as npt

from cascade.boost import kernels
from cascade.boost.features import Features, Ints, Layout
from cascade.pictures import Image
from cascade.xml import CascadeXml

Floats = npt.NDArray[np.float32]
EPSILON = np.float32(1e-5)
"""By so much OpenCV lowers a stage's threshold when it reads it."""


@dataclass(frozen=True, eq=False)
class Tree:
    """A weak classifier.

    Attributes:
        nodes: (M, 3) int32: a feature, and where a sample goes to the left or right, a node's number or less than 1 for
            a leaf: that of 0, -1, -2 … is the first, second, third one.
        cuts: (M,) float32, values below go left; nothing for LBP features.
        subsets: (M, 8) int32, one bit for each code that goes left; (0, 8) for Haar features.
        leaves: (M + 1,) float32, what the tree says.
    """

    nodes: Ints
    cuts: Floats
    subsets: Ints
    leaves: Floats

    def fits(self, features: int) -> bool:
        """Whether its arrays belong together, its nodes lead further on, and its features are among so many."""
        count = len(self.nodes)
        whole = self.nodes.shape == (count, 3) and len(self.leaves) == count + 1
        whole = whole and len(self.cuts) == count and self.subsets.shape in ((count, 8), (0, 8))
        if not whole or count == 0:
            return False
        feature, ways = self.nodes[:, 0], self.nodes[:, 1:]
        forward = (ways > np.arange(count)[:, None]) & (ways < count)
        return bool(
            ((feature >= 0) & (feature < features)).all() and (forward | ((ways <= 0) & (ways > -count - 1))).all()
        )


@dataclass(frozen=True, eq=False)
class BoostedStage:
    """A stage of a cascade.

    Attributes:
        trees: its weak classifiers.
        threshold: the least sum of what they say of a window that is accepted, a float32, as the file has it.
        goes_on: whether the sum begins with that of the stage before; in the file, which knows nothing of that, such a
            stage repeats the trees of that one.
    """

    trees: tuple[Tree, ...]
    threshold: float
    goes_on: bool = False

    @property
    def accepts_from(self) -> np.float32:
        """The sum from which OpenCV accepts."""
        return np.float32(self.threshold) - EPSILON


class Compiled(NamedTuple):
    """A cascade as `kernels.judge` takes it, for integral images of one layout."""

    inset: Ints  # (4,) the corners of the window less a pixel on each side
    area: float  # its pixels
    points: npt.NDArray[np.uint64]  # (M, 16) of each node's feature
    weights: Ints  # (M, 3) of its rectangles
    turned: npt.NDArray[np.bool_]  # (M,) whether these are
    stages: Ints  # (S + 1,) the first tree of each stage, and their number
    thresholds: npt.NDArray[np.float64]  # (S,) the sums from which stages accept
    goes_on: npt.NDArray[np.bool_]  # (S,) whether the sum begins with that of the stage before
    trees: Ints  # (T + 1,) the first node of each tree, and their number
    nodes: Ints  # (M, 2) where a window goes to the left and right, as in `Tree`, of all trees
    cuts: Floats
    subsets: Ints
    leaves: Floats
    answers: npt.NDArray[np.float64]  # (T, 256) what each tree says of each code, for stumps of LBP features
    simple: bool  # whether all trees are stumps
    haar: bool  # or else LBP


@dataclass(eq=False)
class BoostedModel:
    """A cascade of boosted trees.

    Attributes:
        window: width and height in pixels.
        features: all features of the window, to which the nodes' numbers refer.
        stages: those that are trained.
    """

    window: tuple[int, int]
    features: Features
    stages: list[BoostedStage] = field(default_factory=list)
    _compiled: tuple[tuple[BoostedStage, ...], Features, Compiled] | None = field(default=None, repr=False)

    def trees(self) -> list[Tree]:
        """The trees of all stages."""
        return [tree for stage in self.stages for tree in stage.trees]

    def alone(self, tree: Tree) -> "BoostedModel":
        """A cascade of one tree, which accepts everything: its sum is what the tree says."""
        return BoostedModel(self.window, self.features, [BoostedStage((tree,), -1e9)])

    def used(self) -> npt.NDArray[np.int64]:
        """The numbers of the features that any tree uses, in order."""
        return np.unique(_joined([tree.nodes[:, 0] for tree in self.trees()], (0,), np.int64)).astype(np.int64)

    def compile(self, layout: Layout) -> Compiled:
        """The cascade for integral images that lie so in memory."""
        if self._compiled is None or self._compiled[0] != tuple(self.stages):
            self._compiled = (tuple(self.stages), *self._compile())
        _, features, compiled = self._compiled
        return compiled._replace(inset=inset(self.window, layout), points=features.points(layout).astype(np.uint64))

    def _compile(self) -> tuple[Features, Compiled]:
        """Every node's feature, and the cascade without its points."""
        trees = self.trees()
        nodes = _joined([tree.nodes for tree in trees], (0, 3), np.int32)
        features = self.features[nodes[:, 0]]
        stumps = len(nodes) == len(trees)
        return features, Compiled(
            inset=np.zeros(4, np.int32),
            area=float((self.window[0] - 2) * (self.window[1] - 2)),
            points=np.zeros((0, 16), np.uint64),
            weights=features.weights,
            turned=features.turned,
            stages=_offsets([len(stage.trees) for stage in self.stages]),
            thresholds=np.array([stage.accepts_from for stage in self.stages], np.float64),
            goes_on=np.array([stage.goes_on for stage in self.stages], np.bool_),
            trees=_offsets([len(tree.nodes) for tree in trees]),
            nodes=np.ascontiguousarray(nodes[:, 1:]),
            cuts=_joined([tree.cuts for tree in trees], (0,), np.float32),
            subsets=_joined([tree.subsets for tree in trees], (0, 8), np.int32),
            leaves=_joined([tree.leaves for tree in trees], (0,), np.float32),
            answers=_answers(trees) if features.kind == "LBP" and stumps else np.zeros((0, kernels.CODES)),
            simple=stumps,
            haar=features.kind == "HAAR",
        )

    def judge(self, samples: "Samples") -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """The cascade's decision on samples of the window.

        Returns:
            How many stages accept each, and the sum of the last one that was asked: (N,) both.
        """
        count = len(samples)
        passed, totals = np.zeros(count, np.int64), np.zeros(count)
        if count and self.stages:
            bases = np.arange(count) * samples.images[0].shape[1]
            flat = tuple(image.reshape(-1) for image in samples.images)
            own = self.compile(Layout(self.window[0] + 1))
            scales = samples.scales if self.features.kind == "HAAR" else np.ones(count, np.float32)
            kernels.judge(flat, bases, scales, own, 0, passed, totals)
        return passed, totals

    def xml(self, parameters: dict[str, Any]) -> CascadeXml:
        """The cascade in OpenCV's format; the parameters are the training's, and OpenCV does not read them."""
        used = self.used()
        node = ElementTree.Element("cascade")
        _add(node, stageType="BOOST", featureType=self.features.kind, height=self.window[1], width=self.window[0])
        _add(ElementTree.SubElement(node, "stageParams"), **parameters)
        kept = ElementTree.SubElement(node, "featureParams")
        _add(kept, maxCatCount=256 if self.features.kind == "LBP" else 0, featSize=1)
        _add(node, stageNum=len(self.stages))
        stages = ElementTree.SubElement(node, "stages")
        trees: tuple[Tree, ...] = ()
        for stage in self.stages:
            trees = (*trees, *stage.trees) if stage.goes_on else stage.trees
            entry = ElementTree.SubElement(stages, "_")
            _add(entry, maxWeakCount=len(trees), stageThreshold=_text(stage.threshold))
            weak = ElementTree.SubElement(entry, "weakClassifiers")
            for tree in trees:
                written = ElementTree.SubElement(weak, "_")
                texts = []
                for index, (feature, left, right) in enumerate(tree.nodes):
                    test = tree.subsets[index] if len(tree.subsets) else [_text(tree.cuts[index])]
                    texts.append(" ".join(map(str, (left, right, np.searchsorted(used, feature), *test))))
                _add(written, internalNodes=" ".join(texts), leafValues=" ".join(map(_text, tree.leaves)))
        features = ElementTree.SubElement(node, "features")
        chosen = self.features[used]
        for rects, weights, turned in zip(chosen.rects, chosen.weights, chosen.turned, strict=True):
            entry = ElementTree.SubElement(features, "_")
            if chosen.kind == "LBP":
                _add(entry, rect=" ".join(map(str, rects[0])))
                continue
            listed = ElementTree.SubElement(entry, "rects")
            for rect, weight in zip(rects, weights, strict=True):
                if weight:
                    ElementTree.SubElement(listed, "_").text = " ".join(map(str, (*rect, f"{weight}.")))
            _add(entry, tilted=int(turned))
        ElementTree.indent(node)
        return CascadeXml(node)


class Samples:
    """Integral images of samples of one size.

    Attributes:
        images: three (N, P) int32, upright, of squares, turned by 45°, P = (height + 1) × (width + 1).
        patches: (N, height, width) uint8.
        scales: (N,) float32 that the samples' Haar values are multiplied with; 0 for those without contrast.
    """

    def __init__(self, patches: Image) -> None:
        self.patches = patches
        count, height, width = patches.shape
        self.images = tuple(np.empty((count, (height + 1) * (width + 1)), np.int32) for _ in range(3))
        for index, patch in enumerate(patches):
            for image, made in zip(self.images, integrals(patch), strict=True):
                image[index] = made.reshape(-1)
        corners, area = inset((width, height), Layout(width + 1)), float((width - 2) * (height - 2))
        pairs = zip(self.images[0], self.images[1], strict=True)
        self.scales = np.array([kernels.window_scale(*pair, 0, corners, area) for pair in pairs], np.float32)

    def __len__(self) -> int:
        return len(self.patches)


def integrals(picture: Image, turned: bool = True) -> tuple[Ints, Ints, Ints]:
    """OpenCV's integral images of a picture (H, W): upright, of squares, turned by 45°: (H + 1, W + 1) int32 each.

    The last one takes most of the time; where it is not needed, the first one stands for it.
    """
    whole = cv2.CV_32S
    if not turned:
        made = cv2.integral2(picture, sdepth=whole, sqdepth=whole)
        upright, squares = (np.asarray(image, np.int32) for image in made)
        return upright, squares, upright
    upright, squares, tilted = (
        np.asarray(image, np.int32) for image in cv2.integral3(picture, sdepth=whole, sqdepth=whole)
    )
    return upright, squares, tilted


def laid_out(picture: Image, step: int, turned: bool) -> tuple[tuple[Ints, Ints, Ints], Layout]:
    """A picture's integral images, flat, as they are best for windows in steps of one or two pixels."""
    images = integrals(picture, turned)
    width = images[0].shape[1]
    if step == 1:
        upright, squares, tilted = (image.reshape(-1) for image in images)
        return (upright, squares, tilted), Layout(width)
    half = (width + 1) // 2
    parts = []
    for image in images[: 3 if turned else 2]:
        apart = np.zeros((len(image), 2 * half), np.int32)
        apart[:, :half], apart[:, half : half + width // 2] = image[:, ::2], image[:, 1::2]
        parts.append(apart.reshape(-1))
    return (parts[0], parts[1], parts[-1] if turned else parts[0]), Layout(2 * half, half)


def inset(window: tuple[int, int], layout: Layout) -> Ints:
    """The corners of a window less one pixel on each side, in an integral image."""
    width, height = window
    corners = ((1, 1), (1, width - 1), (height - 1, 1), (height - 1, width - 1))
    return np.array([layout.at(*corner) for corner in corners], np.int32)


def _answers(trees: Sequence[Tree]) -> npt.NDArray[np.float64]:
    """What stumps of LBP features say of each code: (T, 256)."""
    subsets = _joined([tree.subsets for tree in trees], (0, 8), np.int32)
    lefts = np.unpackbits(subsets.astype("<i4").view(np.uint8), axis=1, bitorder="little").astype(np.bool_)
    leaves = np.array([tree.leaves for tree in trees], np.float64).reshape(-1, 2)
    return np.where(lefts, leaves[:, :1], leaves[:, 1:])


def _offsets(lengths: Sequence[int]) -> Ints:
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int32)


def _joined(arrays: Sequence[npt.NDArray[Any]], empty: tuple[int, ...], dtype: type) -> npt.NDArray[Any]:
    return np.concatenate([np.zeros(empty, dtype), *arrays])


def _text(value: float | np.float32) -> str:
    """A float32 in the fewest digits that give the same one again."""
    return str(np.float32(value))


def _add(node: ElementTree.Element, **values: Any) -> None:
    for name, value in values.items():
        ElementTree.SubElement(node, name).text = str(value)
