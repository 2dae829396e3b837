"""The one loop: from the inputs of a source through the recogniser into the sinks."""

from collections.abc import Iterable, Sequence
from contextlib import closing

from cascade.errors import ImageError
from fer.inference.sinks.sink import RunContext, Seen, Sink
from fer.inference.sources import Input
from fer.inference.tables import Outcome


def work_through(inputs: Iterable[Input], run: RunContext, sinks: Sequence[Sink]) -> None:
    """Look at every frame of every input and give it to every sink (entered already), until one is closed.

    An input that cannot be read, or not to its end, is one with an error in its outcome. One that is left in the
    middle has no outcome, unless it is endless.

    Raises:
        KeyboardInterrupt: the user's, or a sink was closed in the middle of a video.
        OutputError: of a sink.
    """
    for item in inputs:
        _look(item, run, sinks)
        if any(sink.closed for sink in sinks):
            break


def _look(item: Input, run: RunContext, sinks: Sequence[Sink]) -> None:
    count = faces = 0
    error, over, recogniser = "", item.endless, run.recogniser
    try:
        with closing(item.frames()) as frames:
            each = ((frame, recogniser.read(frame)) for frame in frames)
            for frame, found in each if item.still else recogniser.follow(frames):
                count, faces = count + 1, faces + len(found)
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
                sink.finish(Outcome(item.name, count, faces, error))
