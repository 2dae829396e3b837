"""Drawn faces to train detectors on."""

import numpy as np
import pytest

from cascade.drawn.writers import write_chips
from cascade.pictures import read_gray
from cascade.samples.annotations import read_annotations
from cascade.samples.vec import write_vec
from cascade.samples.window import Window

WINDOW = (14, 16)


@pytest.fixture(scope="session")
def drawn(tmp_path_factory):
    """Folders of drawn faces and of negatives, with a space in every path."""
    folder = tmp_path_factory.mktemp("two words") / "drawn faces"
    write_chips(folder, 200, 40, seed=3)
    return folder


@pytest.fixture(scope="session")
def negatives(drawn):
    return sorted((drawn / "negatives").iterdir())


@pytest.fixture(scope="session")
def vec(drawn, tmp_path_factory):
    """The faces as samples of `WINDOW`."""
    path = tmp_path_factory.mktemp("vec file") / "faces of mine.vec"
    window = Window(*WINDOW)
    entries = read_annotations(drawn / "positives.dat")
    write_vec(path, np.stack([window.cut(read_gray(entry.path), entry.boxes[0].astype(int)) for entry in entries]))
    return path


@pytest.fixture
def prepare(commands, drawn):
    """Runs `cascade.prepare` on the drawn faces, for `WINDOW`; returns the folder of samples."""

    def run(name, *overrides):
        call = [f"positives='{drawn / 'positives'}'", f"annotations='{drawn / 'positives.dat'}'"]
        call += [
            f"negatives='{drawn / 'negatives'}'",
            *(f"{side}={size}" for side, size in zip("wh", WINDOW, strict=True)),
        ]
        commands.run("-m", "cascade.prepare", *call, f"name={name}", *overrides)
        return commands.folder / "outputs/samples" / name

    return run


@pytest.fixture
def find_faces(commands):
    """The share of the faces in drawn scenes that a detector with `detect` finds."""
    from cascade.drawn.writers import write_scenes

    def share(detect):
        write_scenes(commands.folder / "scenes", 4, seed=11)
        hits = []
        for entry in read_annotations(next((commands.folder / "scenes").glob("*.dat"))):
            found = detect(read_gray(entry.path))
            for x, y, w, h in entry.boxes:
                middles = [
                    (abs(a + c / 2 - x - w / 2) < w / 3, abs(b + d / 2 - y - h / 2) < h / 3) for a, b, c, d in found
                ]
                hits.append(any(map(all, middles)))
        assert hits
        return sum(hits) / len(hits)

    return share
