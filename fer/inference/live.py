"""Cameras and streams: the newest frame or none, and a connection that heals."""

import logging
import threading
import time
from collections.abc import Container, Generator, Iterator
from typing import Any, Self

import cv2
import numpy as np

from cascade.errors import ImageError
from cascade.text import masked, revealed
from fer.inference.frames import Frame

log = logging.getLogger(__name__)

_LONGEST_PAUSE = 30.0  # seconds between two attempts to connect
_TIMEOUT_MS = 10_000  # without a word from the other side


class LiveSource:
    """A camera or a stream: a source and the one input of it (`fer.inference.sources`).

    A thread reads without pause and keeps only the newest frame: one that nobody took in time is dropped,
    so that what is shown is never older than one frame's work. A stream that breaks off is opened again
    after 1, 2, 4 … 30 seconds.

    Args:
        address: the camera's number or the stream's address.
        max_retries: attempts in a row before a stream is given up. A camera gets none.
        seconds: ends after so many; None: never.
    """

    still, endless, count, file_name, drawn_name = False, True, 0, "live", "live.mp4"

    def __init__(self, address: int | str, max_retries: int = 10, seconds: float | None = None) -> None:
        self.address = revealed(address) if isinstance(address, str) else address
        self.name = masked(str(address))  # shown and written: no password
        self.dropped = self.reconnects = 0  # frames that came too fast; how often the stream was opened again
        self._max_retries = max_retries if isinstance(address, str) else 0
        self._seconds = float("inf") if seconds is None else seconds
        self._stop, self._news = threading.Event(), threading.Condition()
        self._newest: Frame | None = None
        self._end: Exception | None = None

    def __len__(self) -> int:
        return 1

    def inputs(self, done: Container[str] = ()) -> Iterator[Self]:
        """Itself: nothing of it can have been done before."""
        yield self

    def frames(self) -> Generator[Frame, None, None]:
        """Yield the newest frame each time; indices count all frames that arrived, dropped ones too.

        Raises:
            ImageError: the source cannot be opened, the camera is gone, or the stream could not be opened again.
        """
        capture = _open(self.address)
        if not capture.isOpened():
            if isinstance(self.address, str):
                raise ImageError(f"{self.name} cannot be opened; check the address, the login in it, and the network")
            raise ImageError(
                f"camera {self.name} cannot be opened; is it plugged in, allowed for this user, and not in use by "
                f"another program? Other cameras have other numbers: source=1"
            )
        reader = threading.Thread(target=self._read, args=(capture,), daemon=True)
        reader.start()
        try:
            time_s = -1.0
            while time_s < self._seconds:
                with self._news:
                    self._news.wait_for(lambda: self._newest or self._end)
                    frame, self._newest = self._newest, None
                if frame is None:
                    raise self._end or AssertionError
                yield frame
                time_s = frame.time_s or 0.0
        finally:
            self._stop.set()
            reader.join(timeout=2)
            if self.dropped or self.reconnects:
                log.warning("%d frames came too fast and were dropped; %d reconnections", self.dropped, self.reconnects)

    def _read(self, capture: Any) -> None:
        started, index = time.monotonic(), 0
        try:
            while not self._stop.is_set():
                good, image = capture.read()
                if not good:
                    capture = self._reopened(capture)
                    continue
                frame = Frame(np.asarray(image, np.uint8), index, time.monotonic() - started)
                with self._news:
                    self.dropped += self._newest is not None
                    self._newest = frame
                    self._news.notify()
                index += 1
        except Exception as error:  # it belongs to the thread that asked for the frames
            with self._news:
                self._end = error
                self._news.notify()
        finally:
            capture.release()

    def _reopened(self, capture: Any) -> Any:
        """Open a source that broke off again, unless told to stop; raises ImageError after too many attempts."""
        with self._news:
            self._newest = None  # from before the break: stale by the time it could be shown
        capture.release()
        for attempt in range(self._max_retries):
            wait = min(2.0**attempt, _LONGEST_PAUSE)
            log.warning("%s broke off; attempt %d to reach it in %.0f s", self.name, attempt + 1, wait)
            if self._stop.wait(wait):
                return capture
            capture = _open(self.address)
            if capture.isOpened():
                log.warning("%s is back", self.name)
                self.reconnects += 1
                return capture
        if isinstance(self.address, int):
            raise ImageError(f"camera {self.name} sends no more frames; is it still plugged in?")
        raise ImageError(f"{self.name} broke off and could not be reached again in {self._max_retries} attempts")


def _open(address: int | str) -> Any:
    if isinstance(address, int):
        return cv2.VideoCapture(address)
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, _TIMEOUT_MS]
    return cv2.VideoCapture(address, cv2.CAP_FFMPEG, limits)
