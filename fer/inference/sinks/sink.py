"""What every sink looks like to a run, and what it is given."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from cascade.pictures import Image
from fer.inference.drawing import annotate, blurred
from fer.inference.faces import FrameFaces
from fer.inference.frames import Frame
from fer.inference.recogniser import ExpressionRecognizer
from fer.inference.sources import Input
from fer.inference.tables import Outcome

if TYPE_CHECKING:
    from fer.inference.explain import Explainer


@dataclass(frozen=True)
class RunContext:
    """What all parts of a run share."""

    folder: Path  # for the results
    recogniser: ExpressionRecognizer
    job: dict[str, Any]  # plain values that say what the run is about; a resumed run must have the same
    explainer: "Explainer | None" = None  # makes heat maps, where they were asked for
    root: Path | None = None  # the folder that names of pictures are relative to, if they lie in one
    blur: bool = False  # the faces in drawn pictures, so that nobody knows them


@dataclass(frozen=True, eq=False)
class Seen:
    """A frame of an input and the faces in it, as the sinks get them."""

    run: RunContext
    source: Input
    frame: Frame
    faces: FrameFaces

    @cached_property
    def drawn(self) -> Image:
        """The frame with heat maps and faces drawn in, BGR (H, W, 3): made once, and no sink changes it."""
        image, explainer = self.frame.image, self.run.explainer
        if self.run.blur:
            image = blurred(image, self.faces.boxes)
        if explainer is not None:
            image = explainer.draw(image, list(self.faces), self.run.recogniser.crop)
        return annotate(image, self.faces)

    @property
    def face_names(self) -> list[str]:
        """A file name per face, without its ending: input, number or else frame and track, label."""
        ids, frame = self.faces.track_ids, f"f{self.frame.index:06d}"
        places = range(len(self.faces)) if ids is None else (f"{frame}_t{track}" for track in ids)
        return [f"{self.source.file_name}_{at}_{label}" for at, label in zip(places, self.faces.labels, strict=True)]


class Sink:
    """Takes the faces of a run frame by frame, in a `with` block; a kind of its own overrides what it needs."""

    closed = False  # set where the user wants no more of the run, as by closing its window

    def __init__(self, run: RunContext) -> None:
        self.run = run

    def take(self, seen: Seen) -> None:
        """Take the next frame."""

    def finish(self, outcome: Outcome) -> None:
        """Learn that an input is done, whose frames were those taken since the one before."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Put everything in order, whatever ended the run."""
