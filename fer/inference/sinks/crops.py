"""The faces themselves, in `crops/`."""

from cascade.pictures import save_picture
from fer.inference.sinks.sink import Seen, Sink


class CropSink(Sink):
    """Writes every face, framed as the network saw it but in full size and colour."""

    def take(self, seen: Seen) -> None:
        """Write the faces of a frame."""
        for name, face in zip(seen.face_names, self.run.recogniser.cut(seen.frame, seen.faces.boxes), strict=True):
            save_picture(self.run.folder / "crops" / f"{name}.png", face)
