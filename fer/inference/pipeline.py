"""The one loop: from the inputs of a source through the recogniser into the sinks."""

from collections.abc import Generator, Iterable, Sequence
from contextlib import closing

from cascade.errors import ImageError
from fer.inference.faces import FrameFaces
from fer.inference.frames import Frame
from fer.inference.recogniser import ExpressionRecognizer
from fer.inference.sinks.sink import RunContext, Seen, Sink
from fer.inference.sources import Input
from fer.inference.tables import Outcome


def work_through(inputs: Iterable[Input], run: RunContext, sinks: Sequence[Sink]) -> None:
    """Look at every frame of every input and give it to every sink, until a sink is closed.

    An input that cannot be read, or not to its end, is one with an error in its outcome. One that is left in the
    middle has no outcome, unless it is endless.

    Args:
        inputs: of a source.
        run: whose recogniser looks at them.
        sinks: entered already.

    Raises:
        KeyboardInterrupt: the user's, or a sink was closed in the middle of a video.
        OutputError: of a sink.
    """
    for item in inputs:
        _look(item, run, sinks)
        if any(sink.closed for sink in sinks):
            break


def _look(item: Input, run: RunContext, sinks: Sequence[Sink]) -> None:
    frames = faces = 0
    error, over = "", item.endless
    try:
        with closing(_recognised(item, run.recogniser)) as results:
            for frame, found in results:
                frames, faces = frames + 1, faces + len(found)
                seen = Seen(run, item, frame, found)
                for sink in sinks:
                    sink.take(seen)
                if not item.still and any(sink.closed for sink in sinks):
                    if item.endless:
                        break
                    raise KeyboardInterrupt
        over = True
    except ImageError as unreadable:
        error, over = str(unreadable), True
    finally:
        if over:
            for sink in sinks:
                sink.finish(Outcome(item.name, frames, faces, error))


def _recognised(item: Input, recogniser: ExpressionRecognizer) -> Generator[tuple[Frame, FrameFaces], None, None]:
    with closing(item.frames()) as frames:
        if item.still:
            yield from ((frame, recogniser.read(frame)) for frame in frames)
        else:
            yield from recogniser.follow(frames)
