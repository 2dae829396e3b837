"""Errors that a user can mend: shown as one message without a traceback, exit status 2.

A message names the file or the setting, and the fix. There are as many classes as there are callers that
treat a failure apart from the others, and no more.
"""


class UserError(Exception):
    """Something outside the code is wrong; the message names it and the fix."""


class ConfigError(UserError, ValueError):
    """A setting has a value that cannot work, or does not exist; the message names it and what it may be."""


class DataError(UserError, ValueError):
    """A folder, list, annotation or data set is not what its format promises: file, place and rule are named."""


class ImageError(DataError):
    """One picture or film cannot be read or used; a run over many of them says so and goes on."""


class ModelError(UserError, ValueError):
    """The file of a detector, classifier or checkpoint is missing, damaged, or not one that can be used."""


class ToolsError(UserError):
    """A program or an optional package is missing, and could not be had."""


class OutputError(UserError):
    """A result cannot be written, or what is there belongs to something else; nothing of it was lost."""


class TrainingError(UserError):
    """A training cannot start, or failed; finished stages and checkpoints are kept."""


class EarlyStop(TrainingError):  # noqa: N818 - what was trained until then can be used
    """A training ended before its last stage; what it trained is whole."""
