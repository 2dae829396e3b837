"""Errors that a user can mend: shown as one message without a traceback, exit status 2."""


class UserError(Exception):
    """Something outside the code is wrong; the message names it and the fix."""


class DataError(UserError, ValueError):
    """The data is not what its format promises; the message names file, row and rule."""
