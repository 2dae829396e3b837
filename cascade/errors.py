"""Errors that a user can mend: shown as one message without a traceback, exit status 2."""


class UserError(Exception):
    """Something outside the code is wrong; the message names it and the fix."""


class DetectorError(UserError):
    """A detector cannot be set up: its file is missing or broken, or OpenCV lacks what it needs."""


class ImageError(UserError, ValueError):
    """An array or file is not an image that a detector can take."""


class AnnotationError(UserError, ValueError):
    """An annotation file breaks its format; the message names file, line and rule."""


class EvaluationError(UserError, ValueError):
    """Detectors cannot be compared on what was given; the message names what is missing or contradicts."""
