"""What a run found, as pages that one can look at: shares, faces by label, what failed; and timelines of films."""

import base64
import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cascade.errors import ImageError
from cascade.pictures import Image, read_picture, to_colour
from cascade.text import printable
from fer.inference.drawing import colour_of
from fer.inference.frames import Frame
from fer.inference.recogniser import ExpressionRecognizer
from fer.labels import UNSURE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 12
"""Faces of each label that a report shows: so many that the model is surest of, and as many that it doubts most."""

_THUMBNAIL = 96  # pixels
_FAILED = 200  # inputs that are named
_STYLE = """
:root { color-scheme: light dark; --line: #8886; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 64rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2rem; } h3 { font-size: 1rem; margin-bottom: .3rem; }
table { border-collapse: collapse; } td, th { padding: .1rem .8rem .1rem 0; text-align: left; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
td.bar { width: 20rem; } td.bar span { display: block; height: .8rem; border-radius: .4rem; }
ul.faces { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .6rem; }
ul.faces li { width: 96px; font-size: .8rem; overflow-wrap: anywhere; }
img { max-width: 100%; border: 1px solid var(--line); border-radius: .3rem; }
"""


class FaceGroups:
    """The faces of a run by label, of which those are kept that a report shows."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._surest: dict[str, list[tuple[float, int, dict[str, Any]]]] = defaultdict(list)
        self._least: dict[str, list[tuple[float, int, dict[str, Any]]]] = defaultdict(list)

    def add(self, face: dict[str, Any]) -> None:
        """Count a face, a row of `faces.json`."""
        label, share = face["label"], face["probabilities"][face["label"]]
        number = self.counts.total()
        self.counts[label] += 1
        for heap, key in ((self._surest[label], share), (self._least[label], -share)):
            (heapq.heappush if len(heap) < SHOWN else heapq.heappushpop)(heap, (key, -number, face))

    def surest(self, label: str) -> list[dict[str, Any]]:
        """The faces whose label is the most probable, the surest first."""
        return [face for *_, face in sorted(self._surest[label], key=lambda item: item[:2], reverse=True)]

    def least_sure(self, label: str) -> list[dict[str, Any]]:
        """The faces whose label is the least probable, the least sure first, without those that `surest` has."""
        known = {id(face) for face in self.surest(label)}
        ordered = sorted(self._least[label], key=lambda item: item[:2], reverse=True)
        return [face for *_, face in ordered if id(face) not in known]


def folder_report(
    title: str,
    groups: FaceGroups,
    inputs: int,
    failed: Mapping[str, str],
    recogniser: ExpressionRecognizer,
    root: Path | None,
) -> str:
    """A page about the pictures of a folder, in HTML that needs no other file.

    Args:
        title: what was looked at.
        groups: its faces.
        inputs: how many pictures there were.
        failed: why those could not be read that could not, by name.
        recogniser: cuts faces out as the network sees them.
        root: the folder that the pictures' names are relative to; None shows no faces.
    """
    total = groups.counts.total()
    labels = [name for name in recogniser.classes if groups.counts[name]]
    rows = "".join(
        f"<tr><td>{_text(name)}</td><td class=number>{groups.counts[name]:,}</td><td class=number>"
        f"{groups.counts[name] / total:.0%}</td><td class=bar><span style='width: {groups.counts[name] / total:.1%}; "
        f"background: {_css(name)}'></span></td></tr>"
        for name in sorted(labels, key=lambda name: -groups.counts[name])
    )
    parts = [
        f"<h1>{_text(title)}</h1><p>{total:,} faces in {inputs:,} pictures"
        f"{f', {len(failed):,} of which could not be read' if failed else ''}.</p>",
        f"<table><caption>Labels</caption>{rows}</table>" if total else "",
    ]
    if root is not None:
        finders = {"surest": groups.surest, "least sure": groups.least_sure}
        chosen = {(name, kind): find(name) for name in labels for kind, find in finders.items()}
        pictures = _thumbnails([face for faces in chosen.values() for face in faces], recogniser, root)
        for name in labels:
            parts.append(f"<h2>{_text(name)}</h2>")
            for kind in finders:
                if faces := chosen[name, kind]:
                    shown = "".join(_item(face, pictures.get(id(face))) for face in faces)
                    parts.append(f"<h3>{kind}</h3><ul class=faces>{shown}</ul>")
    if failed:
        named = "".join(f"<li>{_text(reason)}</li>" for reason in list(failed.values())[:_FAILED])
        more = f"<p>… and {len(failed) - _FAILED:,} more, all in inputs.csv</p>" if len(failed) > _FAILED else ""
        parts.append(f"<h2>Could not be read</h2><ul>{named}</ul>{more}")
    return page(title, "".join(parts))


def timeline_page(title: str, figure: bytes, tracks: Sequence[tuple[int, str, float, float]]) -> str:
    """A page about a film, in HTML that needs no other file.

    Args:
        title: the film's name.
        figure: its timeline, a PNG.
        tracks: of each face its number, its commonest label, and when it was first and last seen, in seconds.
    """
    rows = "".join(
        f"<tr><td class=number>{number}</td><td>{_text(label)}</td><td class=number>{first:.1f} s</td>"
        f"<td class=number>{last:.1f} s</td></tr>"
        for number, label, first, last in tracks
    )
    seen = f"Probabilities over time of {len(tracks)} faces; the table below says what they mostly show"
    return page(
        title,
        f"<h1>{_text(title)}</h1><p><img alt='{seen}' src='data:image/png;base64,{_encoded(figure)}'></p>"
        f"<table><tr><th>face</th><th>mostly</th><th>from</th><th>to</th></tr>{rows}</table>",
    )


def timeline(
    title: str,
    tracks: Mapping[int, tuple[NDArray[np.float64], NDArray[np.float32]]],
    classes: Sequence[str],
    thumbnails: Mapping[int, Image],
) -> "Figure":
    """Draw the probabilities of each face of a film over time, one above the other.

    Args:
        title: the film's name.
        tracks: by number, time stamps in seconds (N,) and probabilities (N, classes).
        classes: their names.
        thumbnails: BGR pictures of the faces, by number; may lack some.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 0.8 + 1.3 * max(1, len(tracks))), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(printable(title).replace("$", r"\$"))
    grid = figure.add_gridspec(max(1, len(tracks)), 2, width_ratios=(1, 11))
    end = max((times[-1] for times, _ in tracks.values()), default=1.0)
    first: Any = None
    for row, (number, (times, shares)) in enumerate(tracks.items()):
        face, axes = figure.add_subplot(grid[row, 0]), figure.add_subplot(grid[row, 1], sharex=first)
        first = first or axes
        face.axis("off")
        face.set_title(f"face {number}", fontsize="small")
        if number in thumbnails:
            face.imshow(thumbnails[number][..., ::-1])
        # a gap in time is a gap in the drawing
        gaps = np.flatnonzero(np.diff(times) > max(1.0, 5 * float(np.median(np.diff(times)) if len(times) > 1 else 0)))
        for part in np.split(np.arange(len(times)), gaps + 1):
            colours = [(red / 255, green / 255, blue / 255) for blue, green, red in map(colour_of, classes)]
            axes.stackplot(times[part], shares[part].T, colors=colours, labels=classes if not part[0] else ())
        axes.set(xlim=(0, max(end, 0.04)), ylim=(0, 1), yticks=(0, 0.5, 1))
        axes.tick_params(labelbottom=row == len(tracks) - 1)
    if first is not None:
        figure.axes[-1].set_xlabel("seconds")
        handles, names = first.get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=len(classes), fontsize="small", frameon=False)
    return figure


def page(title: str, body: str) -> str:
    """A whole HTML page that loads nothing."""
    return (
        f"<!doctype html><html lang=en><head><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{_text(title)}</title><style>{_STYLE}</style></head><body>{body}</body></html>\n"
    )


def thumbnail(cut: Image) -> Image:
    """A face as pages show it, BGR of 96×96 pixels."""
    return np.asarray(cv2.resize(to_colour(cut), (_THUMBNAIL, _THUMBNAIL), interpolation=cv2.INTER_AREA), np.uint8)


def _thumbnails(faces: Iterable[dict[str, Any]], recogniser: ExpressionRecognizer, root: Path) -> dict[int, bytes]:
    """JPEGs of faces by their identity; pictures that are gone by now give none."""
    by_source: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for face in faces:
        by_source[face["source"]].append(face)
    made: dict[int, bytes] = {}
    for source, group in by_source.items():
        try:
            frame = Frame(read_picture(root / source))
        except ImageError:
            continue
        cuts = recogniser.cut(frame, np.array([face["box"] for face in group], np.float32))
        for face, cut in zip(group, cuts, strict=True):
            made[id(face)] = cv2.imencode(".jpg", thumbnail(cut))[1].tobytes()
    return made


def _item(face: dict[str, Any], jpeg: bytes | None) -> str:
    share, label = face["probabilities"][face["label"]], UNSURE if face["unsure"] else face["label"]
    alt = f"{_text(label)}, {share:.0%}"
    shown = f"<img alt='{alt}' src='data:image/jpeg;base64,{_encoded(jpeg)}'>" if jpeg else ""
    return f"<li>{shown}<br>{share:.0%} {_text(face['source'])}</li>"


def _text(text: str) -> str:
    return escape(printable(text), quote=True)


def _css(label: str) -> str:
    blue, green, red = colour_of(label)
    return f"rgb({red}, {green}, {blue})"


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
