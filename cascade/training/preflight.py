"""Checking the inputs of a training before it starts, since a trainer would fail hours later or say nothing.

Each thing that can be wrong with a file has one function and one wording; a trainer that fails asks the same ones.
"""

from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from cascade.errors import DataError, ImageError
from cascade.pictures import read_gray
from cascade.samples.annotations import read_objects
from cascade.samples.folder import read_sizes
from cascade.samples.lists import binary_suffix, read_background
from cascade.samples.vec import possible_windows, read_vec_header
from cascade.training.trainer import Findings, Inputs


def inspect(inputs: Inputs, uses: Collection[str], track: Callable[[list[Path]], Iterable[Path]] = iter) -> Findings:
    """Check positives and negatives against the detector's window, and fill in what they hold.

    Args:
        inputs: those of which only files and window are known yet.
        uses: what the trainer takes of the positives; only that is looked at.
        track: goes through the negatives, as a progress bar's does.

    Returns:
        What is wrong with them.
    """
    bg, window = inputs.bg, inputs.window
    inputs.samples, problem = _samples(inputs) if "vec" in uses else _boxes(inputs)
    found = Findings([text for text in (problem, list_problem(bg)) if text is not None])
    listed = read_background(bg) if bg.is_file() else []
    sizes = read_sizes(bg)  # of a prepared folder, whose pictures need not be decoded again
    refused: list[str] = []
    for path in track(listed):
        try:
            inputs.windows += _windows_of(path, window, sizes.get(path))
            inputs.negatives.append(path)
        except ImageError as error:
            refused.append(str(error))
    if bg.is_file() and not inputs.negatives:
        found.errors.append(unusable_negatives(bg, window))
    if refused:
        found.warnings.append(f"{len(refused)} of {len(listed)} negatives are left out: {'; '.join(refused[:3])}…")
    return found


def vec_problem(vec: Path, window: tuple[int, int]) -> str | None:
    """Why a .vec file cannot be used for a window; None when it can."""
    if not vec.is_file():
        return f"There is no .vec file at {vec}; make one with python -m cascade.prepare."
    try:
        header = read_vec_header(vec)
    except DataError as error:
        return str(error)
    if header.count == 0:
        return f"{vec} holds no samples."
    if header.pixels == window[0] * window[1]:
        return None
    sizes = ", ".join(f"{w}×{h}" for w, h in possible_windows(header.pixels))
    return (
        f"The samples of {vec} have {header.pixels} pixels, the window is {window[0]}×{window[1]} = "
        f"{window[0] * window[1]}. Set options.w and options.h to the size the file was made with "
        f"({sizes or 'unknown'}), or make it anew."
    )


def list_problem(bg: Path) -> str | None:
    """Why there are no negatives; None when their list is there."""
    return None if bg.is_file() else f"There is no list of negatives at {bg}; python -m cascade.prepare makes one."


def unusable_negatives(bg: Path, window: tuple[int, int]) -> str:
    """What to say when a list has not one picture that a window can be cut from."""
    return f"No picture that {bg} lists can be used: are they there, and no smaller than {window[0]}×{window[1]}?"


def not_writable(folder: Path, reason: object) -> str:
    """What to say when a training's results cannot be saved."""
    return f"Nothing can be written to {folder} ({reason}): check its permissions and the disk."


def count_windows(width: int, height: int, w: int, h: int) -> int:
    """The windows w × h that one pass over a picture cuts: half overlapping, scales √2 apart."""
    total = 0
    scale = max(w / width, h / height)
    while scale <= 1:
        columns = max(0, int(scale * width) - w) // max(1, w // 2) + 1
        rows = max(0, int(scale * height) - h) // max(1, h // 2) + 1
        total += columns * rows
        scale *= 2**0.5
    return max(total, 1)


def _samples(inputs: Inputs) -> tuple[int, str | None]:
    """The samples in the .vec, or why it cannot be used."""
    problem = vec_problem(inputs.vec, inputs.window)
    return (0, problem) if problem else (read_vec_header(inputs.vec).count, None)


def _boxes(inputs: Inputs) -> tuple[int, str | None]:
    """The boxes in the positives' pictures, or why these cannot be used."""
    if inputs.pictures is None:
        return 0, (
            "There is no list of pictures with boxes, which this trainer learns from: give samples=FOLDER, made by "
            "python -m cascade.prepare, and no vec=FILE."
        )
    try:
        count = sum(int((~entry.ignore).sum()) for entry in read_objects(inputs.pictures, inputs.ignore))
    except DataError as error:
        return 0, str(error)
    return count, None if count else f"{inputs.pictures} lists no boxes."


def _windows_of(path: Path, window: tuple[int, int], size: tuple[int, int] | None) -> int:
    """The windows in a negative, whose size may be known; an ImageError says why it cannot be used."""
    try:
        if binary_suffix(path) is None:
            raise ImageError(f"{path} is not JPEG, PNG, BMP or PNM; python -m cascade.prepare converts")
    except OSError as error:
        raise ImageError(f"{path}: {error.strerror}") from error
    width, height = size or read_gray(path).shape[::-1]
    if width < window[0] or height < window[1]:
        raise ImageError(f"{path} of {width}×{height} is smaller than the window")
    return count_windows(width, height, *window)
