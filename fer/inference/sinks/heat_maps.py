"""What the network looked at, in `heatmaps/`."""

from cascade.pictures import save_picture
from fer.inference.sinks.sink import RunContext, Seen, Sink


class HeatMapSink(Sink):
    """Writes a sheet per face: the face as the network saw it, its Grad-CAM map, its guided gradients.

    Args:
        run: see `Sink`; it has an explainer.
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
