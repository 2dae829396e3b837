"""Reading video files without losing or reordering frames."""

from collections.abc import Generator, Iterator
from pathlib import Path

import cv2
import numpy as np

from cascade.errors import ImageError
from cascade.pictures import for_opencv
from fer.inference.frames import Frame, ahead

VIDEO_SUFFIXES = frozenset(
    [".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".flv", ".ts", ".mts", ".3gp", ".ogv"]
)
_TRIES = 500  # reads that may fail in a row before no frame is expected any more
_AHEAD = 4  # decoded frames that wait for the detector: enough for two threads, and no memory to speak of


class VideoFile:
    """A video on disk, an input of a run (`fer.inference.sources.Input`); by default it is called as its file."""

    still = endless = False

    def __init__(self, path: str | Path, name: str | None = None, drawn_name: str | None = None) -> None:
        self.path = Path(path)
        self.name = self.file_name = name or self.path.name
        self.drawn_name = drawn_name or f"{self.name.removesuffix('.mp4')}.mp4"
        self.count = 0  # until it is opened

    def frames(self) -> Generator[Frame, None, None]:
        """Decode every frame, in a thread of its own that is a few frames ahead.

        Raises:
            ImageError: missing, no video that OpenCV's FFmpeg can open, not one frame could be decoded, the file ends
                early, or is damaged somewhere; what could be decoded, behind the damage too, came first.
        """
        if not self.path.is_file():
            raise ImageError(f"no video at {self.path.absolute()}")
        capture = cv2.VideoCapture(for_opencv(self.path), cv2.CAP_FFMPEG)
        if not capture.isOpened():
            raise ImageError(
                f"{self.path} cannot be opened: it is damaged, no video, or its format or codec is missing "
                f"in OpenCV's FFmpeg; re-encode it, for example with: ffmpeg -i IN -c:v libx264 OUT.mp4"
            )
        self.count = max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
        try:
            yield from ahead(self._decoded(capture), _AHEAD)
        finally:
            capture.release()

    def _decoded(self, capture: cv2.VideoCapture) -> Iterator[Frame]:
        index, time_s, fps = 0, -1.0, capture.get(cv2.CAP_PROP_FPS)
        step = 1 / (fps if fps > 0 else 25)
        failed, damage = 0, ""
        while failed < _TRIES and (not failed or index < self.count):
            good, image = capture.read()
            if not good:  # its end, or damage that the decoder may get past
                failed += 1
                continue
            if failed:
                damage = damage or f"damaged from frame {index} ({max(time_s, 0):.1f} s) on"
                failed = 0
            stamp = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            time_s = stamp if stamp > time_s else time_s + step  # some containers lack time stamps
            yield Frame(np.asarray(image, np.uint8), index, time_s)
            index += 1
        if index == 0:
            damaged = "the file is damaged, or its codec is missing in OpenCV's FFmpeg"
            raise ImageError(f"{self.path}: not one frame could be decoded; {damaged}")
        # some containers only estimate their count
        if damage or self.count - index > max(1, self.count // 100):
            damage = damage or "cut off or damaged"
            raise ImageError(f"{self.path} is {damage}: {index} of {self.count} frames could be decoded")
