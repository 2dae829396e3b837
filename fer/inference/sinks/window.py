"""The faces in a window, as they are found."""

import os
import sys
import time
from collections import deque

import cv2

from cascade.errors import OutputError
from fer.inference.sinks.sink import RunContext, Seen, Sink

_ESCAPE, _NO_KEY = 27, 0xFF
_TITLE = "fer: q or Esc closes"
_INSTEAD = "write a video instead: show=false save.video=live.mp4"


class WindowSink(Sink):
    """Shows every frame, and every picture until a key is pressed; q, Esc or closing the window ends the run."""

    def __init__(self, run: RunContext) -> None:
        super().__init__(run)
        self._rate, self._shown = FrameRate(), False
        displays = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
        if sys.platform.startswith("linux") and not displays:
            raise OutputError(f"there is no display to open a window on; {_INSTEAD} (Ctrl-C or seconds=60 ends it)")

    def take(self, seen: Seen) -> None:
        """Show a frame."""
        picture, still = seen.drawn, seen.source.still
        if not still:
            picture, rate = picture.copy(), f"{self._rate.tick(time.monotonic()):.0f} FPS"
            for colour, thick in (((0, 0, 0), 3), ((255, 255, 255), 1)):
                cv2.putText(picture, rate, (8, 22), cv2.FONT_HERSHEY_SIMPLEX, 0.6, colour, thick, cv2.LINE_AA)
        try:
            cv2.imshow(_TITLE, picture)
            self._shown = waits = True
            while waits:
                key = cv2.waitKey(50 if still else 1) & 0xFF
                hidden = cv2.getWindowProperty(_TITLE, cv2.WND_PROP_VISIBLE) < 1
                self.closed = hidden or key in (_ESCAPE, ord("q"))
                waits = still and key == _NO_KEY and not self.closed
        except cv2.error as error:
            raise OutputError(
                f"this OpenCV cannot open windows ({error.err}); install opencv-python in place of "
                f"opencv-python-headless, or {_INSTEAD}"
            ) from error

    def __exit__(self, *error: object) -> None:
        if self._shown:
            cv2.destroyAllWindows()


class FrameRate:
    """Frames per second over the last second."""

    def __init__(self) -> None:
        self._times: deque[float] = deque()

    def tick(self, now: float) -> float:
        """Count a frame at `now` seconds and return the rate; 0 for the first."""
        while len(self._times) > 1 and now - self._times[0] > 1:
            self._times.popleft()
        self._times.append(now)
        return (len(self._times) - 1) / max(now - self._times[0], 1e-9)
