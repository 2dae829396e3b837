"""The trainer: stage after stage, each in rounds of learning and searching for what is mistaken."""

import math
import os
import pickle
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from cascade.convolutional.examples import Hard, ScanExamples, Source, WindowExamples
from cascade.convolutional.export import to_onnx
from cascade.convolutional.graph import CascadeGraph, WindowStage
from cascade.convolutional.learning import Examples, Learning, Machine, fit
from cascade.convolutional.mining import Look, calibrate, covers, look, mistakes
from cascade.convolutional.networks import ScanNetwork, WindowNetwork
from cascade.convolutional.options import LookOptions, Options, ScanOptions, StageOptions
from cascade.convolutional.pytorch import has_bf16, save
from cascade.convolutional.scenes import Scene, read_scenes, steps
from cascade.convolutional.suspects import write_suspects
from cascade.detectors.convolutional import FORMAT
from cascade.detectors.names import RESULTS
from cascade.errors import EarlyStop, TrainingError
from cascade.files import write_whole
from cascade.pictures import Image
from cascade.training.trainer import Findings, Finished, Inputs, Observer, Stage, Training

MODEL = RESULTS[".onnx"]
_HOPELESS = -6.0  # logit of windows that are no object's for sure
_DOUBTFUL = -3.0  # and of those that are worth learning from
_MARGIN = 1.5  # by which earlier stages let more windows through for learning than for finding: variety is worth more
_FEW = 20  # objects
_MINED = 60  # hard windows of one picture
_MEASURED = 200  # pictures that tell the ranges of 8 bits
_LARGE = 1000  # pixels of their longer side


Network = ScanNetwork | WindowNetwork


class ConvolutionalTrainer:
    """Trains a convolutional cascade on whole pictures: `detector.onnx`."""

    name = "convolutional"
    uses: Collection[str] = ("pictures", "ignore")

    def __init__(self, options: Options) -> None:
        self.window = (options.w, options.h)
        self.stages = 1 + len(options.looks)
        self.settings: Mapping[str, Any] = {"stages": self.stages, **asdict(options)}
        self._options = options

    def may_change(self, name: str, old: Any, new: Any) -> bool:
        """What the finished detector looks for, what it is trained on, and more stages."""
        free = (
            "smallest",
            "threshold",
            "max_windows",
            "int8",
            "accelerator",
            "precision",
            "workers",
            "threads",
            "memory",
        )
        if name == "looks":
            before, now = ([(key, _learned(value)) for key, value in looks.items()] for looks in (old, new))
            return now[: len(before)] == before
        return name in free or (name == "stages" and new > old) or (name == "scan" and _learned(old) == _learned(new))

    def check(self, inputs: Inputs) -> Findings:
        """Find too few objects."""
        found = Findings(summary=f"{self.stages} stages")
        if 0 < inputs.samples < _FEW:
            found.errors.append(
                f"{inputs.samples} samples are too few to learn from; {_FEW} are the least, hundreds better"
            )
        return found

    def finished(self, folder: Path) -> Finished:
        """The stages whose networks can be read."""
        count = 0
        while count < self.stages and _read(_stage_file(folder, count)) is not None:
            count += 1
        return Finished(count)

    def train(self, inputs: Inputs, folder: Path, observers: Sequence[Observer]) -> Training:
        """Train the stages that are missing, and write the detector."""
        folder.mkdir(parents=True, exist_ok=True)
        scenes = read_scenes(inputs, self._options.aspect, self._options.memory)
        return _Run(self._options, scenes, folder, observers).train()


class _Run:
    """One training, from what is there to its end."""

    def __init__(self, options: Options, scenes: list[Scene], folder: Path, observers: Sequence[Observer]) -> None:
        self.options, self.folder, self.observers = options, folder, observers
        order = np.random.default_rng(options.seed).permutation(len(scenes))
        aside = max(1, round(options.held_out * len(scenes)))
        self.held_out, self.scenes = ([scenes[i] for i in part] for part in (order[:aside], order[aside:]))
        self.source = Source(self.scenes, options.aspect, options.variation)
        precision = options.precision
        if precision == "auto":
            precision = "bf16-mixed" if has_bf16() else "32-true"
        processors = os.cpu_count() or 1
        workers = min(8, processors // 2) if options.workers is None else options.workers
        torch.set_num_threads(max(1, processors - workers) if options.threads is None else options.threads)
        self.machine = Machine(options.accelerator, precision, workers)

    @property
    def _pitch(self) -> float:
        """From one step of the scan to the next, in a picture's pixels."""
        return ScanNetwork.stride * self.options.smallest / math.sqrt(self.options.aspect) / self.options.scan.size

    def train(self) -> Training:
        """Train the stages that are missing; a training whose negatives run dry ends early."""
        wanted = self.options.stages
        for index, options in enumerate(wanted):
            if _read(_stage_file(self.folder, index)) is None and not self._train_stage(index, options):
                return self._finish(
                    index,
                    EarlyStop(
                        f"Stage {index} has nothing to learn: those before it mistake hardly anything here; "
                        "the detector is whole, and more negatives would make more of it"
                    ),
                )
        return self._finish(len(wanted), None)

    def _train_stage(self, index: int, options: StageOptions) -> bool:
        """Train a stage and save it; False where there is nothing to learn from."""
        started = monotonic()
        torch.manual_seed(self.options.seed + index)
        network, hard = self._built(index), Hard()
        stage = Stage(index, len(self.source.objects), len(self.source.objects), own={"batches": 0})
        for number in range(options.rounds):
            kept = self.folder / f"stage{index}.round{number}.pt"
            if (state := _read(kept)) is not None:
                network.load_state_dict(state["network"])
                hard = Hard(*(state[name].numpy() for name in ("pictures", "windows")))
                continue
            if index or number:
                self._tell(stage, f"round {number + 1} of {options.rounds}: searching for what is mistaken")
                mined = self._mine(index, network if number else None)
                if len(mined) < self.options.fewest:
                    if number == 0:
                        return False
                    break
                hard = _joined(hard, mined, np.random.default_rng((self.options.seed, index, number)))
            stage.negatives = len(hard) or sum(steps(scene, self._pitch) for scene in self.scenes)
            self.source.hard = hard
            self._learn(network, stage, options, number)
            state = {"network": network.state_dict(), "pictures": torch.from_numpy(hard.pictures)}
            save(state | {"windows": torch.from_numpy(hard.windows)}, kept)
        threshold = self._judge(network, stage, options)
        stage.seconds, stage.finished = monotonic() - started, True
        save({"network": network.state_dict(), "threshold": threshold}, _stage_file(self.folder, index))
        for path in self.folder.glob(f"stage{index}.round*"):
            path.unlink()
        for observer in self.observers:
            observer.stage_finished(stage)
        return True

    def _learn(self, network: Network, stage: Stage, options: StageOptions, number: int) -> None:
        before = number * options.steps
        what = f"round {number + 1} of {options.rounds}"

        def tell(batch: int, means: dict[str, float]) -> None:
            if batch % 20 == 0:
                stage.own["batches"] = before + batch
                stage.hit_rate, stage.false_alarm_rate = (
                    means.get(name, math.nan) for name in ("hit_rate", "false_alarm_rate")
                )
                losses = f"loss {means['score']:.3f} + {means['framing']:.3f}"
                self._tell(stage, f"{what}: batch {batch} of {options.steps}, {losses}")

        learning = Learning(options.steps, options.batch, options.rate)
        checkpoint = self.folder / f"stage{stage.index}.round{number}.ckpt"
        seed = (self.options.seed, stage.index, number)
        fit(network, self._examples(stage.index), learning, seed, checkpoint, tell, self.machine)
        stage.own["batches"] = before + options.steps

    def _mine(self, index: int, network: Network | None) -> Hard:
        """What the stages before get wrong, and the network in the making if there is one."""
        saved = (self._saved(earlier)["threshold"] for earlier in range(index))
        thresholds = [min(float(threshold) - _MARGIN, _DOUBTFUL) for threshold in saved]
        graph = self._graph(index, network, _DOUBTFUL, thresholds)
        return mistakes(self._looks(graph, self.scenes), self.source.objects, _MINED)

    def _judge(self, network: Network, stage: Stage, options: StageOptions) -> float:
        """The threshold that keeps the recall asked for on the pictures held out, and the stage's figures there."""
        index = stage.index
        looks, found = self._found(self._graph(index, network, _HOPELESS))
        threshold = _quantile(found, options.recall)
        left = sum(int((seen.logits[:, -1] > threshold).sum()) for seen in looks)
        scanned = sum(steps(scene, self._pitch) for scene in self.held_out)
        before, recalled = scanned, 1.0
        if index > 0:
            earlier, reached = self._found(self._graph(index))
            before = sum(len(seen.windows) for seen in earlier)
            recalled = float(np.isfinite(reached).mean()) if len(reached) else 1.0
        recall = float((found > threshold).mean()) if len(found) else 0.0
        stage.acceptance_ratio = before / max(scanned, 1)
        stage.hit_rate, stage.false_alarm_rate = recall / max(recalled, 1e-9), left / max(before, 1)
        stage.own |= {"recall": recall, "windows": left / len(self.held_out)}
        return threshold

    def _found(self, graph: CascadeGraph) -> tuple[list[Look], npt.NDArray[np.float64]]:
        """What a detector sees in the pictures held out, and its last stage's logit on each of their objects."""
        looks = list(self._looks(graph, self.held_out))
        return looks, covers(looks, self.held_out, self.options.smallest / math.sqrt(self.options.aspect))

    def _finish(self, count: int, early: EarlyStop | None) -> Training:
        """Set thresholds and calibrate scores on the pictures held out, and write the detector."""
        thresholds: list[float] = []
        for options in self.options.stages[:count]:
            graph = self._graph(len(thresholds) + 1, thresholds=[*thresholds, _HOPELESS])
            thresholds.append(_quantile(self._found(graph)[1], options.final_recall))
        graph = self._graph(count, thresholds=thresholds)
        graph.calibration = calibrate(self._looks(graph, self.held_out))
        defaults = {
            "min_size": self.options.smallest,
            "threshold": self.options.threshold,
            "max_windows": self.options.max_windows,
        }
        looks = self._looks(graph, self.scenes)
        if said := write_suspects(self.folder, self.scenes, looks, graph.calibration, self.options.aspect):
            for observer in self.observers:
                observer.noted(said)
        about = {"calibration": graph.calibration, "aspect": self.options.aspect}
        described = {"format": FORMAT, "name": self.folder.name, "window": [self.options.w, self.options.h]}
        described |= {"stages": count, "about": about}
        write_whole(self.folder / MODEL, to_onnx(graph, defaults, described, self._examples_of_use()))
        parameters = sum(p.numel() for p in graph.parameters())
        return Training(self.folder / MODEL, count, f"{parameters:,} parameters", early, about)

    def _examples_of_use(self) -> list[Image]:
        """Pictures from all over those that are trained on, none of them large, for the ranges of 8 bits."""
        if not self.options.int8:
            return []
        chosen = self.scenes[:: max(1, len(self.scenes) // _MEASURED)][:_MEASURED]
        return [scene.level(max(0, math.ceil(math.log2(max(scene.size) / _LARGE))))[0] for scene in chosen]

    def _looks(self, graph: CascadeGraph, scenes: Sequence[Scene]) -> Iterable[Look]:
        return look(graph, scenes, self.options.smallest, self.options.max_windows)

    def _graph(
        self,
        count: int,
        network: Network | None = None,
        threshold: float = 0.0,
        thresholds: Sequence[float] | None = None,
    ) -> CascadeGraph:
        """The first stages as they are saved, with other thresholds perhaps, and perhaps one in the making."""
        parts: list[tuple[Network, float]] = []
        for index in range(count):
            state = self._saved(index)
            built = self._built(index)
            built.load_state_dict(state["network"])
            parts.append((built, float(state["threshold"]) if thresholds is None else thresholds[index]))
        if network is not None:
            parts.append((network, threshold))
        (scan, least), *others = parts
        assert isinstance(scan, ScanNetwork)
        looks = [
            WindowStage(own, self._patch(options), options.context, bar, passes=options.passes)
            for options, (own, bar) in zip(self.options.looks.values(), others, strict=False)
            if isinstance(own, WindowNetwork)
        ]
        return CascadeGraph(scan, looks, self.options.scan.size, self.options.aspect, least)

    def _saved(self, index: int) -> dict[str, Any]:
        """A finished stage; raises TrainingError where it is gone."""
        state = _read(_stage_file(self.folder, index))
        if state is None:
            raise TrainingError(f"{_stage_file(self.folder, index)} was there a moment ago and cannot be read now")
        return state

    def _built(self, index: int) -> Network:
        options = self.options.stages[index]
        if isinstance(options, ScanOptions):
            return ScanNetwork(options.channels, options.deep)
        return WindowNetwork(self._patch(options), options.channels, options.hidden)

    def _patch(self, options: LookOptions) -> tuple[int, int]:
        """Height and width of what a stage sees."""
        side = math.sqrt(self.options.aspect)
        return round(options.size / side), round(options.size * side)

    def _examples(self, index: int) -> Examples:
        options = self.options.stages[index]
        if isinstance(options, ScanOptions):
            return ScanExamples(self.source, options.size, ScanNetwork.stride)
        return WindowExamples(self.source, self._patch(options), options.context, options.jitter)

    def _tell(self, stage: Stage, activity: str) -> None:
        for observer in self.observers:
            observer.update(stage, activity)


def _joined(old: Hard, new: Hard, random: np.random.Generator) -> Hard:
    """The new windows, and as many of the old ones at most: what was learned is not to be forgotten."""
    kept = random.permutation(len(old))[: len(new)]
    pictures = np.concatenate([new.pictures, old.pictures[kept]])
    return Hard(pictures, np.concatenate([new.windows, old.windows[kept]]), new.missed)


def _quantile(found: npt.NDArray[np.float64], recall: float) -> float:
    """The threshold above which that share lies of the logits that are finite."""
    reached = found[np.isfinite(found)]
    return float(np.quantile(reached, 1 - recall)) if len(reached) else 0.0


def _learned(options: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a stage's options that its training depends on."""
    return {name: value for name, value in options.items() if name != "final_recall"}


def _stage_file(folder: Path, index: int) -> Path:
    return folder / f"stage{index}.pt"


def _read(path: Path) -> dict[str, Any] | None:
    """What was saved; None where there is nothing, or something cut short."""
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, pickle.UnpicklingError):
        return None
    return state
