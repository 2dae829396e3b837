"""The main job as a user runs it; in a process of its own where signals, ranks or a fresh start are the point."""

import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from cascade.files import sole_use
from fer.checkpoint import load_network, read_checkpoint
from fer.data.loader import EpochBatches, FaceLoader
from fer.data.synthetic import Synthetic
from fer.training.evaluate import predict_logits
from tests.conftest import ROOT, metrics_of
from tests.in_process import train_here

pytestmark = pytest.mark.slow


def _weights(path):
    return read_checkpoint(path)["state_dict"]


def _assert_same_weights(one, other):
    ours, theirs = _weights(one), _weights(other)
    assert ours.keys() == theirs.keys()
    different = [name for name, value in ours.items() if not torch.equal(value, theirs[name])]
    assert not different


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """One run of three epochs that several tests look at."""
    return train_here(
        tmp_path_factory.mktemp("finished"), "run", "trainer.max_epochs=3", "callbacks.pictures.every=2", "logger=csv"
    )


def test_a_run_ends_with_its_table_and_where_to_find_things(finished):
    run, output = finished
    for text in ("accuracy", "macro-F1", "calibration error", "surprise", "val (64", "test (64"):
        assert text in output
    assert str(run / "checkpoints" / "best.ckpt") in output
    assert f"tensorboard --logdir {run}" in output
    metrics = metrics_of(run)
    assert set(metrics["test"]["classes"]) == {"angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"}
    assert f"{metrics['val']['accuracy']:.2%}" in output
    assert f"{metrics['test']['accuracy']:.2%}" in output
    assert (run / "checkpoints" / "last.ckpt").is_file()
    assert metrics["epochs"] == 3
    # What was validated is what was saved
    assert metrics["monitored"]["val/acc"] == pytest.approx(metrics["val"]["accuracy"], abs=1e-6)


def test_a_fresh_process_gets_identical_logits(finished, tmp_path):
    run, _ = finished
    best = run / "checkpoints" / "best.ckpt"
    faces = Synthetic(train_size=1, val_size=16, test_size=0).load()["val"]
    loaded = load_network(best)
    here, _ = predict_logits(loaded.network, FaceLoader(faces, EpochBatches(16, 16, False)), loaded.preprocessing)
    script = f"""
import numpy as np
from fer.data.loader import EpochBatches, FaceLoader
from fer.data.synthetic import Synthetic
from fer.checkpoint import load_network
from fer.training.evaluate import predict_logits
loaded = load_network({str(best)!r})
faces = Synthetic(train_size=1, val_size=16, test_size=0).load()["val"]
loader = FaceLoader(faces, EpochBatches(16, 16, False))
logits, _ = predict_logits(loaded.network, loader, loaded.preprocessing)
np.save({str(tmp_path / "logits.npy")!r}, logits.numpy())
"""
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)
    np.testing.assert_array_equal(np.load(tmp_path / "logits.npy"), here.numpy())


def test_evaluating_the_checkpoint_gives_the_same_figures(finished, tmp_path):
    run, _ = finished
    again, output = train_here(
        tmp_path, "again", "train=false", f"ckpt_path={run}/checkpoints/best.ckpt", "data.image_size=64"
    )
    before, after = metrics_of(run), metrics_of(again)
    assert after["val"] == before["val"]
    assert after["test"] == before["test"]
    assert "faces of 48 pixels" in output  # the checkpoint's size, not the configuration's


def test_two_models_are_compared_face_by_face(finished, tmp_path):
    run, _ = finished
    again, output = train_here(
        tmp_path, "beside", "train=false", f"ckpt_path={run}/checkpoints/best.ckpt", "against=mini_xception"
    )
    found = metrics_of(again)
    other = found["against"]["test"]
    assert found["against"]["model"] == "mini_xception"
    assert other["won"] - other["lost"] == round((found["test"]["accuracy"] - other["accuracy"]) * 64)
    assert "val beside mini_xception: " in output and "(McNemar)" in output


def test_a_comparison_wants_two_finished_models(tmp_path):
    _, output = train_here(tmp_path, "early", "against=mini_xception", status=2)
    assert "set train=false" in output


def test_checkpoints_carry_what_to_be_unsure_of(finished):
    run, _ = finished
    unsure = metrics_of(run)["val"]["unsure"]
    assert read_checkpoint(run / "checkpoints" / "best.ckpt")["fer"].unsure_below == unsure["below"] > 0
    assert metrics_of(run)["test"]["unsure"]["below"] == unsure["below"]  # chosen once, on the selecting split


def test_the_same_seed_gives_the_same_figures(finished, tmp_path):
    run, _ = finished
    other, _ = train_here(tmp_path, "same", "trainer.max_epochs=3", "logger=none", "callbacks.pictures=null")
    _assert_same_weights(run / "checkpoints" / "last.ckpt", other / "checkpoints" / "last.ckpt")
    assert metrics_of(run)["val"] == metrics_of(other)["val"]


def test_tensorboard_shows_curves_pictures_and_hyperparameters(finished):
    run, _ = finished
    events = EventAccumulator(str(run / "tensorboard"), size_guidance={"images": 0}).Reload()
    tags = events.Tags()
    scalars = {"train/loss_step", "train/loss", "train/acc", "train/lr", "train/images_per_s"}
    scalars |= {"val/loss", "val/acc", "val/macro_f1", "val/ece", "val_f1/happy"}
    assert scalars <= set(tags["scalars"])
    assert len(events.Scalars("val/acc")) == 3
    assert {"train/first_batch", "val/confusion", "val/confidently_wrong"} <= set(tags["images"])
    assert events.Images("val/confusion")[0].width > 200
    final = [event.value for event in events.Scalars("final/val_acc")]
    assert final == [pytest.approx(metrics_of(run)["val"]["accuracy"])]
    hparams = events.SummaryMetadata("_hparams_/session_start_info")
    assert b"optimizer/lr" in hparams.plugin_data.content
    assert b"loss/label_smoothing" in hparams.plugin_data.content


@pytest.mark.parametrize(
    "more",
    [
        # A schedule that watches a metric is the hardest to resume: its step comes at the end of an epoch
        ["scheduler=reduce_on_plateau", "scheduler.patience=0"],
        ["init_from=mini_xception", "callbacks.freeze.epochs=3"],  # in the middle of a frozen epoch
    ],
    ids=["plateau", "frozen"],
)
def test_resuming_equals_an_uninterrupted_run_bit_for_bit(tmp_path, more):
    overrides = ["trainer.max_epochs=5", "logger=none", *more]
    whole, _ = train_here(tmp_path, "whole", *overrides)
    kick = f"+callbacks.kick={{_target_: tests.in_process.SignalAt, step: 10, number: {signal.SIGTERM.value}}}"
    part, output = train_here(tmp_path, "part", *overrides, kick, status=128 + signal.SIGTERM)
    assert "Stopped by SIGTERM in epoch 3" in output
    assert "val" in metrics_of(part)
    assert "test" not in metrics_of(part)
    assert read_checkpoint(part / "checkpoints" / "last.ckpt")["global_step"] == 10

    rest, _ = train_here(tmp_path, "rest", *overrides, f"ckpt_path={part / 'checkpoints' / 'last.ckpt'}")
    _assert_same_weights(whole / "checkpoints" / "last.ckpt", rest / "checkpoints" / "last.ckpt")
    _assert_same_weights(whole / "checkpoints" / "best.ckpt", rest / "checkpoints" / "best.ckpt")
    assert metrics_of(rest)["val"] == metrics_of(whole)["val"]
    assert metrics_of(rest)["test"] == metrics_of(whole)["test"]


def test_a_second_signal_stops_at_once_and_says_so(tmp_path):
    twice = [
        f"+callbacks.{name}={{_target_: tests.in_process.SignalAt, step: 3, number: {signal.SIGINT.value}}}"
        for name in ("kick", "again")
    ]
    run, output = train_here(tmp_path, "run", *twice, status=128 + signal.SIGINT)
    assert "SIGINT again: stopped at once, without saving" in output
    assert "Traceback" not in output and not (run / "checkpoints" / "last.ckpt").exists()


def test_two_runs_do_not_write_to_one_folder(tmp_path):
    with sole_use(tmp_path / "run"):
        _, output = train_here(tmp_path, "run", status=2)
    assert f"another run is writing to {tmp_path / 'run'}" in output


def test_ctrl_c_saves_and_says_how_to_go_on(commands):
    run, output, status = commands.interrupt_training(
        "stopped",
        "trainer.max_epochs=1000",
        number=signal.SIGINT,
        after=commands.folder / "stopped" / "checkpoints" / "best.ckpt",
    )
    assert status == 128 + signal.SIGINT, output
    assert f"ckpt_path={run / 'checkpoints' / 'last.ckpt'}" in output
    assert "macro-F1" in output
    read_checkpoint(run / "checkpoints" / "last.ckpt")


def test_a_loss_that_is_no_number_stops_the_run_and_says_why(tmp_path):
    _, output = train_here(tmp_path, "nan", "optimizer=sgd", "optimizer.lr=1e30", "trainer.max_epochs=3", status=2)
    assert "the loss is not finite in epoch 1" in output
    assert "lower optimizer.lr" in output
    assert "Traceback" not in output


def test_one_batch_can_be_learned_by_heart(tmp_path):
    run, _ = train_here(
        tmp_path, "overfit", "debug=overfit", "trainer.max_epochs=60", "logger=csv", "callbacks.pictures=null"
    )
    rows = (run / "csv" / "metrics.csv").read_text().splitlines()
    column = rows[0].split(",").index("train/acc")
    accuracies = [float(row.split(",")[column]) for row in rows[1:] if row.split(",")[column]]
    assert accuracies[0] < 0.5
    assert max(accuracies[-10:]) == 1.0


def test_data_without_a_test_split_says_that_no_test_was_run(tmp_path):
    run, output = train_here(tmp_path, "untested", "data.test_size=0", "trainer.max_epochs=1")
    assert "No test was run" in output
    assert "test" not in metrics_of(run)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["ckpt_path=gone.ckpt"], "no checkpoint at"),
        (["train=false"], "set ckpt_path"),
        ([f"ckpt_path={ROOT}/fer/weights/mini_xception.ckpt"], "holds a network alone"),
        (["data=fer2013", "data.path=nowhere/fer2013.csv"], "data=synthetic"),
        (["model._target_=os.system"], "fer.models"),
        (["label_smoothing=0.1"], "did you mean loss.label_smoothing"),
        (["+data.foo=1"], "there is no setting data.foo"),
        (["trainer=cpuu"], "trainer has no option cpuu; did you mean cpu?"),
        (["data=synthetic", "trainer.val_check_interval=1000000"], "refuses a setting of trainer"),
        (["trainer.max_time=abc"], "trainer.max_time is 'abc'; it must be days:hours"),
        (["trainer.check_val_every_n_epoch=7", "trainer.max_epochs=2"], "no epoch would be validated"),
        (["trainer=cpu", "trainer.devices=1000000"], "wants more processes than"),
        (["+trainer.plugins=abc"], "trainer.plugins is not read"),
        (["~trainer.precision"], "trainer.precision cannot be taken away"),
        (["trainer._target_=nope.nope"], "trainer._target_: "),
        (["data=synthetic", "monitor=val_f1/hungry"], "the data has no class hungry; it has angry"),
    ],
)
def test_mistakes_end_with_one_clear_line_and_status_2(tmp_path, overrides, said):
    _, output = train_here(tmp_path, "wrong", *overrides, tiny=False, status=2)
    assert said in output
    assert "Traceback" not in output


def test_a_checkpoint_of_another_network_is_not_resumed(finished, tmp_path):
    run, _ = finished
    _, output = train_here(tmp_path, "other", "model.stem=16", f"ckpt_path={run}/checkpoints/last.ckpt", status=2)
    assert "stem 8 there, 16 here" in output


def test_an_accelerator_that_is_not_there_is_named_with_the_way_out(tmp_path):
    _, output = train_here(tmp_path, "run", "trainer=gpu", status=2)  # the command sees no GPU: see Commands
    assert "trainer.accelerator=gpu" in output and "trainer=cpu" in output and "Traceback" not in output


def test_two_processes_train_one_network(commands):
    run, output = commands.train(
        "ddp",
        "trainer=ddp",
        "trainer.accelerator=cpu",
        "trainer.sync_batchnorm=false",
        "trainer.max_epochs=2",
        "data.batch_size=16",
    )
    metrics = metrics_of(run)
    assert metrics["val"]["count"] == 64
    # The steps of one process with twice the batch
    assert read_checkpoint(run / "checkpoints" / "last.ckpt")["global_step"] == 8
    # Every face was validated once: the figure of training is that of the evaluation afterwards
    assert metrics["monitored"]["val/acc"] == pytest.approx(metrics["val"]["accuracy"], abs=1e-6)
    assert output.count("Results") == 1
