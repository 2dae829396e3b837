"""OpenCV's info list, what `opencv_createsamples -info` takes: `path count x y width height ...`."""

from pathlib import PurePath

from cascade.samples.formats.lines import Lines, finite_numbers
from cascade.samples.image_annotations import ImageAnnotations, plain_entry


def split_info(line: str) -> tuple[str, int, list[str]] | None:
    """`path count numbers` of OpenCV's list; the path may hold spaces, with or without tabs after it."""
    if "\t" in line:
        path, _, numbers = line.partition("\t")
        count, *values = numbers.split() or [""]
        return (path, int(count), values) if count.isdigit() else None
    tokens = line.split(" ")
    # the path ends before the first number that counts the boxes after it
    candidates = [i for i in range(1, len(tokens)) if tokens[i].isdigit()]
    for index in candidates:
        rest = " ".join(tokens[index + 1 :]).split()
        if len(rest) == 4 * int(tokens[index]) and finite_numbers(rest) is not None:
            return " ".join(tokens[:index]).rstrip(), int(tokens[index]), rest
    if candidates and PurePath(" ".join(tokens[: candidates[0]])).suffix:
        index = candidates[0]
        return " ".join(tokens[:index]).rstrip(), int(tokens[index]), " ".join(tokens[index + 1 :]).split()
    return None


def read_opencv(lines: Lines) -> list[ImageAnnotations]:
    """One image a line, with as many boxes as it says."""
    entries = []
    for number, line in lines.content:
        split = split_info(line)
        if split is None:
            lines.fail(number, "expected `path<TAB>count<TAB>x y width height ...`")
        path, count, tokens = split
        values = finite_numbers(tokens)
        if values is None or len(values) != 4 * count:
            lines.fail(number, f"{count} boxes need {4 * count} numbers, found {len(tokens)}: {line[:80]!r}")
        rows = [values[4 * i : 4 * i + 4] for i in range(count)]
        for row in rows:
            if row[2] <= 0 or row[3] <= 0:
                lines.fail(number, f"a box's width and height must be above 0: {row}")
        entries.append(plain_entry(path, rows))
    return entries
