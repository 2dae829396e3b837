from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data


@pytest.fixture(scope="session")
def astronaut():
    """A real photograph with one face, BGR (256, 256, 3)."""
    return cv2.resize(skimage.data.astronaut()[..., ::-1], (256, 256), interpolation=cv2.INTER_AREA)


@pytest.fixture(scope="session")
def astronaut_face():
    """Where that face is: x, y, width, height."""
    return np.array([90.0, 35.0, 44.0, 44.0])


@pytest.fixture(scope="session")
def photographs(tmp_path_factory, astronaut, astronaut_face) -> Path:
    """Three pictures of one face and one without, with an info list: a folder with a space."""
    folder = tmp_path_factory.mktemp("photo graphs")
    lines = []
    x, y, w, h = (int(v) for v in astronaut_face)
    for number, shift in enumerate((0, 8, 16)):
        picture = np.roll(astronaut, shift, axis=1)
        cv2.imwrite(str(folder / f"a {number}.png"), picture)
        lines.append(f"a {number}.png\t1\t{x + shift} {y} {w} {h}")
    cv2.imwrite(str(folder / "brick.png"), cv2.resize(skimage.data.brick(), (200, 150)))
    lines.append("brick.png\t0")
    (folder / "faces.txt").write_text("\n".join(lines) + "\n")
    return folder
