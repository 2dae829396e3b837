"""Faces as training pictures, in a folder for each class that the model takes them for."""

from cascade.pictures import save_picture
from fer.inference.sinks.sink import RunContext, Seen, Sink


class LabelSink(Sink):
    """Writes faces, framed as the network sees them, to `<class>/<probability>_<input>_<place>.png`.

    So those that the model is least sure of come first where files are sorted by name.

    Args:
        every_s: seconds from one picture of a face in a video to the next of the same.
        smallest: width in pixels below which faces are left out.
    """

    def __init__(self, run: RunContext, every_s: float = 1.0, smallest: int = 40) -> None:
        super().__init__(run)
        self.every_s, self.smallest = every_s, smallest
        self._last: dict[tuple[str, int], float] = {}

    def take(self, seen: Seen) -> None:
        """Write the faces of a frame that are due."""
        cuts = self.run.recogniser.cut(seen.frame, seen.faces.boxes)
        for face, cut, name in zip(seen.faces, cuts, seen.face_names, strict=True):
            if face.box[2] < self.smallest or not self._due(seen.source.name, face.track_id, face.time_s or 0.0):
                continue
            plain = name.removesuffix(f"_{face.label}").replace("/", "_")
            path = self.run.folder / face.label / f"{face.probabilities[face.label]:.3f}_{plain}.png"
            first, number = path, 1
            while path.exists():  # pictures of one name in several folders
                number += 1
                path = first.with_name(f"{first.stem}~{number}.png")
            save_picture(path, cut)

    def _due(self, source: str, track: int | None, time_s: float) -> bool:
        if track is None:
            return True
        due = time_s - self._last.get((source, track), -self.every_s) >= self.every_s
        if due:
            self._last[source, track] = time_s
        return due
