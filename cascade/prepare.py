"""Make samples for training: `python -m cascade.prepare positives=FOLDER negatives=FOLDER`."""

import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from hydra.core.config_store import ConfigStore
from msgspec import Meta
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from cascade.command import output_dir, run_command, settings
from cascade.contact_sheet import contact_sheet
from cascade.detectors.boosted import CascadeDetector
from cascade.errors import ConfigError, DataError, OutputError
from cascade.files import whole
from cascade.opencv.distort import Distortion, distort
from cascade.opencv.tools.install import ensure_tools
from cascade.pictures import Image, find_pictures, read_gray, save_picture
from cascade.ranges import FOLDER_NAME, Below, Count, NotNegative, Seed
from cascade.samples.annotations import FORMATS
from cascade.samples.folder import ACCOUNT, reasons, write_folder
from cascade.samples.sieve import Picture, Sieve
from cascade.samples.sources import Source, pair_sources
from cascade.samples.variants import Variants, mix
from cascade.samples.vec import read_vec, write_vec
from cascade.samples.window import Window
from cascade.terminal import progress_bar

Side = Annotated[int, Meta(ge=8, le=512)]
_MARKER = "prepare.yaml"
_MADE = {_MARKER, ACCOUNT, "positives", "negatives", "positives.dat", "ignore.dat", "bg.txt", "positives.vec"}
_MADE |= {"positives.png", "held_out"}


@dataclass
class PrepareConfig:
    """The settings' names and types; what each is, and its default, stands in `configs/cascade/prepare.yaml`."""

    name: Annotated[str, Meta(pattern=FOLDER_NAME)]
    positives: Any  # a path, null, or a list of such; so are the next two
    annotations: Any
    ignore: Any
    annotation_format: Annotated[Any, Literal[FORMATS] | None]
    detector: str | None
    negatives: str
    w: Side
    h: Side
    aspect: Annotated[Any, Literal["crop", "pad", "refuse"]]
    aspect_tolerance: NotNegative
    min_std: NotNegative
    held_out: Below
    seed: Seed
    num: Count | None
    overwrite: bool
    variants: Variants
    distort: Distortion
    tools: dict[str, str | None]

    def __post_init__(self) -> None:
        sources = self.sources()
        if self.detector is not None and sources and all(source.annotations for source in sources):
            raise ConfigError("Give annotations or a detector, not both: either says where the faces are")
        if bool(sources) == (self.distort.image is not None):
            raise ConfigError("Give positives=FOLDER, or distort.image=FILE to make samples from one picture")

    def sources(self) -> list[Source]:
        """Where positives come from."""
        return pair_sources(self.positives, self.annotations, self.ignore)


ConfigStore.instance().store(name="prepare_schema", node=PrepareConfig)


def prepare(config: PrepareConfig, folder: Path, console: Console) -> None:
    """Prepare samples as configured into a folder, which is replaced as a whole when everything has worked.

    Raises:
        DataError: the pictures or annotations cannot be used.
        OutputError: the folder holds something else.
        ToolsError: samples are made by distortion, and OpenCV's binaries cannot be had.
    """
    if config.distort.image is not None:
        read_gray(config.distort.image)  # or an error, before tools are fetched for it
    marker = OmegaConf.to_yaml(OmegaConf.structured(config))
    _check_folder(folder, marker, config.overwrite)
    given = [picture for source in config.sources() for picture in source.pictures(config.annotation_format)]
    given += [Picture("negative", path) for path in find_pictures(Path(config.negatives).expanduser())]
    detector = None if config.detector is None else CascadeDetector(config.detector, min_neighbors=4)
    window = Window(config.w, config.h, config.aspect, config.aspect_tolerance)
    with whole(folder) as work:
        scratch = work / "scratch"
        scratch.mkdir(parents=True)
        sieve = Sieve(window, config.variants, config.seed, config.min_std, detector, scratch)
        with progress_bar(console) as bar:
            pictures = list(bar.track(sieve.sift(given), len(given), description="looking at the pictures"))
        chosen = write_folder(work, pictures, config.held_out, config.seed)
        shutil.rmtree(scratch)
        samples = _write_samples(work, chosen, config, console)
        shown = samples[np.linspace(0, len(samples) - 1, min(len(samples), 300)).astype(int)]
        save_picture(work / "positives.png", contact_sheet(shown, columns=20, cell=2 * config.w))
        (work / _MARKER).write_text(marker, encoding="utf-8")
    counts: Counter[tuple[str, str]] = Counter()
    for picture in chosen:
        counts[picture.role, picture.split] += len(picture.boxes) or 1
    ignored = sum(len(picture.ignored) for picture in chosen)
    lines = (
        f"{folder}: {len(samples)} samples of {config.w}×{config.h} in positives.vec, "
        f"{counts['negative', 'train']} negatives",
        f"held out for measuring: {counts['positive', 'held_out']} positives, "
        f"{counts['negative', 'held_out']} negatives",
        *([f"neither positives nor negatives: {ignored} regions"] if ignored else []),
        *(f"  {count} {role}: {reason}" for (role, reason), count in sorted(reasons(pictures).items())),
        f"what became of each picture: {ACCOUNT}; a look at the samples: positives.png",
    )
    console.print(*lines, sep="\n", soft_wrap=True, highlight=False)


def _check_folder(folder: Path, marker: str, overwrite: bool) -> None:
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not (folder / _MARKER).is_file():
        raise OutputError(f"{folder} is not empty, and not made by this command; choose another name=…")
    if strange := sorted(entry.name for entry in folder.iterdir() if entry.name not in _MADE):
        raise OutputError(
            f"{folder} holds {strange[0]}, which this command did not make and would remove; move it, or choose "
            f"another name=…"
        )
    try:
        before = OmegaConf.load(folder / _MARKER)
    except Exception as error:  # what bytes lead a reader of YAML to is anybody's guess
        raise OutputError(f"{folder / _MARKER} cannot be read ({error}); choose another name=…") from error
    if not isinstance(before, DictConfig):
        raise OutputError(f"{folder / _MARKER} is damaged: it holds no settings; choose another name=…")
    now: Any = OmegaConf.create(marker)
    watched = [key for key in now if key not in ("overwrite", "tools")]
    changed = [f"{key}: {before.get(key)} → {now[key]}" for key in watched if before.get(key) != now[key]]
    if changed and not overwrite:
        raise OutputError(
            f"{folder} was prepared with other settings:\n  " + "\n  ".join(changed) + "\n"
            "Choose another name=…, or give overwrite=true to replace it."
        )


def _write_samples(folder: Path, chosen: list[Picture], config: PrepareConfig, console: Console) -> Image:
    """Write the .vec files; returns the samples to train on, (N, h, w)."""
    vec = folder / "positives.vec"
    if config.distort.image is not None:
        tools = ensure_tools(**config.tools, console=console)
        distort(tools, config.distort, folder / "bg.txt", vec, w=config.w, h=config.h)
        return read_vec(vec, config.w, config.h)
    cut = {
        split: [picture.samples for picture in chosen if picture.split == split and picture.samples is not None]
        for split in ("train", "held_out")
    }
    boxes = np.concatenate(cut["train"])
    num = len(boxes) if config.num is None else config.num
    if not 0 < num <= len(boxes):
        raise DataError(f"num is {num}, and there are {len(boxes)} boxes to train on: it must be 1 to {len(boxes)}")
    samples = mix(boxes[:num], config.variants.mirror, config.seed)
    write_vec(vec, samples)
    if cut["held_out"]:
        write_vec(folder / "held_out" / "positives.vec", np.concatenate(cut["held_out"])[:, 0])
    return samples


def main() -> None:
    """Run the command."""
    run_command(lambda config: prepare(settings(config, PrepareConfig), output_dir(), Console()), "prepare", "cascade")


if __name__ == "__main__":
    main()
