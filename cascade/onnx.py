"""ONNX files: opening what may be anything, and running it on the CPU, with errors that name the file."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import Any

import numpy as np
import numpy.typing as npt

from cascade.errors import ModelError

PROVIDERS = {
    "CPUExecutionProvider": "CPU",
    "CUDAExecutionProvider": "CUDA",
    "OpenVINOExecutionProvider": "OpenVINO",
    "CoreMLExecutionProvider": "CoreML",
    "DmlExecutionProvider": "DirectML",
}
"""What ONNX Runtime may run graphs on, where it was built with that, and what that is called."""

TRIAL_SECONDS = 60.0
"""For a first run of a stranger's graph on next to nothing, which takes milliseconds."""


class OnnxGraph:
    """The graph of an ONNX file, opened by ONNX Runtime. Threads may share it; it cannot be pickled.

    Attributes:
        path: the file.
        inputs: the inputs without a default, by name: type, as in `tensor(uint8)`, and shape, of which names and None
            are dynamic.
        optional: the inputs with a default, likewise.
        outputs: likewise.
        metadata: what the file says of itself, text by key.

    Args:
        path: an `.onnx` file that needs no others.
        threads: of one call; None for two, where there are two processors.
        provider: what runs it: one of `PROVIDERS`.

    Raises:
        ModelError: it cannot be read, is no ONNX file or a damaged one, or keeps weights elsewhere.
    """

    def __init__(self, path: Path, threads: int | None = None, provider: str = "CPUExecutionProvider") -> None:
        import onnxruntime

        self.path = path
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # whatever fails is an error of ours
        # Left alone, ONNX Runtime takes every processor, and its threads wait for the next call by spinning: whatever
        # comes in between, OpenCV's part of a film say, then runs at half its speed
        options.intra_op_num_threads = threads or min(2, os.cpu_count() or 1)
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.load_model_format", "ONNX")
        # No file can make us read another one: weights kept elsewhere are looked for in a folder that cannot be
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", os.devnull)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ModelError(f"{path} cannot be read: {error.strerror}") from error
        try:
            session = onnxruntime.InferenceSession(content, options, providers=[provider])
            given, optional, made = session.get_inputs(), session.get_overridable_initializers(), session.get_outputs()
            self.inputs, self.optional, self.outputs = (
                {one.name: (one.type, one.shape) for one in group} for group in (given, optional, made)
            )
            self.metadata: dict[str, str] = session.get_modelmeta().custom_metadata_map
        except Exception as error:  # ONNX Runtime's errors share no public base class
            reason = _first_line(error)
            raise ModelError(
                f"{path} is not an ONNX model, or is damaged, or keeps weights in other files: {reason}"
            ) from error
        self._session = session

    def run(
        self, given: Mapping[str, npt.NDArray[Any]], *outputs: str, seconds: float | None = None
    ) -> list[npt.NDArray[Any]]:
        """The outputs of these names, or all in their order, for inputs by name; optional ones need not be given.

        Args:
            given: the inputs.
            outputs: their names.
            seconds: after which the graph has failed, as a stranger's may hold a loop without an end.

        Raises:
            ModelError: the graph fails, which a good one never does.
        """
        try:
            with _ended_after(seconds) as options:
                return [np.asarray(value) for value in self._session.run(outputs or None, dict(given), options)]
        except Exception as error:
            shapes = ", ".join(f"{name} {value.shape}" for name, value in given.items())
            raise ModelError(f"{self.path} fails with {shapes}: {_first_line(error)}") from error


@contextmanager
def _ended_after(seconds: float | None) -> Iterator[Any]:
    """Options of a run that ends with an error after so many seconds."""
    if seconds is None:
        yield None
        return
    import onnxruntime

    options = onnxruntime.RunOptions()
    options.log_severity_level = 4
    alarm = Timer(seconds, setattr, (options, "terminate", True))
    alarm.start()
    try:
        yield options
    finally:
        alarm.cancel()


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
