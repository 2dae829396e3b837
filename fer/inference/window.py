"""The live window."""

import os
import sys
from types import TracebackType
from typing import Self

import cv2

from cascade.errors import OutputError
from fer.inference.faces import Image

_ESCAPE = 27
_TITLE = "fer: q or Esc closes"


def has_display() -> bool:
    """False where a window cannot open: on Linux without a display server."""
    if not sys.platform.startswith("linux"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


class Window:
    """A window that shows frames; use it in a `with` block.

    Raises:
        OutputError: there is no display, or OpenCV was built without windows.
    """

    def __init__(self) -> None:
        if not has_display():
            raise OutputError(
                "there is no display to open a window on; write a video instead: "
                "show=false save.video=live.mp4 (Ctrl-C or seconds=60 ends it)"
            )

    def show(self, image: Image) -> bool:
        """Show a picture, uint8 BGR (H, W, 3); False when the user has closed the window.

        Raises:
            OutputError: OpenCV cannot open windows.
        """
        try:
            cv2.imshow(_TITLE, image)
            key = cv2.waitKey(1) & 0xFF
            closed = cv2.getWindowProperty(_TITLE, cv2.WND_PROP_VISIBLE) < 1
        except cv2.error as error:
            raise OutputError(
                f"this OpenCV cannot open windows ({error.err}); install opencv-python in place of "
                f"opencv-python-headless, or write a video instead: show=false save.video=live.mp4"
            ) from error
        return not closed and key not in (_ESCAPE, ord("q"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None or not issubclass(kind, OutputError):
            cv2.destroyAllWindows()
