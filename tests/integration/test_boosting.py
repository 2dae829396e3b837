"""From folders of pictures to a boosted cascade, without OpenCV's binaries, on drawn faces."""

import json
import signal
import time

import cv2
import numpy as np
import pytest

from cascade.samples.vec import read_vec, read_vec_header, write_vec
from cascade.training.record import read_stages
from cascade.xml import read_cascade

W, H = 14, 16
OPTIONS = {
    "numPos": 150,
    "numNeg": 150,
    "numStages": 3,
    "w": W,
    "h": H,
    "minHitRate": 0.999,
    "maxFalseAlarmRate": 0.05,
    "threads": 1,
}
OVERRIDES = [f"options.{name}={value}" for name, value in OPTIONS.items()]


@pytest.fixture
def call(commands, vec, negatives):
    """The command that trains, without its name."""
    listed = commands.folder / "bg.txt"
    # with an empty line, a comment and a lost picture
    listed.write_text("\n# mine\n" + "\n".join(map(str, negatives)) + "\n\ngone.png\n")
    return ["-m", "cascade.train", f"vec='{vec}'", f"bg={listed}", *OVERRIDES]


@pytest.mark.parametrize(
    "options",
    [
        ["featureType=HAAR", "mode=ALL", "numPos=180", "numNeg=500"],
        ["featureType=LBP"],
        ["maxDepth=2"],
        ["nested=false"],
    ],
)
def test_finds_faces_in_scenes(commands, prepare, find_faces, options):
    samples = prepare("chips")
    chosen = [f"options.{option}" for option in options]
    output = commands.run("-m", "cascade.train", f"samples={samples}", "name=my cascade", *OVERRIDES, *chosen)
    assert "3 stages" in output
    result = commands.folder / "outputs/cascade/my cascade"
    report = json.loads((result / "report.json").read_text())
    assert (report["outcome"], report["stages"], report["trainer"]) == ("trained", 3, "boost")
    described = json.loads((result / "cascade.json").read_text())
    assert (described["window"], described["stages"], described["trainer"]) == ([W, H], 3, "boost")
    cascade = read_cascade(result / "cascade.xml")
    grown = [int(stage.own["weak"]) for stage in read_stages(result / "stages.csv")]
    assert len(grown) == len(cascade.stages) == 3 and report["weak_trees"] == sum(grown)
    # in the file a nested stage repeats what goes before
    assert cascade.weak_trees == (grown if "nested=false" in options else np.cumsum(grown).tolist())
    classifier = cv2.CascadeClassifier(str(result / "cascade.xml"))
    assert classifier.getOriginalWindowSize() == (W, H)
    assert find_faces(lambda picture: classifier.detectMultiScale(picture, 1.1, 2)) > 0.5, options


def test_more_stages_go_on_and_other_settings_are_refused(commands, call):
    commands.run(*call, "name=whole")
    commands.run(*call, "name=parts", "options.numStages=2", "options.threads=2")
    folder = commands.folder / "outputs/cascade/parts"
    output = commands.run(*call, "name=parts")
    assert "Going on after stage 1" in output and "1 of 41 negatives are left out" in output
    # in two parts, with another number of threads: the very same cascade
    assert (folder / "cascade.xml").read_bytes() == (folder.parent / "whole/cascade.xml").read_bytes()
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    output = commands.run(*call, "name=parts", "options.minHitRate=0.97", status=2)
    assert "options.minHitRate: 0.999 → 0.97" in output and "Traceback" not in output
    assert before == {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -9)])
def test_an_end_from_outside_keeps_finished_stages(commands, call, sent, status):
    slow = ["options.mode=ALL", "options.w=14", "options.featureType=HAAR"]
    commands.run(*call, *slow, "name=peace")
    folder = commands.folder / "outputs/cascade/stopped"
    process = commands.start(*call, *slow, "name=stopped")
    deadline = time.monotonic() + 600
    while not (folder / "stages.csv").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(sent)
    output, _ = process.communicate(timeout=600)
    assert process.returncode == status and "Traceback" not in output, output
    assert not (folder / "cascade.xml").exists()
    (folder / "stage2.npz").write_bytes(b"PK cut short")  # as a crash leaves it
    assert "Going on after stage" in commands.run(*call, *slow, "name=stopped")
    assert (folder / "cascade.xml").read_bytes() == (folder.parent / "peace/cascade.xml").read_bytes()


@pytest.fixture(scope="module")
def hard():
    """2,400 samples of a pattern that noise hides."""
    random = np.random.default_rng(0)
    pattern = cv2.resize(random.normal(size=(4, 4)), (W, H), interpolation=cv2.INTER_CUBIC)
    return np.clip(random.normal(128, 25, (2400, H, W)) + 12 * pattern, 0, 255).astype(np.uint8)


def test_stages_are_cut_by_what_is_held_out(commands, call, hard):
    write_vec(commands.folder / "many.vec", hard)
    call = [*call, "name=many", "vec=many.vec", "options.numPos=500", "options.featureType=LBP"]
    folder = commands.folder / "outputs/cascade/many"
    trees = {}
    for recall in (0.97, 0.6):  # the second time nothing is trained again
        commands.run(*call, "options.maxFalseAlarmRate=0.1", f"options.recall={recall}")
        report = json.loads((folder / "report.json").read_text())
        assert report["held_out"]["positives"] == 240 and recall <= report["held_out"]["recall"] < recall + 0.15
        assert read_cascade(folder / "cascade.xml").weak_trees == np.cumsum(report["trees_of_stages"]).tolist()
        trees[recall] = sum(report["trees_of_stages"])
        classifier = cv2.CascadeClassifier(str(folder / "cascade.xml"))
        found = [
            len(classifier.detectMultiScale(np.pad(s, ((0, 1), (0, 0))), 1.1, 0, 0, (1, 1), (W, H))) > 0
            for s in hard[-240:]
        ]
        assert np.mean(found) > recall - 0.1
    assert trees[0.97] == trees[0.6] == report["weak_trees"]


def test_stages_that_are_not_nested_end_before_too_many_of_those_held_out_are_lost(commands, prepare, call, hard):
    once = ["name=once", "options.nested=false", "options.minHitRate=0.8", "options.maxFalseAlarmRate=0.3"]
    once += ["options.numPos=500", "options.numStages=8", "options.recall=0.6"]
    asked = commands.run(*call, *once, status=2)
    assert "options.recall needs positives held out" in asked
    samples = prepare("chips", "held_out=0.1")
    write_vec(samples / "positives.vec", hard[:2000])
    write_vec(samples / "held_out/positives.vec", hard[2000:])
    output = commands.run("-m", "cascade.train", f"samples={samples}", *OVERRIDES, *once, status=2)
    assert "less than options.recall 0.6" in output
    folder = commands.folder / "outputs/cascade/once"
    kept = [float(stage.own["recall"]) for stage in read_stages(folder / "stages.csv")]
    report = json.loads((folder / "report.json").read_text())
    assert 0 < len(kept) == len(read_cascade(folder / "cascade.xml").stages) < 8
    assert kept == sorted(kept, reverse=True) and report["held_out"] == {"positives": 400, "recall": kept[-1]}
    none = ["name=none", "options.recall=0.99", "accept_early_stop=true"]
    output = commands.run("-m", "cascade.train", f"samples={samples}", *OVERRIDES, *once, *none, status=2)
    assert "after 0 of 8 stages; there is no cascade" in output and not (folder.parent / "none/cascade.xml").exists()
    assert 0.6 <= kept[-1] < 0.75


def test_stages_that_are_none_are_trained_again(commands, call):
    commands.run(*call, "name=whole")
    folder = commands.folder / "outputs/cascade/whole"
    first = folder / "stage1.npz"
    kept = dict(np.load(first))
    for change in (
        {"nodes": kept["nodes"] + 10**6},  # features that there are not
        {"sizes": kept["sizes"] * 0},
        {"leaves": kept["leaves"][1:]},
        {"threshold": np.array("high")},
    ):
        np.savez(first, **(kept | change))
        assert "Going on after stage 0" in commands.run(*call, "name=whole")
        assert len(read_cascade(folder / "cascade.xml").stages) == 3
    np.savez(first, **{name: kept[name] for name in ("nodes", "sizes")})
    commands.run(*call, "name=whole")
    assert len(read_cascade(folder / "cascade.xml").stages) == 3


def test_negatives_come_from_the_positives_pictures_too(commands, prepare):
    call = ["-m", "cascade.train", f"samples={prepare('chips')}", *OVERRIDES, "options.numStages=1"]
    looked_at = {}
    for scenes in ("false", "true"):
        commands.run(*call, f"name=scenes_{scenes}", f"options.scenes={scenes}")
        report = json.loads((commands.folder / f"outputs/cascade/scenes_{scenes}/report.json").read_text())
        looked_at[scenes] = set(report["positives"])
    assert looked_at["true"] - looked_at["false"] == {"pictures", "ignore"}


def test_sweep_has_a_folder_per_run(commands, call):
    commands.run(*call, "-m", "name=sweep", "options.featureType=LBP", "options.numStages=1", "options.maxDepth=1,2")
    for index, depth in enumerate((1, 2)):
        report = json.loads((commands.folder / f"outputs/cascade/sweep/{index}/report.json").read_text())
        assert report["options"]["maxDepth"] == depth and report["stages"] == 1


def test_hard_positives_never_end_a_training(commands, call, vec):
    """The binary aborts where the .vec runs out of samples; here all that are left are used."""
    samples = read_vec(vec, W, H)
    samples[::2] = np.random.default_rng(0).integers(0, 256, samples[::2].shape)  # noise, to be rejected
    half = commands.folder / "half.vec"
    write_vec(half, samples)
    output = commands.run(
        *call, "name=half", f"vec={half}", "options.numPos=300", "options.minHitRate=0.6", "options.featureType=LBP"
    )
    assert "holds 200 samples, fewer than numPos 300: all of them are used" in output
    stages = read_stages(commands.folder / "outputs/cascade/half/stages.csv")
    assert [stage.index for stage in stages] == [0, 1, 2] and stages[-1].positives < 200


def test_early_stops_say_why(commands, call):
    output = commands.run(*call, "name=easy", "options.maxFalseAlarmRate=0.9", "options.numStages=20", status=2)
    assert "of 20 stages" in output and "already reach the false-alarm rate asked for" in output
    output = commands.run(
        *call,
        "name=many",
        "options.numNeg=20000",
        "options.maxFalseAlarmRate=0.001",
        "options.featureType=LBP",
        status=2,
    )
    assert "after 1 of 3 stages" in output and "fewer than numNeg 20000" in output


def test_memory_limits_the_features_that_a_stage_chooses_from(commands, call):
    call = [*call, "options.mode=ALL", "options.numStages=1"]
    commands.run(*call, "name=small", "options.memory=0.001")
    cascade = read_cascade(commands.folder / "outputs/cascade/small/cascade.xml")
    assert len(cascade.stages) == 1 and "1 MB of their values" in commands.run(
        *call, "name=other", "options.memory=0.001"
    )


def test_bad_input(commands, call, vec):
    for override, message in (
        ("options.w=16", "16×16 = 256"),
        ("vec=none.vec", "There is no .vec file at none.vec"),
        ("options.numStages=0", "options.numStages"),
        ("options.featureType=HOG", "options.featureType"),
        ("options.numNeg=100000000", "fewer than numNeg"),
        ("options.w=60 options.h=60", "too many Haar"),
        ("options.numPos=100000000", "MB that are free"),
    ):
        output = commands.run(*call, "name=bad", *override.split(), status=2)
        assert message in output and "Traceback" not in output
    output = commands.run(*call, "name=bad", "options.scenes=true", status=2)
    assert "no list of pictures with boxes to look for negatives in" in output
    output = commands.run("-m", "cascade.train", "samples=x", "+options.minHitrate=0.9", status=2)
    assert "minHitrate" in output and "Traceback" not in output
    assert read_vec_header(vec).count == 200 and not (commands.folder / "outputs/cascade/bad/stages.csv").exists()
