"""Reading video files without losing or reordering frames."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Full, Queue

import cv2
import numpy as np

from cascade.errors import ImageError
from fer.inference.faces import Image

VIDEO_SUFFIXES = frozenset(
    [".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".flv", ".ts", ".mts", ".3gp", ".ogv"]
)
_AHEAD = 4  # decoded frames that wait for the detector: enough for two threads, and no memory to speak of
_MILLISECONDS = 1000


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame.

    Attributes:
        image: uint8 BGR (H, W, 3).
        index: from 0.
        time_s: time stamp in seconds, from the file or the clock.
    """

    image: Image
    index: int
    time_s: float


class VideoFile:
    """A video on disk.

    Args:
        path: the file.

    Raises:
        ImageError: missing, or no video that OpenCV's FFmpeg can open.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise ImageError(f"no video at {self.path.absolute()}")
        capture = self._open()
        self.count = max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
        self.fps = capture.get(cv2.CAP_PROP_FPS)
        capture.release()

    def _open(self) -> cv2.VideoCapture:
        capture = cv2.VideoCapture(str(self.path), cv2.CAP_FFMPEG)
        if not capture.isOpened():
            raise ImageError(
                f"{self.path} cannot be opened: it is damaged, no video, or its format or codec is missing "
                f"in OpenCV's FFmpeg; re-encode it, for example with: ffmpeg -i IN -c:v libx264 OUT.mp4"
            )
        return capture

    def frames(self) -> Iterator[Frame]:
        """Decode every frame, in a thread of its own that is a few frames ahead.

        Raises:
            ImageError: no frame could be decoded, or the file ends early; what could be decoded came first.
        """
        waiting: Queue[Frame | BaseException | None] = Queue(_AHEAD)
        stop = threading.Event()
        reader = threading.Thread(target=self._decode, args=(waiting, stop), daemon=True)
        reader.start()
        try:
            while (item := waiting.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            stop.set()
            while reader.is_alive():
                try:
                    waiting.get_nowait()  # a reader that waits for room must see the stop
                except Empty:
                    reader.join(0.01)

    def _decode(self, waiting: "Queue[Frame | BaseException | None]", stop: threading.Event) -> None:
        end: BaseException | None = None
        try:
            capture = self._open()
            index, last = 0, -1.0
            while not stop.is_set():
                good, image = capture.read()
                if not good:
                    end = self._verdict(index)
                    break
                time_s = capture.get(cv2.CAP_PROP_POS_MSEC) / _MILLISECONDS
                if time_s <= last:  # some containers lack time stamps
                    time_s = last + 1 / (self.fps if self.fps > 0 else 25)
                last = time_s
                _put(waiting, Frame(np.asarray(image, np.uint8), index, time_s), stop)
                index += 1
            capture.release()
        except Exception as error:  # whatever it is belongs to the thread that asked for the frames
            end = error
        _put(waiting, end, stop)

    def _verdict(self, decoded: int) -> ImageError | None:
        """What to say at the end of the frames: nothing, or that some are missing."""
        if decoded == 0:
            return ImageError(
                f"{self.path}: not one frame could be decoded; the file is damaged, or its codec is missing "
                f"in OpenCV's FFmpeg"
            )
        # some containers only estimate their count
        if self.count - decoded > max(1, self.count // 100):
            return ImageError(f"{self.path} is cut off or damaged: {decoded} of {self.count} frames could be decoded")
        return None


def _put(
    waiting: "Queue[Frame | BaseException | None]", item: Frame | BaseException | None, stop: threading.Event
) -> None:
    while not stop.is_set():
        try:
            waiting.put(item, timeout=0.1)
            return
        except Full:
            continue
