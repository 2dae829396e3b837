"""A whole preparation: look at the pictures, write the lists, make the .vec files, show them."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import MISSING, OmegaConf
from rich.console import Console
from rich.progress import Progress

from cascade.contact_sheet import contact_sheet
from cascade.detectors.boosted import CascadeDetector
from cascade.errors import ConfigError, DataError
from cascade.files import whole as replacing
from cascade.opencv.createsamples import Distortion, create_distorted_vec, create_vec
from cascade.opencv.tools.find import ToolPaths, Tools
from cascade.opencv.tools.install import ensure_tools
from cascade.pictures import find_pictures, save_picture
from cascade.samples.annotations import read_annotations
from cascade.samples.image_annotations import ImageAnnotations
from cascade.samples.lists import read_background
from cascade.samples.prepare import REPORT_NAME, Prepared, prepare
from cascade.samples.sieve import Sieve, Source
from cascade.samples.variants import Variants, add_variants
from cascade.samples.vec import read_vec, write_vec
from cascade.samples.window import WindowFitter

_MARKER = "prepare.yaml"


@dataclass
class DistortConfig(Distortion):
    """Settings of the `-img` mode.

    Attributes:
        image: the picture that is bent into samples; None does not use this mode.
        num: how many samples.
    """

    image: str | None = None
    num: int = 1000


@dataclass
class PrepareConfig:
    """All settings of `python -m cascade.prepare`.

    Attributes:
        name: names the folder that is made.
        positives: folder of pictures of what is to be found.
        negatives: folder of pictures without it.
        annotations: file (YOLO: folder) with the boxes in the positives; None takes whole pictures.
        annotation_format: opencv, wider, yolo, coco or mit_cmu; None finds out.
        detector: name or XML of a cascade that finds the face in each positive; None does not look.
        w: width of the detector's window in pixels.
        h: height of the detector's window in pixels.
        aspect: for boxes of another aspect than the window's: crop, pad or refuse.
        aspect_tolerance: difference of the aspect that is left to stretching, a share.
        min_std: pictures with a smaller standard deviation of the grays, 0..127, are blank.
        held_out: share set aside for measuring, 0..1.
        seed: decides which pictures those are, and the order of the others.
        num: boxes that go into the .vec file; None takes all.
        variants: further samples made of each box.
        overwrite: replace a folder that was made with other settings.
        distort: making samples from one picture instead.
        tools: OpenCV's binaries.
    """

    name: str = "faces"
    positives: str | None = None
    negatives: str = MISSING
    annotations: str | None = None
    annotation_format: str | None = None
    detector: str | None = None
    w: int = 21
    h: int = 24
    aspect: str = "crop"
    aspect_tolerance: float = 0.05
    min_std: float = 4.0
    held_out: float = 0.1
    seed: int = 0
    num: int | None = None
    variants: Variants = field(default_factory=Variants)
    overwrite: bool = False
    distort: DistortConfig = field(default_factory=DistortConfig)
    tools: ToolPaths = field(default_factory=ToolPaths)

    def __post_init__(self) -> None:
        if self.aspect not in ("crop", "pad", "refuse"):
            raise ConfigError(f"aspect is {self.aspect!r}; it may be crop, pad or refuse")
        if not 0 <= self.held_out < 1:
            raise ConfigError(f"held_out is {self.held_out}; it must be 0 or more and below 1")
        if min(self.w, self.h) < 8:
            raise ConfigError(f"w × h is {self.w}×{self.h}; both must be at least 8 pixels")
        if self.annotations is not None and self.detector is not None:
            raise ConfigError("Give annotations or a detector, not both: either says where the faces are")
        if (self.positives is None and self.annotations is None) == (self.distort.image is None):
            raise ConfigError("Give positives=FOLDER, or distort.image=FILE to make samples from one picture")


def run_preparation(config: PrepareConfig, folder: Path, console: Console) -> None:
    """Prepare samples as configured into a folder, which is replaced as a whole when everything has worked.

    Raises:
        ToolsError: OpenCV's binaries cannot be had.
        DataError: the pictures or annotations cannot be used, or the folder holds something else.
    """
    settings = OmegaConf.to_yaml(OmegaConf.structured(config))
    _check_folder(folder, settings, config.overwrite)
    positives, negatives = _sources(config)
    detector = None if config.detector is None else CascadeDetector(config.detector, min_neighbors=4)
    fitter = WindowFitter(config.w, config.h, config.aspect_tolerance, config.aspect)
    tools = ensure_tools(config.tools.createsamples, config.tools.traincascade, console)
    with replacing(folder) as work:
        with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("looking at the pictures", total=len(positives) + len(negatives))
            prepared = prepare(
                work,
                positives,
                negatives,
                Sieve(fitter, config.min_std, detector),
                held_out=config.held_out,
                seed=config.seed,
                on_picture=lambda done, total: bar.update(task, completed=done, total=total),
            )
        samples = _make_vecs(config, tools, work)
        (work / _MARKER).write_text(settings, encoding="utf-8")
    _say(prepared, samples, config, folder, console)


def _sources(config: PrepareConfig) -> tuple[list[Source], list[Source]]:
    negatives = [Source(path) for path in find_pictures(Path(config.negatives).expanduser())]
    if config.annotations is not None:
        entries = _annotated(Path(config.annotations).expanduser(), config.positives, config.annotation_format)
        return [Source(entry.path, entry) for entry in entries], negatives
    if config.positives is None:
        return [], negatives
    return [Source(path) for path in find_pictures(Path(config.positives).expanduser())], negatives


def _annotated(path: Path, images: str | None, format: str | None) -> list[ImageAnnotations]:
    """Read annotations, whose paths start from the folder of pictures or, failing that, from their own."""
    entries = read_annotations(path, images, format)
    if images is not None and not any(entry.path.is_file() for entry in entries):
        beside = read_annotations(path, None, format)
        if any(entry.path.is_file() for entry in beside):
            return beside
    return entries


def _make_vecs(config: PrepareConfig, tools: Tools, folder: Path) -> int:
    w, h = config.w, config.h
    vec = folder / "positives.vec"
    if config.distort.image is not None:
        image = Path(config.distort.image).expanduser()
        backgrounds = read_background(folder / "bg.txt")
        num = config.distort.num
        create_distorted_vec(tools, image, backgrounds, vec, w=w, h=h, num=num, distortion=config.distort)
    else:
        entries = read_annotations(folder / "positives.dat")
        create_vec(tools, entries, vec, w=w, h=h, num=config.num)
        if config.variants.copies or config.variants.mirror:
            write_vec(vec, add_variants(read_vec(vec, w, h), entries, config.variants, config.seed))
        held_out = folder / "held_out"
        if (held_out / "positives.dat").is_file() and (held_out / "positives.dat").stat().st_size:
            create_vec(tools, read_annotations(held_out / "positives.dat"), held_out / "positives.vec", w=w, h=h)
    samples = read_vec(vec, w, h)
    chosen = np.linspace(0, len(samples) - 1, min(len(samples), 300)).astype(int)
    save_picture(folder / "positives.png", contact_sheet(samples[chosen], columns=20, cell=2 * w))
    return len(samples)


def _check_folder(folder: Path, settings: str, overwrite: bool) -> None:
    if not folder.exists() or not any(folder.iterdir()):
        return
    marker = folder / _MARKER
    if not marker.is_file():
        raise DataError(f"{folder} is not empty, and not made by this command; choose another name=…")
    before, now = (_plain(text) for text in (marker.read_text(encoding="utf-8"), settings))
    changed = [
        f"{key}: {before.get(key)} → {now[key]}"
        for key in now
        if key not in ("overwrite", "tools") and before.get(key) != now[key]
    ]
    if changed and not overwrite:
        raise DataError(
            f"{folder} was prepared with other settings:\n  " + "\n  ".join(changed) + "\n"
            "Choose another name=…, or give overwrite=true to replace it."
        )


def _plain(text: str) -> dict[str, Any]:
    values = OmegaConf.to_container(OmegaConf.create(text))
    assert isinstance(values, dict)
    return {str(key): value for key, value in values.items()}


def _say(prepared: Prepared, samples: int, config: PrepareConfig, folder: Path, console: Console) -> None:
    lines = [
        f"{folder}: {samples} samples of {config.w}×{config.h} in positives.vec, {prepared.negatives} negatives",
        f"held out for measuring: {prepared.held_out_positives} positives, {prepared.held_out_negatives} negatives",
    ]
    lines += [f"  {count} {reason}" for reason, count in sorted(prepared.left_out.items())]
    lines.append(f"what became of each picture: {REPORT_NAME}; a look at the samples: positives.png")
    for line in lines:
        console.print(line, soft_wrap=True, highlight=False)
