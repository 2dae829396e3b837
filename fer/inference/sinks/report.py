"""Results that one can look at: a page about a folder's pictures, a timeline of each film."""

import io
from collections import Counter
from typing import Any

import numpy as np

from cascade.files import write_whole
from cascade.pictures import Image
from fer.inference import tables
from fer.inference.report import FaceGroups, folder_report, thumbnail, timeline, timeline_page
from fer.inference.sinks.sink import RunContext, Seen, Sink

_TRACKS = 12  # of a film that are drawn, those that are seen longest
_POINTS = 2000  # of a track that are drawn


class ReportSink(Sink):
    """Writes `report.html` about pictures, where there are several, and `timelines/NAME.html` and `.png` of each film.

    The page about pictures is made of the tables, so that a run that was interrupted and resumed has a whole one.
    """

    def __init__(self, run: RunContext) -> None:
        super().__init__(run)
        self._film: str | None = None  # the present one's name
        self._tracks: dict[int, list[tuple[float, Any]]] = {}
        self._faces: dict[int, tuple[float, Image]] = {}

    def take(self, seen: Seen) -> None:
        """Note the faces of a film's frame."""
        if seen.source.still or seen.faces.track_ids is None:
            return
        self._film = seen.source.drawn_name
        time_s = seen.frame.time_s or 0.0
        for row, number in enumerate(seen.faces.track_ids.tolist()):
            self._tracks.setdefault(number, []).append((time_s, np.array(seen.faces.probabilities[row])))
            width = float(seen.faces.boxes[row, 2])
            if not self.run.blur and width > 1.2 * self._faces.get(number, (0.0,))[0]:
                (cut,) = self.run.recogniser.cut(seen.frame, seen.faces.boxes[row : row + 1])
                self._faces[number] = width, thumbnail(cut)

    def finish(self, outcome: tables.Outcome) -> None:
        """Draw the timeline of a film that is over."""
        name, tracks, faces = self._film, self._tracks, self._faces
        self._film, self._tracks, self._faces = None, {}, {}
        if name is None or not tracks:
            return
        classes = self.run.recogniser.classes
        longest = sorted(sorted(tracks, key=lambda number: -len(tracks[number]))[:_TRACKS])
        points, summary = {}, []
        for number in longest:
            times = np.array([time_s for time_s, _ in tracks[number]])
            shares = np.stack([row for _, row in tracks[number]])
            mostly = Counter(shares.argmax(axis=1).tolist()).most_common(1)[0][0]
            summary.append((number, classes[mostly], float(times[0]), float(times[-1])))
            step = -(-len(times) // _POINTS)
            points[number] = times[::step], shares[::step]
        figure = timeline(outcome.source, points, classes, {number: face for number, (_, face) in faces.items()})
        png = io.BytesIO()
        figure.savefig(png, format="png", dpi=110)
        base = self.run.folder / "timelines" / name
        write_whole(base.with_name(f"{base.name}.png"), png.getvalue())
        write_whole(base.with_name(f"{base.name}.html"), timeline_page(outcome.source, png.getvalue(), summary))

    def __exit__(self, *error: object) -> None:
        """Write the page about the pictures, unless there are no tables of them, or the run failed."""
        folder, groups = self.run.folder, FaceGroups()
        if not tables.is_begun(folder) or error[0] not in (None, KeyboardInterrupt):
            return
        outcomes = tables.read_outcomes(folder)
        films = set()
        for face in tables.read_faces(folder):
            if face["track_id"] is None:
                groups.add(face)
            else:
                films.add(face["source"])
        pictures = [outcome for name, outcome in outcomes.items() if name not in films and outcome.frames <= 1]
        if len(pictures) < 2:
            return
        failed = {outcome.source: outcome.error for outcome in pictures if outcome.error}
        root = None if self.run.blur else self.run.root
        title = str(self.run.job["source"])
        write_whole(
            folder / "report.html", folder_report(title, groups, len(pictures), failed, self.run.recogniser, root)
        )
