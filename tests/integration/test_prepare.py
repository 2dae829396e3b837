"""From folders of pictures to samples, as a user prepares them, on drawn faces."""

import os
import shutil
import subprocess

import cv2
import numpy as np
import pytest

from cascade import prepare
from cascade.drawn.writers import write_chips
from cascade.samples.annotations import read_annotations, read_objects
from cascade.samples.folder import read_sizes
from cascade.samples.lists import read_background
from cascade.samples.vec import read_vec, read_vec_header

pytestmark = pytest.mark.slow

W, H = 14, 16


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Folders of drawn faces and of negatives, with a space in every path."""
    folder = tmp_path_factory.mktemp("two words") / "drawn faces"
    write_chips(folder, 60, 20, seed=3)
    return folder


@pytest.fixture
def run(tmp_path, monkeypatch, capfd):
    """Runs the command in a folder of the test's own; gives the folder of samples and what was said."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")

    def call(*arguments, name="faces", status=0):
        monkeypatch.setattr("sys.argv", ["prepare", *arguments, f"name={name}"])
        if status:
            with pytest.raises(SystemExit) as caught:
                prepare.main()
            assert caught.value.code == status
        else:
            prepare.main()
        out, err = capfd.readouterr()
        return tmp_path / "outputs/samples" / name, out + err

    return call


def annotated(drawn):
    return [
        f"positives={drawn / 'positives'}",
        f"annotations={drawn / 'positives.dat'}",
        f"negatives={drawn / 'negatives'}",
        f"w={W}",
        f"h={H}",
    ]


def test_samples_need_no_binaries(run, drawn, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("FER_CASCADE_CACHE", str(tmp_path / "empty"))
    folder, output = run(*annotated(drawn))
    assert f"54 samples of {W}×{H} in positives.vec, 18 negatives" in output
    assert "held out for measuring: 6 positives, 2 negatives" in output
    assert read_vec_header(folder / "held_out/positives.vec").count == 6
    samples = read_vec(folder / "positives.vec", W, H)
    for sample, entry in zip(samples, read_annotations(folder / "positives.dat"), strict=True):
        x, y, w, h = entry.boxes[0].astype(int)
        crop = cv2.imread(str(entry.path), 0)[y : y + h, x : x + w]
        np.testing.assert_array_equal(sample, cv2.resize(crop, (W, H), interpolation=cv2.INTER_AREA))
    assert set(read_sizes(folder / "bg.txt")) == set(read_background(folder / "bg.txt"))
    assert {path.name for path in folder.iterdir()} == {
        *("positives.vec", "positives.dat", "positives.png", "positives", "bg.txt", "negatives"),
        *("held_out", "pictures.csv", "prepare.yaml"),
    }


def test_what_is_left_out_is_named_and_an_old_folder_is_safe(run, tmp_path, drawn):
    faces = tmp_path / "my faces"
    shutil.copytree(drawn / "positives", faces)
    first, second, third = sorted(faces.iterdir())[:3]
    shutil.copy(first, faces / "copy of first.png")
    shutil.copy(first, faces / ".hidden.png")
    second.write_bytes(b"no picture")
    cv2.imwrite(str(third), np.full((40, 35), 90, np.uint8))
    cv2.imwrite(str(faces / "tiny.png"), np.arange(100, dtype=np.uint8).reshape(10, 10))
    cv2.imwrite(str(faces / "square.webp"), np.random.default_rng(0).integers(0, 255, (50, 50), np.uint8))
    call = [f"positives={faces}", f"negatives={drawn / 'negatives'}", f"w={W}", f"h={H}"]
    folder, output = run(*call)
    for line in ("1 positive: duplicate", "1 positive: unreadable", "1 positive: blank", "1 positive: too small"):
        assert line in output
    rows = (folder / "pictures.csv").read_text().splitlines()
    assert sum("held_out" in row for row in rows) == 8
    assert [row for row in rows if "square.webp" in row and "cropped" in row and ",1," in row]
    assert not any(".hidden" in row for row in rows)
    before = (folder / "positives.vec").read_bytes()
    run(*call)
    assert (folder / "positives.vec").read_bytes() == before
    _, output = run(*call, "seed=1", status=2)
    assert "seed: 0 → 1" in output and "overwrite=true" in output
    assert (folder / "positives.vec").read_bytes() == before
    run(*call, "seed=1", "overwrite=true")
    assert (folder / "positives.vec").read_bytes() != before
    (tmp_path / "outputs/samples/mine").mkdir()
    (tmp_path / "outputs/samples/mine/notes.txt").touch()
    assert "not made by this command" in run(*call, name="mine", status=2)[1]
    (folder / "notes.txt").touch()
    assert "holds notes.txt, which this command did not make" in run(*call, "overwrite=true", status=2)[1]
    (folder / "notes.txt").unlink()
    (folder / "prepare.yaml").write_text("[1, 2")
    assert "prepare.yaml cannot be read" in run(*call, status=2)[1]


@pytest.mark.parametrize("name", [".", "..", "a/../../b", "''", "/tmp/x", "a//b"])
def test_a_name_leads_to_a_folder_of_its_own(run, drawn, tmp_path, name):
    (tmp_path / "outputs/samples/old").mkdir(parents=True)
    call = [f"positives={drawn / 'positives'}", f"negatives={drawn / 'negatives'}", f"w={W}", f"h={H}"]
    assert "name is" in run(*call, name=name, status=2)[1]
    assert (tmp_path / "outputs/samples/old").is_dir()


def test_a_picture_to_distort_is_looked_at_before_tools_are_made(run, drawn, monkeypatch):
    monkeypatch.setattr(prepare, "ensure_tools", lambda **_: pytest.fail("tools are made"))
    _, output = run("distort.image=gone.png", f"negatives={drawn / 'negatives'}", status=2)
    assert "gone.png cannot be read" in output


def test_num_counts_boxes_and_variants_multiply_them(run, drawn):
    variants = ["variants.copies=2", "variants.mirror=true"]
    folder, _ = run(*annotated(drawn), "num=10", *variants)
    samples = read_vec(folder / "positives.vec", W, H)
    assert len(samples) == 60
    plain, _ = run(*annotated(drawn), name="plain")
    kept = {sample.tobytes() for sample in samples}
    assert [sample.tobytes() in kept for sample in read_vec(plain / "positives.vec", W, H)] == [True] * 10 + [
        False
    ] * 44
    assert "it must be 1 to 54" in run(*annotated(drawn), "num=55", name="more", status=2)[1]


def test_detector_finds_the_faces(run, drawn):
    folders = [f"positives={drawn / 'positives'}", f"negatives={drawn / 'negatives'}"]
    found, output = run(*folders, "detector=frontalface_default", "w=12", "h=12")
    assert read_vec_header(found / "positives.vec").pixels == 144, output
    boxes = {row.split(",")[1]: row.split(",")[5] for row in (found / "pictures.csv").read_text().splitlines()}
    near = 0
    for entry in read_annotations(drawn / "positives.dat"):
        x, y, w, h = (int(value) for value in (boxes[str(entry.path)] or "0 0 0 0").split()[:4])
        a, b, c, d = entry.boxes[0]
        near += abs(x + w / 2 - a - c / 2) < w / 4 and abs(y + h / 2 - b - d / 2) < h / 4
    assert near > 30


def test_several_sources_end_in_one_folder(run, drawn, tmp_path):
    more = tmp_path / "more faces"
    write_chips(more, 10, 1, seed=4)
    (more / "tiny.dat").write_text("".join(f"positives/{index:05d}.png\t1\t-3 2 9 9\n" for index in range(12)))
    chips = [f"'{path}'" for path in (drawn / "positives", more, more / "positives")]
    boxes, more_boxes, tiny = (
        f"'{path}'" for path in (drawn / "positives.dat", more / "positives.dat", more / "tiny.dat")
    )
    common = [f"negatives={drawn / 'negatives'}", f"w={W}", f"h={H}", "held_out=0"]
    folder, output = run(
        f"positives=[{','.join(chips[:2])}]", f"annotations=[{boxes},{more_boxes}]", f"ignore=[null,{tiny}]", *common
    )
    assert "70 samples" in output and "neither positives nor negatives: 10 regions" in output
    objects = read_objects(folder / "positives.dat", folder / "ignore.dat")
    assert len(objects) == 70 and read_vec_header(folder / "positives.vec").count == 70
    assert sum(entry.boxes[entry.ignore].tolist() == [[-3, 2, 9, 9]] for entry in objects) == 10
    assert len((folder / "pictures.csv").read_text().splitlines()) == 91
    whole, output = run(f"positives=[{chips[0]},{chips[2]}]", f"annotations=[{boxes},null]", *common, name="whole")
    assert "70 samples" in output and not (whole / "ignore.dat").exists()
    changed = run(f"positives=[{chips[0]},{chips[2]}]", "annotations=[null,null]", *common, name="whole", status=2)[1]
    assert "annotations: [" in changed and "→ [None, None]" in changed


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("aspect=squeeze", "crop, pad or refuse"),
        ("held_out=1", "held_out is 1"),
        ("w=7", "w is 7; it must be a whole number from 8 to 512"),
        ("detector=alt2", "not both"),
        ("positives=[a,b]", "There are 2 sources, but 1 of annotations"),
        ("distort.image=a.png", "or distort.image=FILE"),
        ("distort.num=0", r"distort.num is 0"),
        ("variants.copies=-1", "variants.copies is -1"),
        ("hight=24", "hight"),
        ("tools.traincascde=a", "traincascade"),
        ("+tools.traincascde=a", "did you mean tools.traincascade"),
    ],
)
def test_settings_that_cannot_be_are_named(run, drawn, setting, message):
    _, output = run(*annotated(drawn), setting, status=2)
    assert message in output and "Traceback" not in output


class FakeTool:
    """A program in the binary's place, that writes a .vec of as many samples as it likes."""

    def __init__(self, folder, body):
        self.paths = [folder / name for name in ("opencv_createsamples", "opencv_traincascade")]
        for path in self.paths:
            path.write_text(f"#!/bin/sh\n[ $# = 0 ] && echo 'Usage: -vec' && exit\n{body}\n")
            path.chmod(0o755)

    @property
    def overrides(self):
        return [f"tools.createsamples={self.paths[0]}", f"tools.traincascade={self.paths[1]}"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("echo cannot do it >&2; exit 3", "made 0 of 30 samples, status 3: cannot do it"),
        ("exit 0", "made 0 of 30 samples, status 0: nothing"),
        (r"printf '\001\000\000\000\340\000\000\000\000\000\000\000' > positives.vec; exit 0", "is damaged"),
    ],
)
def test_distortion_checks_what_the_binary_made(run, drawn, tmp_path, body, message):
    picture = next((drawn / "positives").iterdir())
    tool = FakeTool(tmp_path, body)
    call = [f"distort.image={picture}", "distort.num=30", f"negatives={drawn / 'negatives'}", f"w={W}", f"h={H}"]
    folder, output = run(*call, *tool.overrides, status=2)
    assert message in output and not any(folder.iterdir())


@pytest.mark.tools
@pytest.mark.timeout(3600)  # the first run compiles the binaries, which takes minutes
class TestAgainstTheBinary:
    def test_samples_are_the_binarys_to_the_bit(self, run, drawn, tmp_path, tools):
        folder, _ = run(*annotated(drawn))
        theirs = tmp_path / "theirs.vec"
        arguments = ["-info", "positives.dat", "-vec", str(theirs), "-num", "54", "-w", str(W), "-h", str(H)]
        subprocess.run([tools.createsamples, *arguments], cwd=folder, check=True, capture_output=True)
        assert theirs.read_bytes() == (folder / "positives.vec").read_bytes()

    def test_distortion(self, run, drawn, tmp_path, tools):
        picture = tmp_path / "one face.webp"
        cv2.imwrite(str(picture), cv2.imread(os.fspath(next((drawn / "positives").iterdir()))))
        call = [f"distort.image={picture}", "distort.num=30", "distort.bgthresh=0", f"negatives={drawn / 'negatives'}"]
        folder, output = run(*call, f"w={W}", f"h={H}", name="bent")
        samples = read_vec(folder / "positives.vec", W, H)
        assert len(samples) == 30 and len(np.unique(samples, axis=0)) == 30
        assert "30 samples" in output
