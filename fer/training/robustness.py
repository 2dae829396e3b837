"""Accuracy under conditions that are made worse step by step, by groups, and how probabilities agree with it."""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from hydra.utils import instantiate
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray
from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table
from torch import Tensor

from cascade.errors import ConfigError, DataError
from cascade.files import write_whole
from cascade.pictures import Image, save_picture
from fer.checkpoint import LoadedNetwork
from fer.data.faces import Faces
from fer.data.loader import EpochBatches, FaceLoader
from fer.data.module import FaceDataModule, resized
from fer.data.strict_csv import open_csv
from fer.training.details import calibration_error, fit_temperature
from fer.training.evaluate import load_judged, predict_logits
from fer.training.plots import pixels

log = logging.getLogger(__name__)

Dice = np.random.Generator
Worsen = Callable[[Image, float, Dice], Image]
"""Makes one gray face, uint8 (H, W), worse to a degree; random directions come from the dice."""


def blurred(face: Image, sigma: float, dice: Dice) -> Image:
    """Out of focus: a Gaussian of so many 48ths of the face's width."""
    return np.asarray(cv2.GaussianBlur(face, (0, 0), sigma * face.shape[1] / 48), np.uint8)


def noisy(face: Image, sigma: float, dice: Dice) -> Image:
    """Grainy: Gaussian noise of so many gray levels."""
    return np.asarray(np.clip(np.rint(face + dice.normal(0, sigma, face.shape)), 0, 255), np.uint8)


def lit(face: Image, factor: float, dice: Dice) -> Image:
    """Darker or lighter by a factor; what is lighter than white is white."""
    return np.asarray(np.clip(np.rint(face * factor), 0, 255), np.uint8)


def compressed(face: Image, quality: float, dice: Dice) -> Image:
    """JPEG of a quality of 1 to 100."""
    _, data = cv2.imencode(".jpg", face, [cv2.IMWRITE_JPEG_QUALITY, round(quality)])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)


def turned(face: Image, degrees: float, dice: Dice) -> Image:
    """Rotated by so many degrees, to either side."""
    height, width = face.shape
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees * dice.choice((-1, 1)), 1)
    return _moved(face, matrix)


def small(face: Image, side: float, dice: Dice) -> Image:
    """As a camera sees it that has so many pixels for its width."""
    reduced = cv2.resize(face, (round(side), round(side)), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(reduced, face.shape[::-1], interpolation=cv2.INTER_LINEAR), np.uint8)


def shifted(face: Image, share: float, dice: Dice) -> Image:
    """Cut out beside its place, by a share of its width, in any direction."""
    angle = dice.uniform(0, 2 * np.pi)
    x, y = share * face.shape[1] * np.cos(angle), share * face.shape[0] * np.sin(angle)
    return _moved(face, np.array([[1, 0, x], [0, 1, y]]))


def _moved(face: Image, matrix: Any) -> Image:
    height, width = face.shape
    return np.asarray(cv2.warpAffine(face, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE), np.uint8)


CONDITIONS: Mapping[str, tuple[Worsen, str, tuple[float, ...]]] = {
    "blur": (blurred, "pixels of 48", (0.5, 1, 1.5, 2, 3)),
    "noise": (noisy, "gray levels", (5, 10, 20, 40)),
    "darkness": (lit, "of the light", (0.7, 0.5, 0.3, 0.15)),
    "glare": (lit, "of the light", (1.3, 1.6, 2, 2.5)),
    "JPEG": (compressed, "quality", (80, 50, 30, 10)),
    "rotation": (turned, "degrees", (5, 10, 20, 30, 45)),
    "few pixels": (small, "of the face's width", (36, 24, 16, 12)),
    "shifted crop": (shifted, "of the width", (0.03, 0.06, 0.1, 0.15)),
}
"""What is made worse, how, in what unit, and to what degrees, the worst last."""


def measure_configured(config: DictConfig, folder: Path) -> None:
    """Measure as `configs/robustness.yaml` says.

    Raises:
        ConfigError: there is no such split, or the data has other classes than the model.
        DataError: the groups cannot be read, or are about other faces.
        ModelError: the checkpoint cannot be used.
    """
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    _, loaded = load_judged(config.ckpt_path)
    config.data.image_size = loaded.preprocessing.size
    data: FaceDataModule = instantiate(config.data)
    data.judge_by(loaded.preprocessing)
    if config.split not in data.splits:
        raise ConfigError(f"split={config.split}: the data has none of that name")
    faces = data.splits[config.split]
    if config.faces is not None and config.faces < len(faces):
        chosen = np.random.default_rng(config.seed).choice(len(faces), config.faces, replace=False)
        faces = faces[torch.from_numpy(np.sort(chosen))]
    groups = None if config.groups is None else read_groups(Path(config.groups).expanduser(), faces)

    logits, labels = _logits(loaded, faces)
    accuracies = worsened(loaded, faces, config.seed)
    temperature = fit_temperature(logits, labels)
    plain, softened = (calibration_error(logits / divisor, labels) for divisor in (1.0, temperature))
    found: dict[str, Any] = {
        "checkpoint": str(config.ckpt_path),
        "split": config.split,
        "faces": len(faces),
        "accuracy": _share(logits, labels),
        "conditions": accuracies,
        "calibration": {"ece": plain, "temperature": temperature, "ece_with_it": softened},
    }
    if groups is not None:
        hits = (logits.argmax(dim=1) == labels).numpy()
        found["groups"] = {
            name: {"faces": len(places), "accuracy": float(hits[places].mean())} for name, places in groups.items()
        }
    write_whole(folder / "robustness.json", json.dumps(found, indent=2) + "\n")
    save_picture(folder / "robustness.png", pixels(_conditions_figure(found))[..., ::-1].copy())
    figure = _reliability_figure(logits, labels, temperature)
    save_picture(folder / "reliability.png", pixels(figure)[..., ::-1].copy())
    _print(found, folder)


def worsened(loaded: LoadedNetwork, faces: Faces, seed: int) -> dict[str, list[dict[str, float]]]:
    """The accuracy under each condition of `CONDITIONS`, to each degree."""
    found: dict[str, list[dict[str, float]]] = {}
    for name, (worsen, _, degrees) in CONDITIONS.items():
        found[name] = []
        for degree in degrees:
            dice = np.random.default_rng(seed)
            images = [worsen(image, degree, dice) for image in faces.images[:, 0].numpy()]
            worse = replace(faces, images=torch.from_numpy(np.stack(images)[:, None]))
            found[name].append({"degree": degree, "accuracy": _share(*_logits(loaded, worse))})
        log.info("%s: %s", name, ", ".join(f"{one['degree']:g} {one['accuracy']:.1%}" for one in found[name]))
    return found


def read_groups(path: Path, faces: Faces) -> dict[str, NDArray[np.int64]]:
    """The places of the faces of each group, by the group's name; faces that the table does not name are in none.

    Raises:
        DataError: it cannot be read, or names none of the faces.
    """
    if not path.is_file():
        raise DataError(f"no table of groups at {path.absolute()}")
    if faces.names is None:
        raise DataError("these faces have no names that a table of groups could use")
    places = {name: place for place, name in enumerate(faces.names)}
    groups: dict[str, list[int]] = {}
    with open_csv(path, ("face", "group")) as rows:
        for face, group in rows:
            if face in places:
                groups.setdefault(group, []).append(places[face])
    if not groups:
        raise DataError(f"{path} names none of the {len(faces)} faces, which are called as {faces.names[0]!r}")
    return {name: np.unique(members) for name, members in sorted(groups.items())}


def _logits(loaded: LoadedNetwork, faces: Faces) -> tuple[Tensor, Tensor]:
    sized = replace(faces, images=resized(faces.images, loaded.preprocessing.size))
    loader = FaceLoader(sized, EpochBatches(len(sized), 256, shuffle=False))
    return predict_logits(loaded.network, loader, loaded.preprocessing)


def _share(logits: Tensor, labels: Tensor) -> float:
    return float((logits.argmax(dim=1) == labels).float().mean())


def _conditions_figure(found: Mapping[str, Any]) -> Figure:
    figure = Figure(figsize=(11, 5.5), layout="constrained")
    grid = figure.subplots(2, 4, sharey=True)
    for axes, (name, measured) in zip(grid.flat, found["conditions"].items(), strict=True):
        shown = ["as it is", *(f"{one['degree']:g}" for one in measured)]
        axes.plot(shown, [found["accuracy"], *(one["accuracy"] for one in measured)], marker="o")
        axes.set(title=name, xlabel=CONDITIONS[name][1], ylim=(0, 1))
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.grid(alpha=0.3)
    return figure


def _reliability_figure(logits: Tensor, labels: Tensor, temperature: float) -> Figure:
    figure = Figure(figsize=(5.2, 5), layout="constrained")
    axes = figure.add_subplot(xlabel="probability of the label", ylabel="share that is right", xlim=(0, 1), ylim=(0, 1))
    axes.plot([0, 1], [0, 1], color="gray", linewidth=1)
    for divisor, name in ((1.0, "as it is"), (temperature, f"with temperature {temperature:.2f}")):
        shares, best = (logits / divisor).softmax(dim=1).max(dim=1)
        bins = (shares * 10).long().clamp(max=9)
        hits = (best == labels).float()
        filled = [one for one in range(10) if (bins == one).sum() >= 5]
        points = [(float(shares[bins == one].mean()), float(hits[bins == one].mean())) for one in filled]
        axes.plot(*zip(*points, strict=True) if points else ([], []), marker="o", label=name)
    axes.legend()
    axes.grid(alpha=0.3)
    return figure


def _print(found: Mapping[str, Any], folder: Path) -> None:
    console = Console(soft_wrap=True, highlight=False, markup=False)
    table = Table("", title=f"{found['faces']:,} faces, {found['accuracy']:.2%} as they are", title_justify="left")
    for number in range(1, 1 + max(len(measured) for measured in found["conditions"].values())):
        table.add_column(f"degree {number}", justify="right")
    for name, measured in found["conditions"].items():
        cells = (f"{one['degree']:g}: {one['accuracy']:.1%}" for one in measured)
        table.add_row(f"{name}, {CONDITIONS[name][1]}", *cells)
    console.print(table)
    for name, group in found.get("groups", {}).items():
        console.print(f"group {name}: {group['accuracy']:.2%} of {group['faces']:,} faces")
    calibration = found["calibration"]
    console.print(
        f"calibration error {calibration['ece']:.4f}, {calibration['ece_with_it']:.4f} with the temperature "
        f"{calibration['temperature']:.2f} that fits these faces best"
    )
    console.print(f"robustness.json, robustness.png and reliability.png in {folder}")
