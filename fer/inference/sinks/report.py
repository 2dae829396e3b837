"""Results that one can look at: a page about a folder's pictures, a timeline of each film."""

import io
import warnings
from typing import cast

import numpy as np
from numpy.typing import NDArray

from cascade.files import write_whole
from cascade.pictures import Image
from fer.inference import tables
from fer.inference.report import FaceGroups, folder_report, thumbnail, timeline, timeline_page
from fer.inference.sinks.sink import RunContext, Seen, Sink

_TRACKS = 12  # of a film that are drawn, those that are seen longest
_POINTS = 2000  # of a track that are kept and drawn, or up to twice as many


class _Track:
    """A face's probabilities over time, thinned out as they grow, so that a day of them needs no memory."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.shares: list[NDArray[np.float32]] = []
        self.seen, self.last = 0, 0.0  # frames, and seconds
        self.width, self.face = 0.0, cast(Image | None, None)
        self._every = 1

    def add(self, time_s: float, shares: NDArray[np.float32]) -> None:
        """Take a frame's."""
        if self.seen % self._every == 0:
            self.times.append(time_s)
            self.shares.append(shares.copy())
        self.seen, self.last = self.seen + 1, time_s
        if len(self.times) == 2 * _POINTS:
            del self.times[1::2], self.shares[1::2]
            self._every *= 2


class ReportSink(Sink):
    """Writes `report.html` about pictures, where there are several, and `timelines/NAME.html` and `.png` of each film.

    The page about pictures is made of the tables, so that a run that was interrupted and resumed has a whole one.
    """

    def __init__(self, run: RunContext) -> None:
        super().__init__(run)
        self._film: str | None = None  # the present one's name
        self._tracks: dict[int, _Track] = {}

    def take(self, seen: Seen) -> None:
        """Note the faces of a film's frame."""
        if seen.source.still or seen.faces.track_ids is None:
            return
        self._film = seen.source.drawn_name
        time_s = seen.frame.time_s or 0.0
        for row, number in enumerate(seen.faces.track_ids.tolist()):
            track = self._tracks.setdefault(number, _Track())
            track.add(time_s, seen.faces.probabilities[row])
            width = float(seen.faces.boxes[row, 2])
            if not self.run.blur and width > 1.2 * track.width:
                (cut,) = self.run.recogniser.cut(seen.frame, seen.faces.boxes[row : row + 1])
                track.width, track.face = width, thumbnail(cut)
        if len(self._tracks) > 20 * _TRACKS:  # a camera may run for days
            self._tracks = {number: self._tracks[number] for number in self._longest(10 * _TRACKS)}

    def finish(self, outcome: tables.Outcome) -> None:
        """Draw the timeline of a film that is over."""
        tracks = {number: self._tracks[number] for number in self._longest(_TRACKS)}
        name, self._film, self._tracks = self._film, None, {}
        if name is None or not tracks:
            return
        classes = self.run.recogniser.classes
        points = {number: (np.array(track.times), np.stack(track.shares)) for number, track in tracks.items()}
        summary = [
            (number, classes[int(np.bincount(shares.argmax(axis=1)).argmax())], float(times[0]), tracks[number].last)
            for number, (times, shares) in points.items()
        ]
        faces = {number: track.face for number, track in tracks.items() if track.face is not None}
        png = io.BytesIO()
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # letters that the font has not
            timeline(outcome.source, points, classes, faces).savefig(png, format="png", dpi=110)
        base = self.run.folder / "timelines" / name
        write_whole(base.with_name(f"{base.name}.png"), png.getvalue())
        write_whole(base.with_name(f"{base.name}.html"), timeline_page(outcome.source, png.getvalue(), summary))

    def _longest(self, count: int) -> list[int]:
        """The numbers of so many tracks, those that were seen in most frames, ascending."""
        return sorted(sorted(self._tracks, key=lambda number: -self._tracks[number].seen)[:count])

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
