"""Checking a training before it starts, since the binary would fail hours later or say nothing."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cascade.errors import DataError, ImageError, TrainingError
from cascade.opencv.options import TrainOptions
from cascade.pictures import read_gray
from cascade.samples.lists import binary_suffix, read_background
from cascade.samples.vec import possible_windows, read_vec_header

_HAAR_UPRIGHT = {
    "BASIC": ((2, 1), (1, 2), (3, 1), (1, 3), (2, 2)),
    "CORE": ((2, 1), (1, 2), (3, 1), (1, 3), (2, 2), (4, 1), (1, 4), (3, 3)),
}
_HAAR_TILTED = ((2, 1), (1, 2), (3, 1), (1, 3), (4, 1), (1, 4))


@dataclass
class Preflight:
    """What is known of a training before it starts.

    Attributes:
        samples: samples in the .vec.
        backgrounds: usable background pictures, absolute paths.
        windows: about so many windows of negatives do they hold.
        features: features in a window.
        memory: bytes that the binary's buffers take.
        warnings: what may go wrong.
        errors: what will go wrong.
    """

    samples: int = 0
    backgrounds: list[Path] = field(default_factory=list)
    windows: int = 0
    features: int = 0
    memory: int = 0
    warnings: list[str] = field(default_factory=list)
    errors: list[TrainingError] = field(default_factory=list)


def inspect(
    vec: Path, bg: Path, options: TrainOptions, on_picture: Callable[[int, int], None] | None = None
) -> Preflight:
    """Check vec, negatives, window and memory against each other.

    Args:
        vec: the positives.
        bg: the list of negatives.
        options: the training.
        on_picture: told how many of how many negatives have been looked at.

    Returns:
        The findings; errors are collected, not raised.
    """
    found = Preflight(features=count_features(options))
    _inspect_vec(vec, options, found)
    _inspect_backgrounds(bg, options, found, on_picture)
    _inspect_memory(options, found)
    return found


def _inspect_vec(vec: Path, options: TrainOptions, found: Preflight) -> None:
    if not vec.is_file():
        found.errors.append(TrainingError(f"There is no .vec file at {vec}; make one with python -m cascade.prepare"))
        return
    try:
        header = read_vec_header(vec)
    except DataError as error:
        found.errors.append(TrainingError(str(error)))
        return
    found.samples = header.count
    if header.pixels != options.w * options.h:
        sizes = ", ".join(f"{w}×{h}" for w, h in possible_windows(header.pixels))
        found.errors.append(
            TrainingError(
                f"The samples of {vec} have {header.pixels} pixels, the window is {options.w}×{options.h} = "
                f"{options.w * options.h}. Set options.w and options.h to the size the file was made with "
                f"({sizes or 'unknown'}), or make it anew."
            )
        )
    needed = options.positives_needed
    rule = (
        f"numPos {options.numPos} + {options.numStages - 1} stages × {options.rejectable_per_stage} that "
        "each may reject "
        f"= {needed}"
    )
    if header.count < needed:
        kept = 1 + (options.numStages - 1) * (1 - options.minHitRate)
        found.errors.append(
            TrainingError(
                f"{vec} holds {header.count} samples, the training may need {needed} ({rule}). "
                f"Set options.numPos={max(1, int(0.97 * header.count / kept))} or less, or add positives."
            )
        )
    elif options.numStages > 1 and header.count < (slack := needed + max(1, round(0.02 * options.numPos))):
        found.warnings.append(
            f"{vec} holds {header.count} samples; {rule}, and some slack for samples that no stage was "
            "trained on "
            f"would make {slack}. If the samples run out, lower options.numPos and start again with a new "
            "name."
        )


def _inspect_backgrounds(
    bg: Path, options: TrainOptions, found: Preflight, on_picture: Callable[[int, int], None] | None
) -> None:
    if not bg.is_file():
        found.errors.append(
            TrainingError(f"There is no list of negatives at {bg}; python -m cascade.prepare makes one")
        )
        return
    listed = read_background(bg)
    refused: list[str] = []
    for index, path in enumerate(listed):
        if (reason := _picture_problem(path, options, found)) is None:
            found.backgrounds.append(path)
        else:
            refused.append(f"{path} ({reason})")
        if on_picture is not None:
            on_picture(index + 1, len(listed))
    if not found.backgrounds:
        example = f"; the first: {refused[0]}" if refused else ""
        found.errors.append(
            TrainingError(f"{bg} lists {len(listed)} pictures, and none can be used{example}. Correct the list.")
        )
        return
    if refused:
        found.warnings.append(f"{len(refused)} of {len(listed)} negatives are left out: {'; '.join(refused[:3])}…")
    if found.windows < options.numNeg:
        found.errors.append(
            TrainingError(
                f"The {len(found.backgrounds)} negatives of {bg} hold about {found.windows} windows of "
                f"{options.w}×{options.h}, fewer than numNeg {options.numNeg}: give more or larger "
                "pictures, or "
                f"lower options.numNeg."
            )
        )
        return
    # A stage sees only what the stages before it let through, so the later ones need many more.
    last = options.numNeg / options.maxFalseAlarmRate ** (options.numStages - 1)
    if last > 200 * found.windows:
        found.warnings.append(
            f"The last stage has to find {options.numNeg} false alarms among some {last:.2g} windows; the "
            f"negatives hold about {found.windows:.2g}, each again at shifted positions in further rounds. "
            "Training may end early; more pictures help."
        )


def _picture_problem(path: Path, options: TrainOptions, found: Preflight) -> str | None:
    try:
        if binary_suffix(path) is None:
            return "not JPEG, PNG, BMP or PNM; python -m cascade.prepare converts"
        height, width = read_gray(path).shape
    except OSError as error:
        return str(error.strerror)
    except ImageError:
        return "cannot be decoded"
    if width < options.w or height < options.h:
        return f"{width}×{height} is smaller than the window"
    found.windows += count_windows(width, height, options.w, options.h)
    return None


def _inspect_memory(options: TrainOptions, found: Preflight) -> None:
    found.memory = buffer_bytes(options, found.features)
    available = available_memory()
    megabytes = found.memory / 2**20
    if available is not None and found.memory > available:
        found.errors.append(
            TrainingError(
                f"The buffers need {megabytes:.0f} MB, {available / 2**20:.0f} MB are free. Lower "
                f"options.precalcValBufSize ({options.precalcValBufSize}) and options.precalcIdxBufSize "
                f"({options.precalcIdxBufSize}, taken twice), or numPos and numNeg."
            )
        )
    elif available is not None and found.memory > 0.8 * available:
        found.warnings.append(f"The buffers need {megabytes:.0f} of {available / 2**20:.0f} MB that are free")


def count_windows(width: int, height: int, w: int, h: int) -> int:
    """The windows that one pass of the binary cuts from a picture: half overlapping, scales √2 apart."""
    total = 0
    scale = max(w / width, h / height)
    while scale <= 1:
        columns = max(0, int(scale * width) - w) // max(1, w // 2) + 1
        rows = max(0, int(scale * height) - h) // max(1, h // 2) + 1
        total += columns * rows
        scale *= 2**0.5
    return max(total, 1)


def count_features(options: TrainOptions) -> int:
    """The features that the binary considers in a window (checked against what it prints)."""
    w, h = options.w, options.h
    if options.featureType == "LBP":
        return _upright(w, h, 3, 3)
    if options.featureType == "HOG":
        return 36 * sum(
            len(range(0, w - bw + 1, 4)) * len(range(0, h - bh + 1, 4))
            for cell in range(8, w // 2 + 1, 8)
            for bw, bh in ((2 * cell, 2 * cell), (2 * cell, 4 * cell), (4 * cell, 2 * cell))
        )
    total = sum(_upright(w, h, a, b) for a, b in _HAAR_UPRIGHT["BASIC" if options.mode == "BASIC" else "CORE"])
    if options.mode == "ALL":
        total += sum(_tilted(w, h, a, b) for a, b in _HAAR_TILTED)
    return total


def _upright(w: int, h: int, a: int, b: int) -> int:
    """Positions and sizes of a grid of a × b equal cells in a window of w × h."""
    horizontal = sum(w - a * dx + 1 for dx in range(1, w // a + 1))
    vertical = sum(h - b * dy + 1 for dy in range(1, h // b + 1))
    return horizontal * vertical


def _tilted(w: int, h: int, a: int, b: int) -> int:
    """The same, turned by 45°: its bounding box is a·dx + b·dy on both sides."""
    sizes = (a * dx + b * dy for dx in range(1, w + 1) for dy in range(1, h + 1))
    return sum(max(0, w - size + 1) * max(0, h - size + 1) for size in sizes)


def buffer_bytes(options: TrainOptions, features: int) -> int:
    """Bytes of the binary's large buffers: values, sorted indices (held twice) and integral images."""
    samples = options.numPos + options.numNeg
    index_bytes = 2 if samples < 65536 else 4
    values = min(options.precalcValBufSize * 2**20, 4 * samples * features)
    indices = 0
    if options.featureType == "HAAR":
        indices = 2 * min(options.precalcIdxBufSize * 2**20, index_bytes * samples * features)
    images = {"HAAR": 2, "LBP": 1, "HOG": 10}[options.featureType]
    return values + indices + images * 4 * samples * (options.w + 1) * (options.h + 1)


def available_memory() -> int | None:
    """Bytes of memory that a new process can have without swapping; None where the system does not tell."""
    limits = []
    if sys.platform == "linux":
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                limits.append(int(line.split()[1]) * 1024)
        group, used = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")
        if group.is_file() and used.is_file() and group.read_text().strip().isdigit():
            limits.append(int(group.read_text()) - int(used.read_text()))
    elif hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return min(limits) if limits else None
