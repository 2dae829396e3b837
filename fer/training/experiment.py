"""One run, from a composed configuration to its report: what `train.py` calls."""

import contextlib
import logging
import os
import shlex
import sys
import time
import traceback
import warnings
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from lightning_fabric.utilities.exceptions import MisconfigurationException
from lightning_fabric.utilities.rank_zero import rank_zero_only
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import ProgressBar
from torch import Tensor

from cascade.command import is_multirun, output_dir
from cascade.convolutional.pytorch import has_bf16
from cascade.errors import ConfigError, ModelError, UserError
from cascade.files import remove_parts, sole_use
from fer.checkpoint import (
    LoadedNetwork,
    begin_from,
    build_network,
    can_resume,
    load_network,
    missing_state,
    network_difference,
    read_checkpoint,
    released_checkpoints,
    source_commit,
)
from fer.data.faces import Split
from fer.data.module import FaceDataModule
from fer.inference.classifier import released_models
from fer.model_info import METADATA_KEY
from fer.training.callbacks.checkpoints import LAST, BestAndLast, WholeCheckpoints
from fer.training.callbacks.progress import Progress
from fer.training.callbacks.stop import StopOnSignal, TrainingStopped
from fer.training.details import Comparison, originals_of
from fer.training.evaluate import evaluate, load_judged
from fer.training.losses import Distillation, Loss
from fer.training.memory import keep_freed_memory
from fer.training.metrics import Scores
from fer.training.module import ExpressionClassifier
from fer.training.report import log_hyperparameters, report, write_history

log = logging.getLogger(__name__)

_OPTIMIZERS = ("torch.optim.", "fer.training.muon")
"""Where a state that does not fit the network shows first, beside the place that restores it."""

_OURS = ("logger", "callbacks", "plugins")
"""What `train.py` itself gives Lightning's Trainer."""

# Lightning still uses what torch deprecates: https://github.com/Lightning-AI/pytorch-lightning/issues/21326
warnings.filterwarnings("ignore", message=".*LeafSpec", category=FutureWarning)


def run_experiment(config: DictConfig) -> float | None:
    """Train and evaluate, or only evaluate, as the configuration says.

    Returns:
        The monitored metric of the best epoch, for sweeps; None where nothing was measured.

    Raises:
        OutputError: another run has the folder.
        SystemExit: 128 + signal, after a run that a signal ended has been saved and reported.
    """
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)  # its tips and what it found no GPU of
    keep_freed_memory()
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    if config.train and config.against is not None:
        raise ConfigError("against compares two finished models: set train=false and ckpt_path")
    pl.seed_everything(config.seed, workers=True, verbose=False)
    folder = output_dir()
    if getattr(rank_zero_only, "rank", 0):  # the first of several processes has it already
        return _train(config) if config.train else _evaluate_only(config)
    with sole_use(folder, f"another run is writing to {folder}; wait for it, or name another with hydra.run.dir="):
        remove_parts(folder, "checkpoints")
        return _train(config) if config.train else _evaluate_only(config)


def _train(config: DictConfig) -> float | None:
    started = time.monotonic()
    start = _start_of(config)  # a wrong file is named before anything slow happens
    data: FaceDataModule = instantiate(config.data)
    loss: Loss = instantiate(config.loss)
    _check_teacher(loss, data)
    network = _network_config(config, data.preprocessing.classes)
    if config.ckpt_path is not None:
        _check_resumed(config, network)
    built = build_network(network)
    if start is not None and config.ckpt_path is None:
        begin_from(built, network, data.preprocessing.classes, start)
    classifier = ExpressionClassifier(
        network=built,
        network_config=network,
        optimizer=instantiate(config.optimizer),
        schedule=instantiate(config.scheduler),
        loss=loss,
        preprocessing=data.preprocessing,
        channels_last=config.channels_last,
        compile=config.compile,
    )
    shows_bar = config.trainer.enable_progress_bar and sys.stdout.isatty()  # a log file gets one line per epoch instead
    parameters = sum(p.numel() for p in classifier.network.parameters())
    log.info("network: %s, %s parameters", type(classifier.network).__name__, f"{parameters:,}")
    callbacks = [callback for callback in _made(config.callbacks) if not isinstance(callback, ProgressBar) or shows_bar]
    trainer = _trainer(
        config,
        logger=_made(config.logger),
        callbacks=callbacks,
        enable_progress_bar=shows_bar,
        plugins=[WholeCheckpoints()],
    )
    _refuse_diverging_ranks(trainer)
    _refuse_more_processes_than_processors(trainer)
    data.setup()  # before the Trainer's own output, so that parsing shows its progress alone
    _check_monitor(config.monitor, data)
    with contextlib.suppress(TrainingStopped), _lightnings_refusals(checkpoint=config.ckpt_path):
        # StopOnSignal tells below which signal it was
        trainer.fit(classifier, datamodule=data, ckpt_path=config.ckpt_path, weights_only=True)
    ours: dict[type, Any] = {type(callback): callback for callback in callbacks}
    received = ours[StopOnSignal].received if StopOnSignal in ours else None
    best = ours[BestAndLast].best_model_path if BestAndLast in ours and not config.trainer.fast_dev_run else ""
    value = ours[BestAndLast].best_model_score if BestAndLast in ours else None
    value = value if value is not None else trainer.callback_metrics.get(config.monitor)
    metric = None if value is None else float(value)

    if trainer.is_global_zero:
        notes: list[str] = []
        scores: dict[str, Scores] = {}
        # this run's overrides, less the checkpoint it started from
        overrides = [item for item in HydraConfig.get().overrides.task if not item.startswith("ckpt_path=")]
        if loaded := load_network(best) if best else None:
            scores, _ = _score_splits(loaded, data, trainer, with_test=config.test and not received, notes=notes)
            log_hyperparameters(trainer, config, scores["val"])
        elif received is None:
            notes.append("No checkpoint was kept, so there is nothing to evaluate.")
        if received:
            again = shlex.join([*overrides, f"ckpt_path={output_dir() / 'checkpoints' / LAST}"])
            notes.append(
                f"Stopped by {received.name} in epoch {trainer.current_epoch + 1}; the figures are those of the best "
                f"epoch so far, no test was run. Go on with: python train.py {again}"
            )
        if Progress in ours:
            write_history(output_dir(), ours[Progress].history)
        about = {
            "checkpoint": best or None,
            "monitored": {config.monitor: metric},
            "best_epoch": loaded.info.epoch if loaded else None,
            "epochs": trainer.current_epoch,
            "seed": config.seed,
            "seconds": round(time.monotonic() - started, 1),
            "commit": source_commit(),
            "command": ["train.py", *overrides],
        }
        report(output_dir(), scores, about, notes)
    if received:
        sys.exit(128 + received)
    return metric


def _evaluate_only(config: DictConfig) -> float | None:
    if config.ckpt_path is None:
        raise UserError(
            "train=false evaluates a checkpoint, an .onnx file or a released model: set "
            "ckpt_path=outputs/train/…/checkpoints/best.ckpt, or to one of " + ", ".join(released_models())
        )
    path, loaded, data = _judged_by(config, config.ckpt_path)
    other = None if config.against is None else _judged_by(config, config.against)
    if other and other[1].preprocessing.classes != loaded.preprocessing.classes:
        raise ConfigError(f"against={config.against} names other classes: they cannot be compared face by face")
    trainer = _trainer(config, logger=False, callbacks=[], enable_checkpointing=False)
    notes: list[str] = []
    scores, hits = _score_splits(loaded, data, trainer, with_test=config.test, notes=notes)
    info = loaded.info
    about = {"checkpoint": str(path.absolute()), "epoch": info.epoch, "commit": info.commit}
    against = None
    if other:
        _, theirs = _score_splits(*other[1:], trainer, with_test="test" in scores, notes=[])
        against = config.against, {split: Comparison.of(hits[split], theirs[split]) for split in hits}
    report(output_dir(), scores, about, notes, against)
    return scores["val"].totals().get(config.monitor)


def _judged_by(config: DictConfig, checkpoint: str) -> tuple[Path, LoadedNetwork, FaceDataModule]:
    """The file of a model, see `load_judged`, its network, and the data as that wants it."""
    path, loaded = load_judged(checkpoint)
    size = loaded.preprocessing.size
    if config.data.image_size != size:
        log.info("%s was trained on faces of %d pixels; using that", checkpoint, size)
        config.data.image_size = size
    data: FaceDataModule = instantiate(config.data)
    data.judge_by(loaded.preprocessing)
    return path, loaded, data


def _network_config(config: DictConfig, classes: Sequence[str]) -> dict[str, Any]:
    """What builds the configured network, with an output for each class."""
    network: Any = OmegaConf.to_container(config.model, resolve=True)
    if "num_classes" in network:
        raise ConfigError(f"model.num_classes is the data's to say: it has {len(classes)} classes")
    return {**network, "num_classes": len(classes)}


def _start_of(config: DictConfig) -> LoadedNetwork | None:
    """The network whose weights a training begins with, or began with; its faces' size becomes that of the data's."""
    if config.init_from is None:
        return None
    start = load_network(released_checkpoints().get(config.init_from, config.init_from))
    if config.data.image_size != start.preprocessing.size:
        log.info("%s was trained on faces of %d pixels; using that", config.init_from, start.preprocessing.size)
        config.data.image_size = start.preprocessing.size
    return start


def _check_resumed(config: DictConfig, configured: dict[str, Any]) -> None:
    """Refuse a checkpoint without a training's state, or of another network than the configured one."""
    checkpoint = read_checkpoint(config.ckpt_path)
    if not can_resume(checkpoint):
        raise UserError(
            f"{config.ckpt_path} holds a network alone: it can be evaluated (train=false), but training can only be "
            f"resumed from a run's best.ckpt or last.ckpt"
        )
    if missing := missing_state(checkpoint):
        raise ModelError(f"training cannot go on from {config.ckpt_path}, which is damaged: it holds no {missing}")
    saved = checkpoint[METADATA_KEY].network
    if difference := network_difference(saved, configured):
        raise UserError(f"{config.ckpt_path} is of another network than model=… describes: {difference}")


def _trainer(config: DictConfig, **arguments: Any) -> Trainer:
    if ours := sorted(set(_OURS) & set(config.trainer)):
        raise ConfigError(
            f"trainer.{ours[0]} is not read: logger=…, callbacks=… and checkpoints have settings of their own"
        )
    if absent := sorted(
        {"accelerator", "devices", "precision", "enable_progress_bar", "fast_dev_run"} - set(config.trainer)
    ):
        raise ConfigError(f"trainer.{absent[0]} cannot be taken away")
    every, epochs = config.trainer.get("check_val_every_n_epoch"), config.trainer.get("max_epochs")
    if every and epochs and 0 < epochs < every and not config.trainer.fast_dev_run:
        raise ConfigError(
            f"trainer.check_val_every_n_epoch={every} is more than trainer.max_epochs={epochs}: no epoch would be "
            f"validated, and none kept"
        )
    make: partial[Trainer] = instantiate(config.trainer, _partial_=True)
    hardware = f"trainer.accelerator={config.trainer.accelerator} with trainer.devices={config.trainer.devices}"
    with _lightnings_refusals(f" ({hardware} was asked for; trainer=cpu trains on the processor)"):
        trainer = make(**arguments)
        slow = str(config.trainer.precision).startswith("bf16") and trainer.strategy.root_device.type == "cpu"
        if slow and not has_bf16():
            log.warning(
                "trainer.precision=%s is a tenth as fast as 32-true on this processor, which computes no bfloat16 "
                "(it lacks AVX512-BF16): going on in 32 bits",
                config.trainer.precision,
            )
            trainer = make(**arguments, precision="32-true")
        return trainer


@contextlib.contextmanager
def _lightnings_refusals(advice: str = "", checkpoint: str | None = None) -> Iterator[None]:
    """Say what Lightning itself finds wrong with settings, or with a checkpoint, as what it is: a user's mistake.

    Args:
        advice: what to add to that of a setting.
        checkpoint: that training is to go on from.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        modules = [str(frame.f_globals.get("__name__", "")) for frame in frames]
        reason = " ".join(str(error).split())
        restoring = any(
            (
                module.endswith(".checkpoint_connector")
                and frame.f_code.co_name.strip("_").startswith(("resume", "restore"))
            )
            or module.startswith(_OPTIMIZERS)
            for frame, module in zip(frames, modules, strict=True)
        )
        if checkpoint is not None and restoring:
            raise ModelError(
                f"training cannot go on from {checkpoint}, whose state is damaged or of another program: "
                f"{type(error).__name__}: {reason}"
            ) from error
        settings = isinstance(error, MisconfigurationException | ValueError | TypeError)
        if settings and modules[-1].startswith(("pytorch_lightning.", "lightning_fabric.")):
            raise ConfigError(f"PyTorch Lightning refuses a setting of trainer.…: {reason}{advice}") from error
        raise


def _check_teacher(loss: Loss, data: FaceDataModule) -> None:
    """Refuse a teacher that nobody listens to, and a pupil without one."""
    if isinstance(loss, Distillation) and data.teacher_path is None:
        raise ConfigError("loss=distillation learns from a teacher: set data.teacher to a file of python -m fer.teach")
    if data.teacher_path is not None and not isinstance(loss, Distillation):
        raise ConfigError(f"data.teacher is {data.teacher_path}, which this loss does not use: set loss=distillation")


def _check_monitor(monitor: str, data: FaceDataModule) -> None:
    """Refuse the F1 of a class that is none, before an epoch is trained."""
    name, known = monitor.removeprefix("val_f1/"), data.preprocessing.classes
    if monitor.startswith("val_f1/") and name not in known:
        raise ConfigError(f"monitor={monitor}: the data has no class {name}; it has {', '.join(known)}")


def _made(group: DictConfig | None) -> list[Any]:
    """What a group of the configuration describes, less what is switched off."""
    return [instantiate(entry) for entry in (group or {}).values() if entry is not None]


def _score_splits(
    loaded: LoadedNetwork, data: FaceDataModule, trainer: Trainer, with_test: bool, notes: list[str]
) -> tuple[dict[str, Scores], dict[str, Tensor]]:
    """Score the selecting split, and the test split where that is wanted and there is one.

    Returns:
        the scores of each split, and whether each of its faces is named right, bool (N,).
    """
    if with_test and "test" not in data.splits:
        notes.append("No test was run: the data has no test split (fer2013 calls it PrivateTest).")
        with_test = False
    scores: dict[str, Scores] = {}
    hits: dict[str, Tensor] = {}
    splits: tuple[Split, ...] = ("val", "test") if with_test else ("val",)
    for split in splits:
        options: Any = {"device": trainer.strategy.root_device, "description": f"evaluating {split}"}
        originals = originals_of(data.splits[split], data.splits["train"])
        judged = evaluate(
            loaded.network, data.whole_split(split), loaded.preprocessing, originals, scores.get("val"), **options
        )
        scores[split], hits[split] = judged
    return scores, hits


def _refuse_more_processes_than_processors(trainer: Trainer) -> None:
    """Stop before as many processes are started as a slip of the finger may ask for."""
    if trainer.strategy.root_device.type == "cpu" and trainer.num_devices > max(2, count := os.cpu_count() or 1):
        raise ConfigError(
            f"trainer.devices={trainer.num_devices} wants more processes than the {count} processors here"
        )


def _refuse_diverging_ranks(trainer: Trainer) -> None:
    """Stop a sweep whose processes would not agree on the parameters of a run.

    Lightning starts the other ranks with this process's command line; a sweeper that draws parameters draws others
    in each of them, and a launcher that runs jobs side by side starts ranks that belong to no one.
    """
    if trainer.world_size == 1 or not is_multirun():
        return
    hydra = HydraConfig.get()
    sweeper, launcher = (str(part._target_).rpartition(".")[2] for part in (hydra.sweeper, hydra.launcher))
    if sweeper != "BasicSweeper" or "joblib" in launcher.lower():
        raise UserError(
            f"distributed training cannot run under {sweeper} with {launcher}: its processes would train with "
            f"different parameters. Use trainer.devices=1 for the search (several machines can share "
            f"hydra.sweeper.storage), or the basic sweeper and launcher"
        )
