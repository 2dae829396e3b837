"""Where positives come from: folders, each with what is known of its pictures."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cascade.errors import ConfigError
from cascade.pictures import find_pictures
from cascade.samples.annotations import add_regions, read_annotations
from cascade.samples.image_annotations import ImageAnnotations
from cascade.samples.sieve import Picture


@dataclass(frozen=True)
class Source:
    """One source of positives.

    Attributes:
        folder: of the pictures; None: the annotations tell where they are.
        annotations: boxes in the pictures, see `read_annotations`; None: nothing is known of them.
        ignore: OpenCV's info list of regions in the annotated pictures that are neither positives nor negatives.
    """

    folder: str | None
    annotations: str | None
    ignore: str | None

    def __post_init__(self) -> None:
        if self.folder is None and self.annotations is None:
            raise ConfigError("A source of positives has neither a folder nor annotations")
        if self.ignore is not None and self.annotations is None:
            raise ConfigError(f"ignore={self.ignore} needs annotations of the same pictures")

    def pictures(self, format: str | None) -> list[Picture]:
        """The positives, yet to be looked at; the format is that of the annotations, None finds out.

        Raises:
            DataError: no pictures, or lists that cannot be used.
        """
        if self.annotations is None:
            return [Picture("positive", path) for path in find_pictures(Path(self.folder or "").expanduser())]
        entries = self._listed(self.annotations, format)
        if self.ignore is not None:
            entries = add_regions(entries, self._listed(self.ignore, "opencv"), self.ignore)
        return [Picture("positive", entry.path, entry) for entry in entries]

    def _listed(self, annotations: str, format: str | None) -> list[ImageAnnotations]:
        """A list's entries, whose paths start in the folder or, where that holds none of them, at their own."""
        entries = read_annotations(annotations, self.folder, format)
        found = any(entry.path.is_file() for entry in entries)
        return entries if found else read_annotations(annotations, None, format)


def pair_sources(positives: Any, annotations: Any, ignore: Any) -> list[Source]:
    """The sources that three settings name together, each a path, None, or a list of such with one for each source.

    Raises:
        ConfigError: lists of several lengths, or a source of which too little is given.
    """
    given = {"positives": positives, "annotations": annotations, "ignore": ignore}
    if all(value is None for value in given.values()):
        return []
    lists = {name: value if isinstance(value, list) else [value] for name, value in given.items() if value is not None}
    count = max(map(len, lists.values()))
    if uneven := [f"{len(values)} of {name}" for name, values in lists.items() if len(values) != count]:
        raise ConfigError(f"There are {count} sources, but {', '.join(uneven)}; give one for each, or null")
    columns = (lists.get(name, [None] * count) for name in given)
    rows = zip(*columns, strict=True)
    return [Source(*(None if value is None else str(value) for value in row)) for row in rows]
