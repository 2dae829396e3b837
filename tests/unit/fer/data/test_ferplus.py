from dataclasses import replace

import numpy as np
import pytest

from cascade.errors import DataError
from fer.data.fer2013 import Fer2013
from fer.data.ferplus import CATEGORIES, VOTES_URL, FerPlus, distribution, majority, read_votes, votes_about
from fer.labels import EXPRESSIONS

HEADER = ",".join(("Usage", "Image name", *CATEGORIES))


def votes(**counts):
    return [counts.get(category, 0) for category in CATEGORIES]


def shares(**of):
    return [of.get(expression, 0.0) for expression in EXPRESSIONS]


DROPPED = shares()


@pytest.mark.parametrize(
    ("given", "by_majority", "by_distribution"),
    [
        (votes(happiness=10), shares(happy=1), shares(happy=1)),
        (votes(neutral=6, sadness=4), shares(neutral=1), shares(neutral=0.6, sad=0.4)),
        # just half is no majority
        (votes(neutral=5, sadness=5), DROPPED, shares(neutral=0.5, sad=0.5)),
        # single votes are outliers: 4 of 7 are a majority
        (votes(anger=4, neutral=3, sadness=1, disgust=1, fear=1), shares(angry=1), shares(angry=4 / 7, neutral=3 / 7)),
        (votes(neutral=1, sadness=1, fear=1), DROPPED, DROPPED),
        (votes(), DROPPED, DROPPED),
        (votes(NF=10), DROPPED, DROPPED),
        (votes(unknown=6, surprise=4), DROPPED, DROPPED),
        # unknown ends the distribution; what came before counts if it is more than half
        (votes(surprise=6, unknown=4), shares(surprise=1), shares(surprise=1)),
        (votes(surprise=4, fear=3, unknown=3), DROPPED, shares(surprise=4 / 7, fear=3 / 7)),
        (votes(surprise=5, unknown=5), DROPPED, DROPPED),
        # three quarters are enough: the third category stays out
        (votes(anger=5, disgust=3, fear=2), DROPPED, shares(angry=5 / 8, disgust=3 / 8)),
        # more than three by equal votes
        (votes(anger=4, disgust=2, fear=2, sadness=2), DROPPED, DROPPED),
        (votes(anger=3, disgust=3, fear=2, sadness=2), DROPPED, DROPPED),
        # contempt is no class of ours
        (votes(contempt=6, neutral=4), DROPPED, DROPPED),
        (votes(neutral=6, contempt=4), shares(neutral=1), shares(neutral=1)),
    ],
)
def test_rules(given, by_majority, by_distribution):
    table = np.array([given])
    assert majority(table)[0] == pytest.approx(by_majority)
    assert distribution(table)[0] == pytest.approx(by_distribution)


LINES = [votes(anger=9), votes(NF=10), votes(fear=6, surprise=4), votes(happiness=7, neutral=3), votes(neutral=10)]
USAGES = ("Training", "Training", "PublicTest", "Training", "PrivateTest")


@pytest.fixture
def votes_file(tmp_path):
    def write(lines=LINES, usages=USAGES, header=HEADER):
        path = tmp_path / "fer2013new.csv"
        text = [f"{usage},fer,{','.join(map(str, line))}" for usage, line in zip(usages, lines, strict=True)]
        path.write_text("\n".join([header, *text]) + "\n")
        return path

    return write


def test_majority_drops_in_every_split(write_csv, rows, votes_file):
    splits = FerPlus(write_csv(rows), votes_file()).load()
    assert {split: list(faces.names) for split, faces in splits.items()} == {
        "train": ["row 1", "row 4"],
        "val": ["row 3"],
        "test": ["row 5"],
    }
    assert [EXPRESSIONS[label] for label in splits["train"].labels] == ["angry", "happy"]
    assert [EXPRESSIONS[label] for label in splits["val"].labels] == ["fear"]
    first = np.array(rows[3].pixels.split(), dtype=np.uint8).reshape(48, 48)
    assert np.array_equal(splits["train"].images[1, 0], first)


def test_distribution_gives_soft_labels(write_csv, rows, votes_file):
    splits = FerPlus(write_csv(rows), votes_file(), labels="distribution").load()
    assert splits["train"].images.shape == (2, 1, 48, 48)
    assert splits["val"].labels.tolist() == [pytest.approx(shares(fear=0.6, surprise=0.4))]
    assert splits["val"].hard_labels.tolist() == [EXPRESSIONS.index("fear")]


def test_votes_of_a_file_in_another_order_meet_their_rows(write_csv, rows, votes_file):
    order = [2, 0, 4, 3, 1]
    path = votes_file([LINES[place] for place in order], [USAGES[place] for place in order])
    splits = FerPlus(write_csv([rows[place] for place in order]), path).load()
    assert list(splits["train"].names) == ["row 2", "row 4"]
    assert [EXPRESSIONS[label] for label in splits["train"].labels] == ["angry", "happy"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lines": LINES[:4], "usages": USAGES[:4]}, "has 4 rows, .*fer2013.csv 5: they must match"),
        ({"usages": ("PublicTest", *USAGES[1:])}, "row 1: Usage is 'PublicTest', but Training in"),
        ({"lines": [*LINES[:2], LINES[2][:9], *LINES[3:]]}, r"row 3 \(line 4\): 11 columns; the header has 12"),
        ({"lines": [*LINES[:2], [*LINES[2][:9], -1], *LINES[3:]]}, r"row 3 \(line 4\): .* not all counts"),
        ({"lines": [*LINES[:2], [*LINES[2][:9], "x"], *LINES[3:]]}, r"row 3 \(line 4\): .* not all counts"),
        ({"header": HEADER.replace("fear", "f")}, "line 1: no column fear in the header"),
        ({"lines": [], "usages": []}, "has a header and no rows"),
        ({"header": "\x00\x01"}, "no column Usage, neutral"),
    ],
)
def test_refuses_wrong_votes(write_csv, rows, votes_file, change, message):
    path = votes_file(**change)
    with pytest.raises(DataError, match=message) as caught:
        FerPlus(write_csv(rows), path).load()
    assert str(path) in str(caught.value)


def test_refuses_votes_in_another_order(write_csv, rows, votes_file):
    # 150 training rows of one usage, where no usage can tell: angry and happy by turns, votes one row off
    faces = [rows[0]._replace(emotion=3 * (number % 2)) for number in range(150)] + rows[2:]
    lines = [LINES[0] if number % 2 else LINES[3] for number in range(150)] + LINES[2:]
    usages = ("Training",) * 150 + USAGES[2:]
    with pytest.raises(DataError, match=r"agree with the emotions of .* in only 1% of the Training rows"):
        FerPlus(write_csv(faces), votes_file(lines, usages)).load()


def test_missing_votes_name_their_source(write_csv, rows, tmp_path):
    with pytest.raises(DataError) as caught:
        FerPlus(write_csv(rows), tmp_path / "none.csv").load()
    assert str(tmp_path / "none.csv") in str(caught.value)
    assert VOTES_URL in str(caught.value)


def test_refuses_an_unknown_kind_of_label(write_csv, rows, votes_file):
    with pytest.raises(DataError, match="neither 'majority' nor 'distribution'"):
        FerPlus(write_csv(rows), votes_file(), labels="soft").load()


def test_read_votes(votes_file):
    usages, table = read_votes(votes_file())
    assert usages.tolist() == list(USAGES)
    assert table.tolist() == LINES


def test_votes_about_the_training_faces_are_those_of_their_rows(write_csv, rows, votes_file):
    train = Fer2013(write_csv(rows)).load()["train"]
    found = votes_about(votes_file(), train)
    assert found.tolist() == [LINES[int(name.removeprefix("row ")) - 1] for name in train.names]


def test_votes_about_other_faces_are_refused(write_csv, rows, votes_file):
    train = Fer2013(write_csv(rows)).load()["train"]
    with pytest.raises(DataError, match="Usage is 'PublicTest', but Training in the same row"):
        votes_about(votes_file(usages=("PublicTest", *USAGES[1:])), train)
    with pytest.raises(DataError, match="has 2 rows, and the faces are of more"):
        votes_about(votes_file(LINES[:2], USAGES[:2]), train)
    for names in (None, [f"{name}.png" for name in train.names]):
        with pytest.raises(DataError, match="use data=fer2013"):
            votes_about(votes_file(), replace(train, names=names))
