"""What a run writes as pictures: annotated ones, faces by themselves, and what the network looked at."""

from cascade.pictures import save_picture
from fer.inference.sinks.sink import RunContext, Seen, Sink


class PictureSink(Sink):
    """Writes every picture with its faces drawn in to `annotated/`; videos and live sources are the film's."""

    def take(self, seen: Seen) -> None:
        """Write a picture."""
        if seen.source.still:
            save_picture(self.run.folder / "annotated" / seen.source.drawn_name, seen.drawn)


class CropSink(Sink):
    """Writes every face, framed as the network saw it but in full size and colour, to `crops/`."""

    def take(self, seen: Seen) -> None:
        """Write the faces of a frame."""
        for name, face in zip(seen.face_names, self.run.recogniser.cut(seen.frame, seen.faces.boxes), strict=True):
            save_picture(self.run.folder / "crops" / f"{name}.png", face)


class HeatMapSink(Sink):
    """Writes a sheet per face to `heatmaps/`: as the network saw it, its Grad-CAM map, its guided gradients.

    Args:
        videos: also of every frame of videos and live sources, which are many and take their time.
    """

    def __init__(self, run: RunContext, videos: bool = False) -> None:
        super().__init__(run)
        self.videos = videos

    def take(self, seen: Seen) -> None:
        """Write the sheets of a frame."""
        if self.run.explainer is None or not (self.videos or seen.source.still):
            return
        sheets = self.run.explainer.sheets(seen.frame.image, list(seen.faces), self.run.recogniser.crop)
        for name, sheet in zip(seen.face_names, sheets, strict=True):
            save_picture(self.run.folder / "heatmaps" / f"{name}.png", sheet)
