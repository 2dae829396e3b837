"""What networks answer about training faces that they have not learned, for students: what `fer.teach` calls."""

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from hydra.utils import instantiate
from omegaconf import DictConfig
from torch import Tensor

from cascade.command import output_dir
from cascade.errors import ConfigError, ModelError
from cascade.terminal import progress_bar
from fer.checkpoint import LoadedNetwork, load_network, read_checkpoint
from fer.data.augmentation import Augmentation
from fer.data.ferplus import votes_about
from fer.data.folds import fold_of
from fer.data.module import FaceDataModule, fold_numbers, resized
from fer.data.teacher import Teacher, TeacherInfo, checksum, draw_views
from fer.training.details import Named
from fer.training.stacking import stacked

log = logging.getLogger(__name__)

_BATCH = 256


def collect_answers(config: DictConfig) -> None:
    """Write what networks answered about the faces that they have not learned, and say how good it is.

    Raises:
        ConfigError: the networks do not cover the folds of one division, the data is a fold itself, or settings exclude
            each other.
        DataError: a file of answers or votes is missing, or about other faces.
        ModelError: a checkpoint is not one of this project, or is of a training on all faces.
    """
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    data: FaceDataModule = instantiate(config.data)
    if data.fold is not None:
        raise ConfigError(f"data.fold is {data.fold}; it must be null: the teachers' own folds are judged, all of them")
    given = None if config.answers is None else _read_answers(config, data)
    networks = {} if given else _teachers_of(config, data)
    train = data.splits["train"]
    votes = None if config.votes is None else torch.from_numpy(votes_about(Path(config.votes).expanduser(), train))
    info, answers = given or _judge_folds(config, data, networks)
    _tell("left-out faces, one view", answers[0], train.hard_labels)
    if len(answers) > 1:
        _tell("left-out faces, and its mirror image", _mean(answers[:2]), train.hard_labels)
    if info.augmentation is None:
        answers = _mean(answers)[None]
    if votes is not None:
        folds = fold_of(train.images, len({teacher["fold"] for teacher in info.teachers}))
        answers = torch.stack([stacked(of, votes, train.hard_labels, folds) for of in answers])
        _tell("left-out faces, with the votes", answers[0], train.hard_labels)
    path = output_dir() / "teacher.npz" if config.output is None else Path(config.output).expanduser()
    teacher = Teacher.of(replace(info, votes=votes is not None), answers)
    teacher.write(path)
    views, faces, _ = teacher.answers.shape
    log.info("%d answers to each of %s faces: %s, %.2f MB", views, f"{faces:,}", path, path.stat().st_size / 1e6)


def _teachers_of(config: DictConfig, data: FaceDataModule) -> Mapping[int, list[LoadedNetwork]]:
    """The configured networks by the fold that they left out, which know the data's classes."""
    networks = load_teachers([Path(path).expanduser() for path in config.teachers])
    classes = data.preprocessing.classes
    for network in (one for of in networks.values() for one in of):
        if network.info.preprocessing.classes != classes:
            raise ConfigError(
                f"a teacher knows {', '.join(network.info.preprocessing.classes)}; the data has {', '.join(classes)}"
            )
    return networks


def _judge_folds(
    config: DictConfig, data: FaceDataModule, networks: Mapping[int, list[LoadedNetwork]]
) -> tuple[TeacherInfo, Tensor]:
    """Let each network judge views of the faces that it left out: logarithms of probabilities, float (views, N, C)."""
    train, val = data.splits["train"], data.splits["val"]
    augmentation = data.augmentation or Augmentation()
    judge = _Judge(augmentation, bf16=config.precision == "bf16-mixed")
    folds = fold_of(train.images, len(networks))
    draws = draw_views(augmentation, max(2, config.views), len(train), config.seed)
    answers = torch.empty(len(draws), len(train), len(data.preprocessing.classes))
    with progress_bar() as bar:
        for view in bar.track(range(len(draws)), description="Judging views"):
            for fold, of in networks.items():
                chosen = (folds == fold).nonzero().flatten()
                answers[view, chosen] = judge(of, train.images[chosen], draws[view, chosen])
    plain = draw_views(augmentation, 2, len(val), config.seed)
    everyone = [network for of in networks.values() for network in of]
    unseen = torch.stack([judge(everyone, val.images, draws) for draws in plain])
    _tell("val faces, one view", unseen[0], val.hard_labels)
    _tell("val faces, and its mirror image", _mean(unseen), val.hard_labels)
    info = TeacherInfo(
        checksum=checksum(train),
        classes=data.preprocessing.classes,
        augmentation=augmentation.settings if config.views else None,
        seed=config.seed,
        teachers=[
            {
                "network": network.info.network,
                "fold": f"{fold}/{len(networks)}",
                "image_size": network.info.preprocessing.size,
                "commit": network.info.commit,
            }
            for fold, of in networks.items()
            for network in of
        ],
    )
    return info, answers


def _read_answers(config: DictConfig, data: FaceDataModule) -> tuple[TeacherInfo, Tensor]:
    """What a file of before says of the faces and of their mirror images, as `_judge_folds` does for `views=0`."""
    path = Path(config.answers).expanduser()
    if config.teachers or config.views or config.votes is None:
        raise ConfigError("answers=… joins a file of before with votes: set votes, leave teachers out and views at 0")
    teacher = Teacher.read(path)
    seen = Augmentation(**teacher.info.augmentation or {})
    teacher.check(path, data.splits["train"], data.preprocessing.classes, seen)
    if teacher.info.votes:
        raise ConfigError(f"answers: those of {path} have been joined with votes already")
    return replace(teacher.info, augmentation=None), teacher.log_probabilities[:2]


def load_teachers(paths: Sequence[Path]) -> Mapping[int, list[LoadedNetwork]]:
    """Load networks by the fold, from 1, that their trainings left out.

    Raises:
        ConfigError: folds are missing, or not all are of one division.
        ModelError: a checkpoint is not one of this project, or is of a training on all faces.
    """
    networks: dict[str, list[LoadedNetwork]] = defaultdict(list)
    for path in paths:
        checkpoint = read_checkpoint(path)
        state = checkpoint.get(FaceDataModule.__name__)
        fold = state.get("fold") if isinstance(state, dict) else None
        try:
            number, count = fold_numbers(fold if isinstance(fold, str) else "")
        except ConfigError:
            raise ModelError(
                f"teachers: {path} was trained on all faces; train it with data.fold=1/5 and so on"
            ) from None
        networks[f"{number}/{count}"].append(load_network(path))
    counts = {fold.partition("/")[2] for fold in networks}
    count = int(counts.pop()) if len(counts) == 1 else 0
    if missing := [fold for number in range(1, count + 1) if (fold := f"{number}/{count}") not in networks]:
        raise ConfigError(f"teachers has no checkpoint of data.fold={missing[0]}; every fold needs one")
    if not count:
        raise ConfigError(f"teachers must be of the folds of one division, not of {', '.join(networks) or 'none'}")
    return {number: networks[f"{number}/{count}"] for number in range(1, count + 1)}


class _Judge:
    """Networks' opinion of views of faces."""

    def __init__(self, augmentation: Augmentation, bf16: bool) -> None:
        self.augmentation, self.bf16 = augmentation, bf16
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    @torch.inference_mode()
    def __call__(self, networks: Sequence[LoadedNetwork], images: Tensor, draws: Tensor) -> Tensor:
        """The logarithm of the mean probabilities, float32 (N, C), of uint8 faces (N, 1, H, W) in views (N, 12)."""
        parts = []
        for some, views in zip(torch.split(images, _BATCH), torch.split(draws, _BATCH), strict=True):
            opinions = []
            for network in networks:
                network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
                size = network.preprocessing.size
                # as training does: where the augmentation moves nothing, faces come in their size
                small = some if self.augmentation.moves else resized(some, size)
                faces = self.augmentation.view(small.to(self.device), views.to(self.device), size)
                faces = network.preprocessing.normalise(faces).contiguous(memory_format=torch.channels_last)
                with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
                    opinions.append(network.network(faces).float().log_softmax(dim=1))
            parts.append(torch.stack(opinions).logsumexp(dim=0).log_softmax(dim=1).cpu())
        return torch.cat(parts)


def _mean(log_probabilities: Tensor) -> Tensor:
    """Of several views, (views, N, C): logarithms of their mean probabilities, (N, C)."""
    return log_probabilities.logsumexp(dim=0).log_softmax(dim=1)


def _tell(what: str, log_probabilities: Tensor, labels: Tensor) -> None:
    named = Named.of(log_probabilities, labels)
    log.info("%s: accuracy %.2f%%, negative log-likelihood %.4f", what, 100 * named.accuracy, named.nll)
