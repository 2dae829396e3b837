"""Annotated videos whose frames keep their time stamps, in `annotated/`."""

from pathlib import Path

import cv2
import numpy as np

from cascade.errors import ConfigError, OutputError
from cascade.files import whole
from cascade.pictures import Image, for_opencv
from fer.inference.sinks.sink import RunContext, Seen, Sink
from fer.inference.tables import Outcome

_MILLISECONDS = 1000


class FilmSink(Sink):
    """Writes every video and live source with its faces drawn in, as .mp4.

    Args:
        video: `save.video` of the command: an .mp4 file, or `true` or `auto` for one in the results' folder.
    """

    def __init__(self, run: RunContext, video: str | bool = True) -> None:
        super().__init__(run)
        self._path = None if video in (True, "auto") else Path(str(video)).expanduser()
        if self._path and self._path.suffix.lower() != ".mp4":
            raise ConfigError(f"save.video={video}: annotated videos are written as .mp4")
        self._film: VideoWriter | None = None  # of the present input
        self._source: str | None = None  # whose film has that path

    def take(self, seen: Seen) -> None:
        """Append a frame."""
        if seen.source.still:
            return
        if self._film is None:
            path = self._path or self.run.folder / "annotated" / seen.source.drawn_name
            if self._path and self._source not in (None, seen.source.name):
                raise OutputError(f"{path} holds the video of {self._source}; with save.video=true each has its own")
            self._source = seen.source.name
            self._film = VideoWriter(path, seen.drawn.shape[1::-1])
        self._film.write(seen.drawn, seen.frame.time_s or 0.0)

    def finish(self, outcome: Outcome | None = None) -> None:
        """Close the film of an input."""
        film, self._film = self._film, None
        if film is not None:
            film.close()

    def __exit__(self, *error: object) -> None:
        self.finish()


class VideoWriter:
    """Writes frames with their own time stamps as MPEG-4 into an .mp4 file, which appears when it is complete.

    OpenCV only encodes at a fixed rate. So frames are encoded into `NAME.part.avi` first, and their packets
    are packed into the .mp4 with the true time stamps at the end. The sound is not copied. A frame of another
    size (width, height) than the film's is stretched to it. Raises OutputError where nothing can be written.
    """

    def __init__(self, path: Path, size: tuple[int, ...]) -> None:
        self.path, self._size = path, size
        self._part = path.with_name(f"{path.stem}.part.avi")
        self._times: list[float] = []
        path.parent.mkdir(parents=True, exist_ok=True)
        self._writer = cv2.VideoWriter(
            for_opencv(self._part), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"FMP4"), 25, size
        )
        if not self._writer.isOpened():
            raise OutputError(f"no video can be written to {path}: is the folder writable?")

    def write(self, image: Image, time_s: float) -> None:
        """Append a frame, uint8 BGR (H, W, 3)."""
        if image.shape[1::-1] != self._size:  # streams may change their size
            image = np.asarray(cv2.resize(image, self._size), np.uint8)
        self._writer.write(image)
        self._times.append(time_s)

    def close(self) -> None:
        """Copy the packets into the file; raises OutputError, and keeps the part, where frames are missing."""
        self._writer.release()
        reader = cv2.VideoCapture(for_opencv(self._part), cv2.CAP_FFMPEG, [cv2.CAP_PROP_FORMAT, -1])
        fourcc, raw = cv2.VideoWriter.fourcc(*"mp4v"), [cv2.VIDEOWRITER_PROP_RAW_VIDEO, 1]
        with whole(self.path) as packed:
            writer = cv2.VideoWriter(for_opencv(packed), cv2.CAP_FFMPEG, fourcc, _MILLISECONDS, self._size, raw)
            count, total = 0, len(self._times)
            while writer.isOpened() and count < total and (read := reader.read())[0]:
                writer.set(cv2.VIDEOWRITER_PROP_PTS, round((self._times[count] - self._times[0]) * _MILLISECONDS))
                writer.write(read[1])
                count += 1
            reader.release()
            writer.release()
            if count < total:
                raise OutputError(
                    f"{self.path}: only {count} of {total} frames could be written (is the disk full?); "
                    f"they are in {self._part}"
                )
        self._part.unlink()
