"""Finding what can be known to be wrong with labelled faces: copies, conflicting labels, blank images."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from cascade.terminal import progress_bar
from fer.data.faces import Faces, Split

_Face = tuple[Split, int]
Kind = Literal["blank", "copy within split", "copy across splits", "conflicting labels"]
KINDS: tuple[Kind, ...] = ("blank", "copy within split", "copy across splits", "conflicting labels")


@dataclass(frozen=True)
class Flaw:
    """One thing wrong with one face; a face may have several.

    Attributes:
        kind: what is wrong.
        group: number of the set of equal images it belongs to; 0 for a blank one.
        split, index: which face it is.
    """

    kind: Kind
    group: int
    split: Split
    index: int


def find_flaws(splits: Mapping[Split, Faces], blank_below: float = 2.0) -> list[Flaw]:
    """Find blank images, and images that are equal in every pixel.

    Blank images are equal to each other and mean nothing by that, so they are left out of the copies.

    Args:
        splits: the faces.
        blank_below: an image is blank where the standard deviation of its pixels, in gray levels, is less.

    Returns:
        the flaws, ordered by kind, group, split and index.
    """
    flaws = []
    equal: dict[bytes, list[_Face]] = defaultdict(list)
    for split, faces in splits.items():
        spread = faces.images.flatten(1).float().std(dim=1)
        images = faces.images.numpy()
        with progress_bar() as bar:
            for index in bar.track(range(len(faces)), description=f"Comparing {split}"):
                if spread[index] < blank_below:
                    flaws.append(Flaw("blank", 0, split, index))
                else:
                    equal[hashlib.blake2b(images[index].tobytes(), digest_size=16).digest()].append((split, index))
    groups = [members for members in equal.values() if len(members) > 1]
    for number, members in enumerate(groups, start=1):
        for kind, bearers in _kinds(members, splits):
            flaws += [Flaw(kind, number, split, index) for split, index in bearers]
    return sorted(flaws, key=lambda flaw: (KINDS.index(flaw.kind), flaw.group))


def _kinds(members: list[_Face], splits: Mapping[Split, Faces]) -> Iterable[tuple[Kind, list[_Face]]]:
    """What is wrong with a set of equal images, and which of them bear it."""
    per_split = Counter(split for split, _ in members)
    if within := [face for face in members if per_split[face[0]] > 1]:
        yield "copy within split", within
    if len(per_split) > 1:
        yield "copy across splits", members
    if len({int(splits[split].hard_labels[index]) for split, index in members}) > 1:
        yield "conflicting labels", members
