"""The trainer: stage after stage, each on the positives and negatives that those before it accept."""

import zipfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import numpy.typing as npt

from cascade.boost.boosting import Rates, boost
from cascade.boost.features import Features, haar_features, lbp_features
from cascade.boost.mining import Negatives, scenes_of
from cascade.boost.model import BoostedModel, BoostedStage, Samples, Tree
from cascade.boost.options import Options, check_requirements
from cascade.boost.pruning import cut_into_stages
from cascade.boost.trees import Table, Workers
from cascade.detectors.names import RESULTS
from cascade.errors import EarlyStop, ImageError, TrainingError
from cascade.files import whole
from cascade.pictures import Image
from cascade.samples.vec import read_vec
from cascade.training.preflight import not_writable
from cascade.training.trainer import Findings, Finished, Inputs, Observer, Stage, Training

MODEL = RESULTS[".xml"]
_FREE = ("threads", "recall")  # how fast, or what is done when all is trained: these may differ when it is continued
_KEPT = 2000  # negatives of a stage, by which it is judged how many windows pass
_ASIDE = 0.1  # share of the samples that is held out where the folder holds out too few
_FEWEST = 200  # held-out samples that are worth anything: what is rarer than one in so many does not show
_TREE = ("nodes", "cuts", "subsets", "leaves")


class BoostTrainer:
    """Trains a boosted cascade on samples of its window, without OpenCV's binaries: `cascade.xml`."""

    name = "boost"

    def __init__(self, options: Options) -> None:
        self.window = (options.w, options.h)
        self.stages = options.numStages
        more = (["held_out"] if options.judged else []) + (["pictures", "ignore"] if options.scenes else [])
        self.uses: Collection[str] = ("vec", *more)
        self.settings: Mapping[str, Any] = asdict(options)
        self._options = options

    def may_change(self, name: str, old: Any, new: Any) -> bool:
        """More stages are added to those that are there, and the finished cascade may keep more or fewer objects."""
        return name in _FREE or (name == "numStages" and int(new) > int(old))

    def check(self, inputs: Inputs) -> Findings:
        """Find numbers that do not go together, and a lack of memory."""
        return check_requirements(inputs, self._options, len(self._features()))

    def finished(self, folder: Path) -> Finished:
        """The stages that can be read."""
        return Finished(len(_read_stages(folder, len(self._features()), self.stages)))

    def train(self, inputs: Inputs, folder: Path, observers: Sequence[Observer]) -> Training:
        """Train the stages that are missing, and write the cascade."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TrainingError(not_writable(folder, error.strerror)) from error
        try:
            return _Run(self._options, self._features(), inputs, folder, observers).train()
        except ImageError as error:  # one that could be read when the training began
            raise TrainingError(f"{error}. Finished stages are kept; the same command goes on after them.") from error

    def _features(self) -> Features:
        if self._options.featureType == "LBP":
            return lbp_features(*self.window)
        return haar_features(*self.window, self._options.mode)


class _Run:
    """One training, from what is there to its end."""

    def __init__(
        self, options: Options, features: Features, inputs: Inputs, folder: Path, observers: Sequence[Observer]
    ) -> None:
        self.options, self.folder, self.observers = options, folder, observers
        self.workers = Workers(options.threads)
        self.model = BoostedModel(
            (options.w, options.h), features, _read_stages(folder, len(features), options.numStages)
        )
        self.positives, self.held_out = _positives(inputs, options)
        scenes = scenes_of(inputs, options.scenes)
        self.negatives = Negatives(scenes, self.model.window, options.seed, options.memory * 2**30)
        if (kept := _read(_negatives_file(folder, len(self.model.stages) - 1))) is not None:
            self.negatives.patches, self.negatives.position = kept["patches"], int(kept["position"])
            self.negatives.share = float(kept["share"])

    def train(self) -> Training:
        """Train the stages that are missing; a training that runs out of something ends early."""
        early = None
        while early is None and len(self.model.stages) < self.options.numStages:
            early = self._train_stage(len(self.model.stages))
        count = len(self.model.stages)
        if count == 0:
            raise early or TrainingError("no stage was trained")
        trees = len(self.model.trees())
        return Training(
            self.folder / MODEL, count, f"{trees} weak trees", early, self._finish() | {"weak_trees": trees}
        )

    def _train_stage(self, index: int) -> EarlyStop | None:
        """Train a stage and save it; an early stop where there is nothing to train it on."""
        started = monotonic()
        options, model = self.options, self.model
        stage = Stage(index, own={"weak": 0})
        passed, _ = model.judge(self.positives)
        chosen = np.flatnonzero(passed == index)[: options.numPos]
        stage.positives, stage.positives_consumed = len(chosen), int(chosen.max(initial=-1)) + 1

        def count(found: int, looked_at: int) -> None:
            stage.seconds = monotonic() - started
            self._tell(stage, f"collecting negatives: {found} of {options.numNeg}, among {looked_at:,} windows")

        self._tell(stage, "collecting negatives")
        patches = self.negatives.collect(model, options.numNeg, self.workers, count)
        stage.negatives, stage.acceptance_ratio = len(patches), self.negatives.share
        if early := self._reason_to_stop(stage):
            return early
        self._tell(stage, "computing features")
        samples = Samples(np.concatenate([self.positives.patches[chosen], patches]))
        labels = np.repeat([1.0, -1.0], [len(chosen), len(patches)])
        before = model.judge(samples)[1] if options.nested and index else None
        random = np.random.default_rng((options.seed, index))
        table = Table(model.features, samples, self.workers, options.memory * 2**30, random)

        def tell(rates: Rates) -> None:
            stage.own["weak"] = rates.trees
            stage.hit_rate, stage.false_alarm_rate = rates.hit_rate, rates.false_alarm_rate
            stage.seconds = monotonic() - started
            self._tell(stage, f"boosting: {rates.trees} weak trees, false alarms {rates.false_alarm_rate:.3f}")

        boosted, rates = boost(table, labels, before, options, random, tell)
        if not boosted.trees:
            return EarlyStop(f"Stage {index} cannot be trained: no feature tells its positives and negatives apart.")
        model.stages.append(boosted)
        if len(self.held_out):
            stage.own["recall"] = kept = self._recall(model)
            if not options.nested and kept < (options.recall or 0):
                model.stages.pop()
                return self._ended(
                    index,
                    f"With one more, {kept:.1%} of the positives held out would be kept, less than options.recall "
                    f"{options.recall}.",
                )
        self._save(stage, patches[:_KEPT])
        stage.seconds, stage.finished = monotonic() - started, True
        if rates.trees >= options.maxWeakCount and rates.false_alarm_rate > options.maxFalseAlarmRate:
            self._note(
                f"stage {index} ended at maxWeakCount {options.maxWeakCount} above maxFalseAlarmRate "
                f"{options.maxFalseAlarmRate}: raise options.maxWeakCount, or give more or better samples"
            )
        for observer in self.observers:
            observer.stage_finished(stage)
        return None

    def _finish(self) -> dict[str, Any]:
        """Write the cascade, of nested stages cut anew where there is something to judge them by; returns figures."""
        model, options = self.model, self.options
        if options.nested and len(self.held_out):
            negatives = []
            for index in range(len(model.stages)):
                kept = _read(_stage_file(self.folder, index))
                if kept is None:
                    raise TrainingError(
                        f"{_stage_file(self.folder, index)} was there a moment ago and cannot be read now"
                    )
                negatives.append((float(kept["share"]), Samples(kept["negatives"])))
            recall = options.recall or self._recall(model)
            stages = cut_into_stages(model, self.held_out, negatives, recall)
            model = BoostedModel(model.window, model.features, stages)
        self._write_cascade(model)
        figures: dict[str, Any] = {"trees_of_stages": [len(stage.trees) for stage in model.stages]}
        if len(self.held_out):
            figures["held_out"] = {"positives": len(self.held_out), "recall": self._recall(model)}
        return figures

    def _recall(self, model: BoostedModel) -> float:
        """The share of the held-out positives that a cascade accepts."""
        return float((model.judge(self.held_out)[0] == len(model.stages)).mean())

    def _reason_to_stop(self, stage: Stage) -> EarlyStop | None:
        """Why a stage is not trained, as opencv_traincascade would not either."""
        options, ratio = self.options, stage.acceptance_ratio
        goal = options.maxFalseAlarmRate**options.numStages / options.maxDepth
        if stage.positives == 0:
            why = f"No positive passes the {stage.index} stages. Raise options.minHitRate."
        elif stage.index and ratio <= goal:
            why = (
                f"They already reach the false-alarm rate asked for, maxFalseAlarmRate^numStages = {goal:.3g}. For a "
                "stricter cascade give harder or more negatives, or a lower options.maxFalseAlarmRate."
            )
        elif stage.negatives < options.numNeg:
            why = (
                f"All negatives gave {stage.negatives} windows that these stages mistake for a positive, fewer than "
                f"numNeg {options.numNeg}. Add pictures without faces, or lower options.numNeg."
            )
        elif ratio <= options.acceptanceRatioBreakValue:
            why = (
                "The share of accepted negatives fell to options.acceptanceRatioBreakValue "
                f"{options.acceptanceRatioBreakValue}."
            )
        else:
            return None
        return self._ended(stage.index, why)

    def _ended(self, finished: int, why: str) -> EarlyStop:
        """What is told of a training that ended before its last stage."""
        left = f"{MODEL} holds those {finished} and can be used as it is (accept_early_stop=true makes this a success)"
        return EarlyStop(
            f"Training ended after {finished} of {self.options.numStages} stages; "
            f"{left if finished else 'there is no cascade'}. {why}"
        )

    def _save(self, trained: Stage, windows: Image) -> None:
        """Save a stage, and before it what is needed to go on after it; `windows` are some of its negatives."""
        index, negatives = trained.index, self.negatives
        state = {"patches": negatives.patches, "position": negatives.position, "share": negatives.share}
        _write(_negatives_file(self.folder, index), state)
        stage = self.model.stages[index]
        parts = {name: np.concatenate([getattr(tree, name) for tree in stage.trees]) for name in _TREE}
        sizes = [len(tree.nodes) for tree in stage.trees]
        _write(
            _stage_file(self.folder, index),
            {
                **parts,
                "sizes": sizes,
                "threshold": np.float32(stage.threshold),
                "goes_on": stage.goes_on,
                "negatives": windows,
                "share": trained.acceptance_ratio,
            },
        )
        _negatives_file(self.folder, index - 1).unlink(missing_ok=True)

    def _write_cascade(self, model: BoostedModel) -> None:
        options = self.options
        parameters = {
            "boostType": "GAB",
            "minHitRate": options.minHitRate,
            "maxFalseAlarm": options.maxFalseAlarmRate,
            "weightTrimRate": options.weightTrimRate,
            "maxDepth": options.maxDepth,
            "maxWeakCount": options.maxWeakCount,
        }
        model.xml(parameters).write(self.folder / MODEL)

    def _tell(self, stage: Stage, activity: str) -> None:
        for observer in self.observers:
            observer.update(stage, activity)

    def _note(self, text: str) -> None:
        for observer in self.observers:
            observer.noted(text)


def _positives(inputs: Inputs, options: Options) -> tuple[Samples, Samples]:
    """The samples to grow trees on, and those held out: what the prepared folder holds out, or the last of the .vec."""
    samples = read_vec(inputs.vec, options.w, options.h)
    held_out = samples[:0]
    if options.judged and inputs.held_out is not None:
        held_out = read_vec(inputs.held_out, options.w, options.h)
    if options.nested and len(held_out) < _FEWEST:
        aside = round(_ASIDE * len(samples))
        samples, held_out = (samples[:-aside], samples[-aside:]) if aside >= _FEWEST else (samples, samples[:0])
    return Samples(samples), Samples(held_out)


def _stage_file(folder: Path, index: int) -> Path:
    return folder / f"stage{index}.npz"


def _negatives_file(folder: Path, index: int) -> Path:
    """What is known of the negatives after a stage."""
    return folder / f"negatives{index}.npz"


def _write(path: Path, arrays: Mapping[str, Any]) -> None:
    with whole(path) as part, part.open("wb") as handle:
        np.savez(handle, allow_pickle=False, **{name: np.asarray(array) for name, array in arrays.items()})


def _read(path: Path) -> dict[str, npt.NDArray[Any]] | None:
    """What was saved; None where there is nothing, or something cut short."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)
    except (OSError, EOFError, ValueError, zipfile.BadZipFile):
        return None


def _read_stages(folder: Path, features: int, most: int) -> list[BoostedStage]:
    """The stages of a folder up to the first that cannot be read, or speaks of features that there are not."""
    stages: list[BoostedStage] = []
    while len(stages) < most and (kept := _read(_stage_file(folder, len(stages)))) is not None:
        try:
            trees = _trees(kept)
            threshold, goes_on = float(kept["threshold"]), bool(kept["goes_on"])
        except (KeyError, IndexError, ValueError, TypeError):
            break
        if not trees or not all(tree.fits(features) for tree in trees):
            break
        stages.append(BoostedStage(tuple(trees), threshold, goes_on))
    return stages


def _trees(kept: Mapping[str, npt.NDArray[Any]]) -> list[Tree]:
    ends = np.cumsum(kept["sizes"])
    starts = ends - kept["sizes"]
    trees = []
    for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
        nodes, cuts, subsets = (kept[name][start:end] for name in ("nodes", "cuts", "subsets"))
        trees.append(Tree(nodes, cuts, subsets, kept["leaves"][start + number : end + number + 1]))
    return trees
