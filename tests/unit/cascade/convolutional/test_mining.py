"""What is learned from of what a detector made of pictures."""

import numpy as np
import pytest

from cascade.convolutional.examples import IGNORED, NOTHING, OBJECT
from cascade.convolutional.mining import Look, mistakes

OBJECTS = np.array([[0, 0], [0, 1]])  # both in the first picture


def look(logits, verdict, found=()):
    windows = np.arange(3.0 * len(logits)).reshape(-1, 3)
    return Look(windows, np.array(logits, float)[:, None], np.array(verdict), np.array(found, float))


def test_the_best_windows_on_nothing_are_mistakes():
    one = look([3, 2, 1, 0, -1], [OBJECT, NOTHING, IGNORED, NOTHING, NOTHING], (3.0, -np.inf))
    other = look([9], [NOTHING])
    hard = mistakes([one, other], OBJECTS, each=2)
    assert hard.pictures.tolist() == [0, 0, 1]
    assert hard.windows.tolist() == [*one.windows[[1, 3]].tolist(), *other.windows.tolist()]


def test_beside_objects_what_looks_like_one_beyond_doubt_is_not_taken_for_nothing():
    logits, verdict = [5, 1], [NOTHING, NOTHING]
    among_objects, without = look(logits, verdict, (1.0, 1.0)), look(logits, verdict)
    hard = mistakes([among_objects, without], OBJECTS, each=9)
    assert hard.pictures.tolist() == [0, 1, 1]
    assert hard.windows[0].tolist() == among_objects.windows[1].tolist()


def test_objects_that_are_hardly_found_are_drawn_more_often():
    hard = mistakes([look([1], [OBJECT], (9.0, -np.inf))], OBJECTS, each=9)
    assert hard.missed == pytest.approx([1, 5], abs=0.01)
