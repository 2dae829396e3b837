import pytest

from benchmarks.wild_faces import EVERYWHERE, convert
from cascade.samples.annotations import read_annotations

FACES = """file,list,class,x,y,w,h,yaw_proxy,px,py,pw,ph
a.webp,box,face,10,20,30,40,0.05,11.4,21.6,30.5,34.9
a.webp,ignore,masked,1,2,3,4,0.1,1.0,2.0,3.0,4.0
a.webp,box,face,50,60,7.5,8.5,,,,,
a.webp,ignore,unsure,5,6,7,8,,,,,
b.webp,box,face,1,1,20,20,-0.1,-2.2,1,20,23
b.webp,box,hat,2,2,9,9,0.9,1,1,20,23
c.webp,ignore,small,3,3,4,4,,,,,
d.webp,box,face,100,100,80,100,-0.9,80,105,70,80
d.webp,box,face,100,100,80,100,0.25,80,105,70,80
"""
SOURCES = "file,source,repo\na.webp,ccp,x\nb.webp,lfw,y\nc.webp,utk,z\nd.webp,ccp,z\n"


@pytest.fixture
def lists(tmp_path):
    wild = tmp_path / "faces wild"
    wild.mkdir()
    (wild / "faces.csv").write_text(FACES)
    (wild / "sources.csv").write_text(SOURCES)
    counts = convert(wild, tmp_path / "out")
    assert counts == {"faces": 4, "ignore": 7}
    read = (read_annotations(tmp_path / "out" / name, wild) for name in ("faces.dat", "ignore.dat"))
    return [{entry.path.relative_to(wild).name: entry.boxes.tolist() for entry in entries} for entries in read]


def test_faces_are_the_canonical_boxes(lists):
    assert lists[0]["a.webp"] == [[11, 22, 30, 35]] and lists[0]["b.webp"] == [[-2, 1, 20, 23]]


def test_faces_that_turn_are_where_their_tight_box_is(lists):
    profile, half = lists[0]["d.webp"]
    assert profile == [101, 105, 79, 90]
    assert half == [90, 105, 74, 85]


def test_all_others_and_what_is_not_annotated_are_ignored(lists):
    assert lists[1] == {
        "a.webp": [[1, 2, 3, 4], [50, 60, 8, 9], [5, 6, 7, 8]],
        "b.webp": [[2, 2, 9, 9], list(EVERYWHERE)],
        "c.webp": [[3, 3, 4, 4], list(EVERYWHERE)],
    }


def test_faces_that_turn_too_far_are_ignored(tmp_path):
    (tmp_path / "faces.csv").write_text(FACES)
    (tmp_path / "sources.csv").write_text(SOURCES)
    counts = convert(tmp_path, tmp_path / "out", turned=0.25)
    assert counts == {"faces": 2, "ignore": 9}
    assert "d.webp" not in (tmp_path / "out/faces.dat").read_text()
