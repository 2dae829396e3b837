"""Cameras and streams: the newest frame or none, and a connection that heals."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np

from cascade.errors import ImageError
from fer.inference.faces import Image
from fer.inference.sources import Live
from fer.inference.videos import Frame

log = logging.getLogger(__name__)

_LONGEST_PAUSE = 30.0  # seconds between two attempts to connect
_TIMEOUT_MS = 10_000  # without a word from the other side


class LiveSource:
    """Frames of a camera or stream as they come.

    A thread reads without pause and keeps only the newest frame: one that nobody took in time is dropped,
    so that what is shown is never older than one frame's work. A stream that breaks off is opened again
    after 1, 2, 4 … 30 seconds.

    Args:
        source: the camera's number or the stream's address.
        max_retries: attempts in a row before a stream is given up. A camera gets none.
        opener: opens the address; `cv2.VideoCapture`'s interface.
        pause: waits so many seconds, or until told to stop: then it returns True.

    Raises:
        ImageError: the first attempt to connect failed.
    """

    def __init__(
        self,
        source: Live,
        max_retries: int = 10,
        opener: Callable[[int | str], Any] | None = None,
        pause: Callable[[float], bool] | None = None,
    ) -> None:
        self.source = source
        self.dropped = 0
        self.reconnects = 0
        self._max_retries = max_retries if isinstance(source.address, str) else 0
        self._open = opener or _open
        self._stop = threading.Event()
        self._pause = pause or self._stop.wait
        self._news = threading.Condition()
        self._newest: Frame | None = None
        self._error: BaseException | None = None
        self._ended = False
        self._capture = self._open(self.source.address)
        if not self._capture.isOpened():
            raise ImageError(self._missing())

    def frames(self) -> Iterator[Frame]:
        """Yield the newest frame each time; indices count all frames that arrived, dropped ones too.

        Raises:
            ImageError: the camera is gone, or the stream could not be opened again.
        """
        reader = threading.Thread(target=self._read, daemon=True)
        reader.start()
        try:
            while True:
                with self._news:
                    self._news.wait_for(lambda: self._newest is not None or self._ended)
                    frame, self._newest = self._newest, None
                if frame is None:
                    break
                yield frame
            if self._error is not None:
                raise self._error
        finally:
            self._stop.set()
            reader.join(timeout=2)

    def _read(self) -> None:
        started, index = time.monotonic(), 0
        try:
            while not self._stop.is_set():
                good, image = self._capture.read()
                if not good:
                    self._reconnect()
                    continue
                self._show(Frame(np.asarray(image, np.uint8), index, time.monotonic() - started))
                index += 1
        except Exception as error:  # it belongs to the thread that asked for the frames
            self._error = error
        finally:
            self._capture.release()
            with self._news:
                self._ended = True
                self._news.notify_all()

    def _show(self, frame: Frame) -> None:
        with self._news:
            if self._newest is not None:
                self.dropped += 1
            self._newest = frame
            self._news.notify_all()

    def _reconnect(self) -> None:
        """Open the source again.

        Raises:
            ImageError: too many attempts.
        """
        with self._news:
            self._newest = None  # from before the break: stale by the time it could be shown
        self._capture.release()
        wait = 1.0
        for attempt in range(self._max_retries):
            log.warning("%s broke off; attempt %d to reach it in %.0f s", self.source.name, attempt + 1, wait)
            if self._pause(wait):
                return
            wait = min(2 * wait, _LONGEST_PAUSE)
            self._capture = self._open(self.source.address)
            if self._capture.isOpened():
                log.warning("%s is back", self.source.name)
                self.reconnects += 1
                return
        if isinstance(self.source.address, int):
            raise ImageError(f"camera {self.source.name} sends no more frames; is it still plugged in?")
        raise ImageError(f"{self.source.name} broke off and could not be reached again in {self._max_retries} attempts")

    def _missing(self) -> str:
        if isinstance(self.source.address, int):
            return (
                f"camera {self.source.name} cannot be opened; is it plugged in, allowed for this user, and "
                f"not in use by another program? Other cameras have other numbers: source=1"
            )
        return f"{self.source.name} cannot be opened; check the address, the login in it, and the network"


def _open(address: int | str) -> Any:
    if isinstance(address, int):
        return cv2.VideoCapture(address)
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, _TIMEOUT_MS]
    return cv2.VideoCapture(address, cv2.CAP_FFMPEG, limits)


class FrameRate:
    """Frames per second over the last second or so."""

    def __init__(self) -> None:
        self._last: float | None = None
        self._mean: float | None = None

    def tick(self, now: float) -> float:
        """Count a frame at `now` seconds and return the rate."""
        if self._last is not None and now > self._last:
            took = now - self._last
            old = 0.5 ** (took / 0.5)
            self._mean = took if self._mean is None else old * self._mean + (1 - old) * took
        self._last = now
        return 1 / self._mean if self._mean else 0.0


def write_rate(image: Image, rate: float) -> None:
    """Write the frame rate into the upper left corner of a BGR picture, in place."""
    for colour, thick in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        cv2.putText(image, f"{rate:.0f} FPS", (8, 22), cv2.FONT_HERSHEY_SIMPLEX, 0.6, colour, thick, cv2.LINE_AA)
