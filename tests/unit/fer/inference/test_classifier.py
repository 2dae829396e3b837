import json
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import torch

from cascade.drawn.renderer import render_face
from cascade.errors import ModelError, UserError
from fer.checkpoint import load_network
from fer.crop import FER2013_CROP, Crop
from fer.data.faces import Faces
from fer.data.fer2013 import Fer2013
from fer.data.loader import EpochBatches, FaceLoader
from fer.data.module import FaceDataModule
from fer.export import difference, to_onnx
from fer.inference import ExpressionRecognizer
from fer.inference.classifier import BATCH, CheckpointClassifier, OnnxClassifier, load_classifier
from fer.model_info import METADATA_KEY, ModelInfo
from fer.preprocessing import Preprocessing
from fer.training.evaluate import predict_logits
from tests.conftest import ROOT
from tests.inference_models import WholePicture, write_checkpoint

pytestmark = pytest.mark.slow  # exporting a network takes seconds


def faces(count: int) -> np.ndarray:
    return np.stack([render_face(0, index).image for index in range(count)])


def test_training_and_detection_agree(ckpt: Path, model: Path, tmp_path: Path):
    """The same faces through the evaluation of training, and as files through the recogniser."""
    images = faces(20)
    loaded = load_network(ckpt)
    split = Faces(torch.from_numpy(images)[:, None], torch.zeros(20, dtype=torch.int64))
    loader = FaceLoader(split, EpochBatches(20, 8, shuffle=False))
    logits, _ = predict_logits(loaded.network, loader, loaded.preprocessing)
    wanted = logits.softmax(dim=1).numpy()
    assert np.ptp(wanted, axis=0).max() > 0.02  # faces that all look alike would prove nothing

    for file in (model, ckpt):
        recognizer = ExpressionRecognizer(WholePicture(), file, crop=Crop())
        for index, image in enumerate(images):
            path = tmp_path / f"{index}.png"
            cv2.imwrite(str(path), image)
            (face,) = recognizer.recognize(path)
            np.testing.assert_allclose(list(face.probabilities.values()), wanted[index], atol=1e-5)
            assert tuple(face.probabilities) == loaded.preprocessing.classes
            assert face.label == loaded.preprocessing.classes[wanted[index].argmax()]


def test_training_and_detection_agree_on_enlarged_faces(tmp_path: Path):
    """From the rows of fer2013.csv, enlarged to 64 pixels, and from pictures of 48 and of 192 pixels."""
    images = faces(4)
    usages = ("Training", "PublicTest")
    lines = [f"3,{' '.join(map(str, image.ravel()))},{usage}" for usage in usages for image in images]
    (tmp_path / "fer2013.csv").write_text("\n".join(["emotion,pixels,Usage", *lines]))
    data = FaceDataModule(Fer2013, image_size=64, path=tmp_path / "fer2013.csv", cache_dir=tmp_path)
    ckpt = write_checkpoint(tmp_path / "best.ckpt", data.preprocessing)
    loaded = load_network(ckpt)
    logits, _ = predict_logits(loaded.network, data.whole_split("val"), loaded.preprocessing)
    wanted = logits.softmax(dim=1).numpy()
    (tmp_path / "model.onnx").write_bytes(to_onnx(loaded))
    for file in ("model.onnx", "best.ckpt"):
        recognizer = ExpressionRecognizer(WholePicture(), tmp_path / file, crop=Crop())
        for image, row in zip(images, wanted, strict=True):
            for picture in (image, image.repeat(4, axis=0).repeat(4, axis=1)):
                (face,) = recognizer.recognize(picture)
                np.testing.assert_allclose(list(face.probabilities.values()), row, atol=1e-5)


@pytest.mark.parametrize("count", [0, 1, BATCH, BATCH + 1, 3 * BATCH + 5])
def test_batches_do_not_change_a_face(model: Path, ckpt: Path, count: int):
    images = faces(count) if count else np.zeros((0, 48, 48), np.uint8)
    together = load_classifier(model).probabilities(images)
    assert together.shape == (count, 7)
    np.testing.assert_allclose(together.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(together, load_classifier(ckpt).probabilities(images), atol=1e-5)


def test_running_a_model_imports_no_torch(model: Path):
    code = (
        "import sys, numpy as np\n"
        "from fer.inference import ExpressionRecognizer\n"
        "from cascade import CascadeDetector\n"
        f"r = ExpressionRecognizer(CascadeDetector('alt2'), {str(model)!r})\n"
        "assert r.recognize(np.zeros((60, 60), np.uint8)) == []\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_metadata_travels_with_the_model(ckpt: Path, model: Path):
    info = load_classifier(model).info
    assert info == replace(load_network(ckpt).info, parameters=56_951)
    assert info.epoch == 5
    assert info.network["_target_"].endswith("MiniXception")
    assert info.crop == FER2013_CROP
    assert model.stat().st_size < 300_000


def test_another_size_and_other_classes_are_used_as_the_model_says(tmp_path: Path):
    preprocessing = Preprocessing(size=64, mean=0.4, std=0.3, classes=("calm", "tense"))
    path = write_checkpoint(tmp_path / "other.ckpt", preprocessing)
    recognizer = ExpressionRecognizer(WholePicture(), path, crop=Crop())
    (face,) = recognizer.recognize(faces(1)[0])
    assert set(face.probabilities) == {"calm", "tense"}


def damage(model: Path, tmp_path: Path, change) -> Path:
    proto = onnx.load(model)
    change(proto)
    path = tmp_path / "changed.onnx"
    onnx.save(proto, path)
    return path


def test_a_model_without_metadata_is_refused(model: Path, tmp_path: Path):
    path = damage(model, tmp_path, lambda proto: proto.ClearField("metadata_props"))
    with pytest.raises(ModelError, match=r"fer\.export"):
        load_classifier(path)


def test_a_model_whose_rows_are_not_its_faces_is_refused(model: Path, tmp_path: Path):
    def change(proto):
        shares = np.full((1, 7), 1 / 7, np.float32)
        del proto.graph.node[:]
        made = proto.graph.output[0].name
        proto.graph.node.append(
            onnx.helper.make_node("Constant", [], [made], value=onnx.numpy_helper.from_array(shares))
        )

    with pytest.raises(ModelError, match=r"for 3 faces and 7 classes it gives values \(1, 7\)"):
        load_classifier(damage(model, tmp_path, change))


def test_a_model_that_never_ends_is_ended(model: Path, tmp_path: Path, monkeypatch):
    def change(proto):
        graph, kind = proto.graph, onnx.TensorProto
        last, made = graph.node[-1], graph.output[0].name
        last.output[0] = "shares"
        again = onnx.helper.make_graph(
            [onnx.helper.make_node("Identity", [one], [f"{one}_on"]) for one in ("goes_on", "value")],
            "body",
            [
                onnx.helper.make_tensor_value_info(name, number, shape)
                for name, number, shape in (
                    ("count", kind.INT64, []),
                    ("goes_on", kind.BOOL, []),
                    ("value", kind.FLOAT, None),
                )
            ],
            [
                onnx.helper.make_tensor_value_info(name, number, shape)
                for name, number, shape in (("goes_on_on", kind.BOOL, []), ("value_on", kind.FLOAT, None))
            ],
        )
        graph.initializer.append(onnx.numpy_helper.from_array(np.array(2**62), "rounds"))
        graph.initializer.append(onnx.numpy_helper.from_array(np.array(True), "true"))
        graph.node.append(onnx.helper.make_node("Loop", ["rounds", "true", "shares"], [made], body=again))

    monkeypatch.setattr("fer.inference.classifier.TRIAL_SECONDS", 0.5)
    with pytest.raises(ModelError, match=r"changed\.onnx fails with .* terminate"):
        load_classifier(damage(model, tmp_path, change))


def test_a_checkpoint_with_more_classes_than_outputs_is_refused(ckpt: Path, tmp_path: Path):
    checkpoint = torch.load(ckpt, weights_only=True)
    checkpoint["fer"]["preprocessing"]["classes"] = tuple("abcdefgh")
    torch.save(checkpoint, tmp_path / "more.ckpt")
    with pytest.raises(ModelError, match=r"more\.ckpt is broken: for 1 faces and 8 classes"):
        load_classifier(tmp_path / "more.ckpt")


@pytest.mark.parametrize(
    ("preprocessing", "message"),
    [(Preprocessing(size=64), r"\(N, 1, 64, 64\)"), (Preprocessing(classes=("calm", "tense")), "2 classes")],
)
def test_a_model_that_contradicts_its_metadata_is_refused(model, tmp_path, preprocessing, message):
    text = json.dumps(ModelInfo(preprocessing).to_dict())
    path = damage(model, tmp_path, lambda p: onnx.helper.set_model_props(p, {METADATA_KEY: text}))
    with pytest.raises(ModelError, match=message):
        load_classifier(path)


@pytest.mark.parametrize("text", ["{}", "no json", '{"format": 99}', '{"format": 1, "preprocessing": 3}'])
def test_broken_metadata_is_refused(model: Path, tmp_path: Path, text: str):
    path = damage(model, tmp_path, lambda p: onnx.helper.set_model_props(p, {METADATA_KEY: text}))
    with pytest.raises(ModelError, match=r"changed\.onnx"):
        load_classifier(path)


def test_a_damaged_model_is_refused(model: Path, tmp_path: Path):
    path = tmp_path / "cut.onnx"
    path.write_bytes(model.read_bytes()[:50_000])
    with pytest.raises(ModelError, match=r"cut\.onnx is not an ONNX model, or is damaged"):
        load_classifier(path)


@pytest.mark.parametrize("name", ["missing.onnx", "missing.ckpt", "no_such_model"])
def test_a_missing_classifier_is_named(tmp_path: Path, name: str):
    with pytest.raises(ModelError, match=name):
        load_classifier(tmp_path / name)


def test_a_file_of_another_kind_is_refused(tmp_path: Path):
    path = tmp_path / "notes.txt"
    path.write_text("hello")
    with pytest.raises(ModelError, match=r"neither an \.onnx"):
        load_classifier(path)


def test_a_checkpoint_that_is_none_is_refused(tmp_path: Path):
    path = tmp_path / "fake.ckpt"
    path.write_bytes(b"\x00\x01 not a checkpoint")
    with pytest.raises(UserError, match=r"fake\.ckpt"):
        load_classifier(path)


class Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("save", [torch.save, lambda value, path: path.write_bytes(pickle.dumps(value))])
def test_a_malicious_pickle_does_not_run(tmp_path: Path, save):
    mark, path = tmp_path / "it_ran", tmp_path / "bomb.ckpt"
    save({"fer": Bomb(mark)}, path)
    with pytest.raises(UserError, match=r"bomb\.ckpt"):
        load_classifier(path)
    assert not mark.exists()


def test_the_export_is_checked_against_the_checkpoint(ckpt: Path, model: Path):
    """What it compares is what differs when a weight does."""
    checkpoint, exported = CheckpointClassifier(ckpt), OnnxClassifier(model)
    assert difference(checkpoint, exported) < 1e-5
    with torch.no_grad():
        checkpoint.loaded.network.head.bias[0] += 0.1
    assert difference(checkpoint, exported) > 1e-3
