"""Errors that a user can mend: shown as one message without a traceback, exit status 2.

OpenCV's training binaries report most failures with exit status 0 or with an abort; each of those failures
has a name here, so that a caller can tell them apart and the message can say what to change.
"""


class UserError(Exception):
    """Something outside the code is wrong; the message names it and the fix."""


class ConfigError(UserError, ValueError):
    """A setting has a value that cannot work; the message names the setting and what it may be."""


class ImageError(UserError, ValueError):
    """A picture cannot be read or used; the message names it."""


# --- getting the binaries -------------------------------------------------------------


class ToolsError(UserError):
    """OpenCV's training binaries are not there and could not be made."""


class DownloadError(ToolsError):
    """The source archive could not be fetched, or is not the one that was pinned."""


class MissingBuildToolError(ToolsError):
    """The machine lacks a compiler, CMake or Ninja, and pip cannot supply it."""


class BuildError(ToolsError):
    """The compilation failed; the message names the first error and the log."""


# --- samples --------------------------------------------------------------------------


class SampleError(UserError, ValueError):
    """A folder, list or sample file is not what its format promises; the message names it."""


class AnnotationError(SampleError):
    """An annotation file cannot be read; the message names file and line."""


class VecError(SampleError):
    """A .vec file is damaged or does not fit; the message names it."""


class CreateSamplesError(SampleError):
    """opencv_createsamples did not make the .vec file that it was asked for."""


class BoxOutsideImageError(CreateSamplesError):
    """A box in the list reaches beyond its image (the binary aborts with status 134)."""


# --- training -------------------------------------------------------------------------


class TrainingError(UserError):
    """opencv_traincascade did not train what was asked; the message says why and what to change."""


class VecMissingError(TrainingError):
    """The .vec file does not exist or cannot be read (the binary exits 0)."""


class VecExhaustedError(TrainingError):
    """The .vec file holds too few samples for this many stages (the binary aborts with 134 or 139)."""


class WindowMismatchError(TrainingError):
    """The .vec file was made for another window size (the binary aborts with status 134)."""


class BackgroundMissingError(TrainingError):
    """The list of negatives does not exist or cannot be read (the binary exits 0)."""


class BackgroundError(TrainingError):
    """The list of negatives names no usable picture (the binary exits 0, or crashes on small pictures)."""


class OutputNotWritableError(TrainingError):
    """The result folder cannot be written (the binary notices after the first stage and exits 0)."""


class ParametersChangedError(TrainingError):
    """The result folder holds a training with other parameters, which the binary would silently use."""


class MemoryLimitError(TrainingError):
    """The binary's buffers do not fit into memory."""


class EarlyStopError(TrainingError):
    """Training ended before the last stage (the binary exits 0); what was trained is kept."""


class NegativesExhaustedError(EarlyStopError):
    """The cascade rejects so many negatives that the pictures do not hold enough for another stage."""


class TargetReachedError(EarlyStopError):
    """The false-alarm rate asked for was reached with fewer stages than asked for."""


# --- detecting and measuring ------------------------------------------------------------


class DetectorError(UserError, ValueError):
    """A detector's model file or its input image cannot be used; the message names it."""


class EvaluationError(UserError, ValueError):
    """Detectors cannot be compared on what was given; the message names what is missing or contradicts."""
