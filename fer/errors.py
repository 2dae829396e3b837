"""Errors that a user can mend: shown as one message without a traceback, exit status 2."""

import functools
import logging
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class UserError(Exception):
    """Something outside the code is wrong; the message names it and the fix."""


class DataError(UserError, ValueError):
    """The data is not what its format promises; the message names file, row and rule."""


def reported(command: Callable[P, R]) -> Callable[P, R]:
    """Make a command end with a UserError's message and status 2, not with a traceback."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except UserError as error:
            logging.getLogger(command.__module__).error("%s", error)
            sys.exit(2)

    return wrapped
