"""The renderer, its scenes and its writers, judged by what others make of them."""

import hashlib
import itertools
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from hydra.core.global_hydra import GlobalHydra

from cascade.boxes import Box, face_box, iou
from cascade.drawn import writers
from cascade.drawn.__main__ import main
from cascade.drawn.backgrounds import render_background
from cascade.drawn.parameters import _PROTOTYPES, EXPRESSIONS
from cascade.drawn.renderer import draw_subject, generator, render_face
from cascade.drawn.scenes import Scene, moving_scene, render_chip, render_scene
from fer import labels
from fer.data.faces import Faces
from fer.data.synthetic import Synthetic

SIZES = {"train": 21, "val": 9, "test": 6}


def digest(indices: range, seed: int = 3) -> list[str]:
    return [hashlib.sha256(render_face(seed, index).image.tobytes()).hexdigest() for index in indices]


def overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    return float(iou(np.array([one]), np.array([other]))[0, 0])


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [render_scene(7, index, 480, 360, 1 + index % 4, min_size=48) for index in range(16)]


@pytest.fixture(scope="module")
def loaded() -> dict[str, Faces]:
    """The faces of the training source that the writers must write."""
    return dict(Synthetic(SIZES["train"], SIZES["val"], SIZES["test"], render_seed=2).load())


class TestExpressions:
    def test_they_are_those_of_the_classifiers_in_the_same_order(self) -> None:
        assert EXPRESSIONS == labels.EXPRESSIONS

    def test_every_way_of_showing_one_names_every_action_unit(self) -> None:
        subject = draw_subject(generator(0, 0), "neutral")
        for ways in _PROTOTYPES.values():
            assert all(list(way) == list(vars(subject.units)) for way in ways)


class TestFace:
    def test_same_pixels_in_another_process_and_order(self) -> None:
        code = (
            "from hashlib import sha256; from cascade.drawn.renderer import render_face\n"
            "for i in reversed(range(12)): print(sha256(render_face(3, i).image.tobytes()).hexdigest())"
        )
        other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert other.stdout.split()[::-1] == digest(range(12))

    def test_seed_and_index_matter(self) -> None:
        faces = digest(range(20)) + digest(range(20), seed=4)
        assert len(set(faces)) == 40

    @pytest.mark.parametrize(("size", "colour"), [(16, False), (48, False), (64, True), (133, True)])
    def test_shape_and_landmarks(self, size: int, colour: bool) -> None:
        for index in range(10):
            face = render_face(0, index, size=size, colour=colour)
            assert face.image.shape == ((size, size, 3) if colour else (size, size))
            assert face.image.dtype == np.uint8
            points = np.vstack([face.eyes, face.mouth])
            assert (points > 0).all() and (points < size - 1).all()
            assert face.eyes[0, 0] < face.eyes[1, 0]
            assert face.mouth[1] > face.eyes[:, 1].max()

    def test_pupils_are_darker_than_cheeks_where_the_landmarks_say(self) -> None:
        darker = 0
        for index in range(40):
            face = render_face(1, index, "surprise", size=144)
            gray = cv2.GaussianBlur(face.image, (0, 0), 2.0)
            for x, y in face.eyes:
                cheek = y + 0.62 * (face.mouth[1] - face.eyes[:, 1].mean())
                darker += gray[round(y), round(x)] < gray[round(cheek), round(x)]
        assert darker >= 74

    def test_expression_changes_the_features_but_not_the_person(self) -> None:
        for index in range(10):
            subjects = [draw_subject(generator(0, index), name) for name in EXPRESSIONS]
            assert len({(subject.identity, subject.pose, subject.light) for subject in subjects}) == 1
            images = [render_face(0, index, name, clean=True).image.astype(int) for name in EXPRESSIONS]
            for one in range(len(images)):
                for other in range(one):
                    assert (abs(images[one] - images[other]) > 8).mean() > 0.01

    def test_no_expression_is_told_by_brightness(self) -> None:
        # One number per face must not say much: the best cut between two classes stays near a guess.
        means = np.array([[render_face(5, index, name).image.mean() for index in range(60)] for name in EXPRESSIONS])
        assert np.ptp(means.mean(axis=1)) < 0.35 * means.std(axis=1).mean()

    def test_faces_fill_the_frame_with_contrast(self) -> None:
        spread = [render_face(0, index).image.std() for index in range(60)]
        assert min(spread) > 5.0

    def test_labels_are_balanced(self) -> None:
        counts = Counter(draw_subject(generator(0, index)).expression for index in range(2100))
        assert set(counts) == set(EXPRESSIONS)
        assert min(counts.values()) > 240 and max(counts.values()) < 360

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"seed": -1, "index": 0}, "negative"),
            ({"seed": 0, "index": -1}, "negative"),
            ({"seed": 0, "index": 0, "expression": "bored"}, "bored"),
            ({"seed": 0, "index": 0, "expression": 7}, "7"),
            ({"seed": 0, "index": 0, "size": 8}, "16"),
        ],
    )
    def test_bad_arguments(self, arguments: dict[str, object], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            render_face(**arguments)  # type: ignore[arg-type]


class TestBoxes:
    def test_chip(self) -> None:
        for index in range(30):
            chip = render_chip(0, index)
            assert chip.image.ndim == 2
            (face,) = chip.faces
            side = len(chip.image)
            assert face.box.x >= 0 and face.box.x + face.box.width <= side
            assert face.box.y >= 0 and face.box.y + face.box.height <= side
            assert side / face.box.width == pytest.approx(1.83, rel=0.05)
            assert face.box == tuple(np.rint(face_box(face.eyes, face.mouth)).astype(int).tolist())


@pytest.mark.slow
class TestScenes:
    def test_boxes(self, scenes: list[Scene]) -> None:
        for scene in scenes:
            height, width = scene.image.shape[:2]
            for face in scene.faces:
                box = face.box
                assert box.x >= 0 and box.y >= 0 and box.x + box.width <= width and box.y + box.height <= height
                assert box.width >= 47
                assert box.height / box.width == pytest.approx(8 / 7, abs=0.03)
                assert all(overlap(box, other.box) < 0.01 for other in scene.faces if other is not face)

    def test_most_wanted_faces_are_there(self, scenes: list[Scene]) -> None:
        wanted = sum(1 + index % 4 for index in range(len(scenes)))
        assert sum(len(scene.faces) for scene in scenes) >= 0.9 * wanted

    @pytest.mark.parametrize("name", ["default", "alt2"])
    def test_a_real_cascade_finds_them(self, scenes: list[Scene], name: str) -> None:
        cascade = cv2.CascadeClassifier(f"{cv2.data.haarcascades}haarcascade_frontalface_{name}.xml")
        found = false = total = 0
        for scene in scenes:
            gray = cv2.cvtColor(scene.image, cv2.COLOR_BGR2GRAY)
            boxes = [Box(*map(int, box)) for box in cascade.detectMultiScale(gray, 1.1, 4, minSize=(36, 36))]
            total += len(scene.faces)
            found += sum(any(overlap(box, face.box) > 0.3 for box in boxes) for face in scene.faces)
            false += sum(all(overlap(box, face.box) <= 0.3 for face in scene.faces) for box in boxes)
        assert found >= 0.8 * total
        assert false <= 0.1 * total

    def test_same_scene_again(self, scenes: list[Scene]) -> None:
        again = render_scene(7, 2, 480, 360, 3, min_size=48)
        assert np.array_equal(again.image, scenes[2].image)
        assert [face.box for face in again.faces] == [face.box for face in scenes[2].faces]

    def test_a_place_has_nobody_in_it(self) -> None:
        cascade = cv2.CascadeClassifier(f"{cv2.data.haarcascades}haarcascade_frontalface_alt2.xml")
        found = 0
        for index in range(20):
            place = render_background(0, index, 320, 240)
            assert place.shape == (240, 320, 3)
            found += len(cascade.detectMultiScale(cv2.cvtColor(place, cv2.COLOR_BGR2GRAY), 1.1, 4))
        assert found <= 1

    def test_nobody_fits(self) -> None:
        with pytest.raises(ValueError, match="do not fit"):
            render_scene(0, 0, 40, 40)

    def test_film(self) -> None:
        film = list(moving_scene(1, 40, 320, 240, 2))
        assert len(film) == 40
        for person in (0, 1):
            faces = [scene.faces[person] for scene in film]
            assert {face.person for face in faces} == {person}
            assert len({face.expression for face in faces}) == 1
            steps = [overlap(one.box, other.box) for one, other in itertools.pairwise(faces)]
            assert min(steps) > 0.7
            assert overlap(faces[0].box, faces[-1].box) < 0.95
        for scene in film:
            assert overlap(scene.faces[0].box, scene.faces[1].box) == 0.0
            for face in scene.faces:
                assert face.box.x >= 0 and face.box.x + face.box.width <= 320
                assert face.box.y >= 0 and face.box.y + face.box.height <= 240
        assert np.array_equal(next(iter(moving_scene(1, 1, 320, 240, 2))).image, film[0].image)


class TestSource:
    def test_splits(self) -> None:
        loaded = Synthetic(train_size=30, val_size=20, test_size=10).load()
        assert {split: len(faces) for split, faces in loaded.items()} == {"train": 30, "val": 20, "test": 10}
        for faces in loaded.values():
            assert isinstance(faces, Faces)
            assert faces.images.shape[1:] == (1, 48, 48)
        pixels = torch.cat([faces.images.flatten(1) for faces in loaded.values()])
        assert len(torch.unique(pixels, dim=0)) == 60

    def test_a_longer_split_begins_like_a_shorter_one(self) -> None:
        short, long = Synthetic(10, 5, 0).load(), Synthetic(20, 8, 0).load()
        assert set(short) == {"train", "val"}
        assert torch.equal(short["train"].images, long["train"].images[:10])
        assert torch.equal(short["val"].labels, long["val"].labels[:5])

    def test_render_seed_and_size(self) -> None:
        one, other = (Synthetic(5, 5, 0, image_size=64).load(), Synthetic(5, 5, 0, render_seed=1, image_size=64).load())
        assert one["train"].images.shape == (5, 1, 64, 64)
        assert not torch.equal(one["train"].images, other["train"].images)

    @pytest.mark.parametrize("sizes", [(0, 5, 5), (5, 0, 5), (5, 5, -1)])
    def test_bad_sizes(self, sizes: tuple[int, int, int]) -> None:
        with pytest.raises(ValueError, match="from 1 up"):
            Synthetic(*sizes)


class TestWriters:
    def test_csv_holds_the_faces_of_the_source(self, tmp_path: Path, loaded: dict[str, Faces]) -> None:
        path = tmp_path / "faces.csv"
        writers.write_csv(path, **SIZES, seed=2)
        header, *rows = path.read_text().splitlines()
        assert header == "emotion,pixels,Usage"
        expected = [
            (int(label), image.flatten().tolist(), writers.USAGES[split])
            for split, faces in loaded.items()
            for image, label in zip(faces.images, faces.labels, strict=True)
        ]
        found = [row.split(",") for row in rows]
        assert [(int(label), [int(p) for p in pixels.split()], usage) for label, pixels, usage in found] == expected

    def test_folder(self, tmp_path: Path, loaded: dict[str, Faces]) -> None:
        writers.write_folder(tmp_path / "faces", **SIZES, seed=2, size=48)
        paths = sorted((tmp_path / "faces").glob("*/*/*.png"))
        assert len(paths) == sum(SIZES.values())
        for path in paths:
            split, name, place = path.parts[-3], path.parts[-2], int(path.stem)
            faces = loaded[split]
            assert labels.EXPRESSIONS[int(faces.labels[place])] == name
            assert np.array_equal(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), faces.images[place, 0].numpy())

    def test_chips(self, tmp_path: Path) -> None:
        target = tmp_path / "a folder"
        writers.write_chips(target, positives=6, negatives=3, seed=0)
        lines = (target / "positives.dat").read_text().splitlines()
        assert len(lines) == 6
        for line in lines:
            name, count, box = line.split("\t")
            x, y, width, height = map(int, box.split())
            image = cv2.imread(str(target / name), cv2.IMREAD_UNCHANGED)
            assert count == "1" and image.ndim == 2
            assert x >= 0 and y >= 0 and x + width <= image.shape[1] and y + height <= image.shape[0]
        negatives = sorted((target / "negatives").iterdir())
        assert len(negatives) == 3
        assert all(min(cv2.imread(str(path)).shape[:2]) >= 160 for path in negatives)

    def test_scenes(self, tmp_path: Path) -> None:
        writers.write_scenes(tmp_path / "scenes", 3, seed=1, width=320, height=240, n_faces=2)
        told = json.loads((tmp_path / "scenes/scenes.json").read_text())
        lines = (tmp_path / "scenes/scenes.dat").read_text().splitlines()
        for index, (entry, line) in enumerate(zip(told["scenes"], lines, strict=True)):
            scene = render_scene(1, index, 320, 240, 2)
            assert np.array_equal(cv2.imread(str(tmp_path / "scenes" / entry["file"])), scene.image)
            boxes = [list(face.box) for face in scene.faces]
            assert [face["box"] for face in entry["faces"]] == boxes
            assert [face["expression"] for face in entry["faces"]] == [face.expression for face in scene.faces]
            numbers = [str(number) for box in boxes for number in box]
            assert line.split() == [entry["file"], str(len(boxes)), *numbers]

    @pytest.mark.parametrize("suffix", [".mp4", ".avi"])
    def test_video(self, tmp_path: Path, suffix: str) -> None:
        path = tmp_path / f"film{suffix}"
        writers.write_video(path, frames=8, seed=0, width=320, height=240, n_faces=2, fps=10.0)
        told = json.loads(path.with_suffix(".json").read_text())
        assert [frame["time"] for frame in told["frames"]] == [number / 10 for number in range(8)]
        film = cv2.VideoCapture(str(path))
        for scene in moving_scene(0, 8, 320, 240, 2):
            ok, image = film.read()
            assert ok
            assert np.abs(image.astype(int) - scene.image).mean() < 8.0
        assert not film.read()[0]
        film.release()

    def test_an_interrupted_file_does_not_appear(self, tmp_path: Path) -> None:
        def stop(places: Sequence[Any]) -> Iterator[Any]:
            yield places[0]
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            writers.write_csv(tmp_path / "faces.csv", **SIZES, seed=0, track=stop)
        with pytest.raises(KeyboardInterrupt):
            writers.write_folder(tmp_path / "faces", **SIZES, seed=0, size=48, track=stop)
        with pytest.raises(KeyboardInterrupt):
            video = {"width": 320, "height": 240, "n_faces": 1}
            writers.write_video(tmp_path / "film.avi", 3, 0, **video, fps=10, track=stop)
        assert not list(tmp_path.iterdir())


class TestCommand:
    @pytest.fixture(autouse=True)
    def _restore(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
        monkeypatch.setattr(sys, "argv", ["cascade.drawn"])
        yield
        GlobalHydra.instance().clear()

    def run(self, *arguments: object) -> None:
        sys.argv[1:] = map(str, arguments)
        main()

    def refused(self, capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
        with pytest.raises(SystemExit) as exit:
            self.run(*arguments)
        assert exit.value.code == 2
        return capsys.readouterr().err

    def test_sheet(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        target = tmp_path / "a sheet (1).png"
        self.run("sheet", target, "people=2", "size=48", "clean=true")
        assert capsys.readouterr().out.strip() == str(target)
        page = cv2.imread(str(target))
        assert page.shape[1] == 4 + 2 * (48 + 4)
        assert np.array_equal(page[4:52, 4:52], render_face(0, 0, "angry", 48, colour=True, clean=True).image)

    def test_chips_as_the_writer_writes_them(self, tmp_path: Path) -> None:
        self.run("chips", tmp_path / "one", "positives=3", "negatives=1", "seed=4")
        writers.write_chips(tmp_path / "two", 3, 1, 4)
        one, two = (
            {path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob("*.*")}
            for name in ("one", "two")
        )
        assert one == two and len(one) == 5

    @pytest.mark.parametrize("what", ["csv", "folder", "scenes", "video"])
    def test_the_others(self, tmp_path: Path, what: str) -> None:
        few = {"csv": ("train=2", "val=1", "test=0"), "scenes": ("count=1",), "video": ("frames=2",)}
        target = tmp_path / ("film.avi" if what == "video" else "out")
        self.run(what, target, *few.get(what, ("train=1", "val=1", "test=1", "size=16")))
        assert target.exists()

    def test_what_exists_is_kept(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        target = tmp_path / "faces.csv"
        target.write_text("mine")
        assert "exists" in self.refused(capsys, "csv", target, "train=1", "val=1", "test=1")
        assert target.read_text() == "mine"

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["scenes", "OUT", "width=40", "height=40"], "do not fit"),
            (["video", "OUT.mkv"], ".mp4 or .avi"),
            (["video", "OUT.mp4", "fps=0"], "fps is 0; it must be a number from 1 to 1000"),
            (["sheet", "OUT.nonsense"], ".png"),
            (["sheet", "OUT.png", "clean=maybe"], "clean is 'maybe'; it must be true or false"),
            (["chips", "OUT", "positives=-1"], "positives is -1; it must be a whole number of 0 or more"),
            (["folder", "OUT", "size=8"], "size is 8; it must be a whole number from 16 to 4096"),
            (["csv", "OUT", "seed=1.5"], "seed is 1.5; it must be a whole number"),
            (["csv", "OUT", "positives=5"], "no setting positives"),
            (["csv", "OUT", "+size=5"], "no setting size"),
            (["films", "OUT"], "draw has no option films; known are"),
            (["csv"], "name what to draw"),
            ([], "name what to draw"),
        ],
    )
    def test_what_cannot_be_done(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
    ) -> None:
        assert message in self.refused(capsys, *(text.replace("OUT", f"{tmp_path}/out") for text in arguments))
        assert not list(tmp_path.iterdir())

    def test_interrupted(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(writers, "info_line", interrupt)
        with pytest.raises(SystemExit) as exit:
            self.run("chips", tmp_path / "chips", "positives=2")
        assert exit.value.code == 130
        assert "nothing was written" in capsys.readouterr().err
        assert not list(tmp_path.iterdir())

    def test_no_torch(self) -> None:
        code = (
            "import sys, cascade.drawn.writers, cascade.drawn.__main__\n"
            "sys.exit('torch' in sys.modules or 'fer' in sys.modules)"
        )
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
