"""Writing annotated videos whose frames keep their time stamps."""

from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np

from cascade.errors import OutputError
from fer.inference.faces import Image

_MILLISECONDS = 1000


class VideoWriter:
    """Writes frames with their own time stamps as MPEG-4 in an .mp4 file; use it in a `with` block.

    OpenCV only encodes at a fixed rate. So frames are encoded into an AVI file first, and their packets
    are packed into the .mp4 with the true time stamps at the end. The sound is not copied.

    Args:
        path: the .mp4 file; it appears when the video is complete. Until then `NAME.part.avi` grows
            beside it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._part = path.with_name(f"{path.stem}.part.avi")
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)
        self._times: list[float] = []

    def write(self, image: Image, time_s: float) -> None:
        """Append a frame, uint8 BGR (H, W, 3), all of one size.

        Raises:
            OutputError: the file cannot be written.
        """
        height, width = image.shape[:2]
        if self._writer is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._size = (width, height)
            fourcc = cv2.VideoWriter.fourcc(*"FMP4")
            self._writer = cv2.VideoWriter(str(self._part), cv2.CAP_FFMPEG, fourcc, 25, self._size)
            if not self._writer.isOpened():
                raise OutputError(f"no video can be written to {self.path}: is the folder writable?")
        if (width, height) != self._size:  # streams may change their size
            image = np.asarray(cv2.resize(image, self._size), np.uint8)
        self._writer.write(image)
        self._times.append(time_s)

    def close(self) -> None:
        """Finish the file.

        Raises:
            OutputError: frames are missing, as on a full disk; the part file is kept.
        """
        if self._writer is None:
            return
        self._writer.release()
        self._writer = None
        temporary = self.path.with_name(f".{self.path.stem}.tmp.mp4")
        packed = self._pack(temporary)
        if packed < len(self._times):
            temporary.unlink(missing_ok=True)
            raise OutputError(
                f"{self.path}: only {packed} of {len(self._times)} frames could be written "
                f"(is the disk full?); they are in {self._part}"
            )
        temporary.replace(self.path)
        self._part.unlink()

    def _pack(self, path: Path) -> int:
        """Copy the encoded packets with their time stamps; return how many there were."""
        reader = cv2.VideoCapture(str(self._part), cv2.CAP_FFMPEG, [cv2.CAP_PROP_FORMAT, -1])
        raw = [cv2.VIDEOWRITER_PROP_RAW_VIDEO, 1]
        fourcc = cv2.VideoWriter.fourcc(*"mp4v")
        writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, fourcc, _MILLISECONDS, self._size, raw)
        count, start = 0, self._times[0]
        if reader.isOpened() and writer.isOpened():
            while count < len(self._times):
                good, packet = reader.read()
                if not good:
                    break
                stamp = round((self._times[count] - start) * _MILLISECONDS)
                writer.set(cv2.VIDEOWRITER_PROP_PTS, stamp)
                writer.write(packet)
                count += 1
        reader.release()
        writer.release()
        return count

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
