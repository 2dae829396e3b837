"""Annotated pictures, in `annotated/`."""

from cascade.pictures import save_picture
from fer.inference.sinks.sink import Seen, Sink


class PictureSink(Sink):
    """Writes every picture with its faces drawn in, under its own name; videos and live sources are the film's."""

    def take(self, seen: Seen) -> None:
        """Write a picture."""
        if seen.source.still:
            save_picture(self.run.folder / "annotated" / seen.source.file_name, seen.drawn)
