"""What this machine does with the released models: `python -m fer.benchmark`, one table to paste."""

import multiprocessing
import platform
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
from hydra.core.config_store import ConfigStore
from hydra.errors import InstantiationException

from cascade.command import run_command, settings
from cascade.detectors.convolutional import ConvolutionalDetector
from cascade.drawn.scenes import render_scene
from cascade.errors import ConfigError, UserError
from cascade.evaluation.choice import build_detectors
from cascade.onnx import PROVIDERS
from cascade.ranges import Count, Positive
from cascade.terminal import progress_bar
from fer.inference.classifier import BATCH, OnnxClassifier, released_models
from fer.inference.frames import Frame
from fer.inference.recogniser import ExpressionRecognizer
from fer.model_info import ModelInfo

DETECTORS = ("convolutional", "frontalface_lbp", "alt2", "yunet")
"""By the names that `detector=` has; one whose file is missing is left out."""


@dataclass
class BenchmarkSettings:
    """Names and types of all settings; `configs/benchmark.yaml` has their values and says what they mean."""

    threads: Count
    seconds: Positive
    width: Count
    height: Count
    faces: Count


ConfigStore.instance().store(name="benchmark_schema", node=BenchmarkSettings)


@dataclass(frozen=True)
class Timing:
    """One row of the table.

    Attributes:
        what: model, detector, or both of them.
        milliseconds: the median time of one face or frame.
        memory: peak of the process, MB.
        found: faces in the frame; None where none were looked for.
        model: what a classifier says of itself; None for what is none.
    """

    what: str
    milliseconds: float
    memory: float
    found: int | None = None
    model: ModelInfo | None = None


def time_classifier(name: str, provider: str, batch: int, chosen: BenchmarkSettings) -> Timing:
    """Time one face, of so many at a time."""
    classifier = OnnxClassifier(released_models()[name], chosen.threads, provider)
    size = classifier.info.preprocessing.size
    faces = np.random.default_rng(0).integers(0, 256, (batch, size, size), np.uint8)
    per_call = _median(lambda: classifier.probabilities(faces), chosen.seconds)
    what = f"{name}, {batch} at a time, {PROVIDERS[provider]}"
    return Timing(what, per_call / batch, _memory(), model=classifier.info)


def time_detector(name: str, chosen: BenchmarkSettings) -> Timing:
    """Time one frame of a drawn scene.

    Raises:
        UserError: the detector's file is missing.
    """
    cv2.setNumThreads(chosen.threads)
    try:
        (detector,) = build_detectors([name], {}).values()
    except InstantiationException as error:
        raise error.__cause__ or error from None
    gray = Frame(_scene(chosen)).gray
    found = len(detector.detect(gray).boxes)
    return Timing(f"{name}, a frame", _median(lambda: detector.detect(gray), chosen.seconds), _memory(), found)


def time_both(name: str, chosen: BenchmarkSettings) -> Timing:
    """Time one frame from its pixels to its faces' expressions, with the default detector."""
    cv2.setNumThreads(chosen.threads)
    classifier = OnnxClassifier(released_models()[name], chosen.threads)
    recogniser, scene = ExpressionRecognizer(ConvolutionalDetector(), classifier), _scene(chosen)
    found = len(recogniser.recognize(scene))
    per_frame = _median(lambda: recogniser.recognize(scene), chosen.seconds)
    return Timing(f"convolutional and {name}, a frame", per_frame, _memory(), found)


def table(timings: list[Timing], chosen: BenchmarkSettings) -> str:
    """The rows as Markdown, beneath what machine they are of."""
    versions = f"Python {platform.python_version()}, ONNX Runtime {onnxruntime.__version__}, OpenCV {cv2.__version__}"
    threads = "1 thread" if chosen.threads == 1 else f"{chosen.threads} threads"
    lines = [
        f"{_processor()}, {platform.system()}, {versions}; {threads}, frames of {chosen.width}×{chosen.height}",
        "",
        "| | parameters | accuracy | ms | per second | faces found | memory, MB |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for row in timings:
        found = "" if row.found is None else str(row.found)
        parameters = accuracy = ""
        if row.model is not None:
            parameters = "" if row.model.parameters is None else f"{row.model.parameters:,}"
            accuracy = ", ".join(f"{split} {scores['accuracy']:.1%}" for split, scores in row.model.metrics.items())
        cells = (row.what, parameters, accuracy, f"{row.milliseconds:.2f}", f"{1000 / row.milliseconds:,.0f}", found)
        lines.append(f"| {' | '.join(cells)} | {row.memory:.0f} |")
    return "\n".join(lines)


def benchmark(chosen: BenchmarkSettings) -> None:
    """Time everything, each in a process of its own, and print the table."""
    _scene(chosen)  # or an error, before anything is timed
    there = [name for name in PROVIDERS if name in onnxruntime.get_available_providers()]
    work: list[Callable[[], Timing]] = [
        *(
            partial(time_classifier, name, provider, batch, chosen)
            for name in released_models()
            for provider in there
            for batch in (1, BATCH)
        ),
        *(partial(time_detector, name, chosen) for name in DETECTORS),
        *(partial(time_both, name, chosen) for name in released_models()),
    ]
    with progress_bar() as bar:
        timings = list(bar.track(_each(work), len(work), description="timing"))
    print(table([timing for timing in timings if isinstance(timing, Timing)], chosen))
    for problem in (one for one in timings if isinstance(one, str)):
        print(f"left out: {problem}", file=sys.stderr)


def _each(work: list[Callable[[], Timing]]) -> Iterator[Timing | str]:
    """What each gives in a new process, whose memory is its own; or why it gives nothing."""
    context = multiprocessing.get_context("spawn")
    for one in work:
        # Ctrl-C is this process's to tell of
        with ProcessPoolExecutor(1, context, signal.signal, (signal.SIGINT, signal.SIG_IGN)) as pool:
            try:
                yield pool.submit(one).result()
            except UserError as error:
                yield str(error)


def _median(call: Callable[[], Any], seconds: float) -> float:
    """The median time of a call in milliseconds, after a few that warm it up."""
    for _ in range(3):
        call()
    times: list[float] = []
    end = time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return 1000 * float(np.median(times))


def _scene(chosen: BenchmarkSettings) -> Any:
    try:
        return render_scene(0, 0, chosen.width, chosen.height, chosen.faces).image
    except UserError as error:
        raise ConfigError(f"width, height and faces make no scene: {error}") from error


def _memory() -> float:
    """The most memory that this process has had, MB; 0 where the system does not tell."""
    # Linux hands `ru_maxrss` on from the process that started this one
    with suppress(OSError):
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024**2 if sys.platform == "darwin" else 1024)


def _processor() -> str:
    names: list[str] = []
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def main() -> None:
    """Run the command."""
    run_command(lambda config: benchmark(settings(config, BenchmarkSettings)), "benchmark")


if __name__ == "__main__":
    main()
