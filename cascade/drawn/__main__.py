"""Write synthetic faces and scenes: `python -m cascade.drawn --help`."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cascade.drawn import writers
from cascade.errors import UserError


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 0 where all was written, 2 where the user must mend something."""
    given = _parser().parse_args(arguments)
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=console) as progress:
            task = progress.add_task(f"Drawing {given.out}", total=None)

            def start(total: int) -> Callable[[int], object]:
                progress.update(task, total=total)
                return lambda step: progress.advance(task, step)

            given.run(given, start)
    except UserError as error:
        console.print(f"error: {error}", style="red", markup=False, soft_wrap=True)
        return 2
    except KeyboardInterrupt:
        console.print("interrupted; nothing was written")
        return 130
    print(given.out)
    return 0


_Start = Callable[[int], Callable[[int], object]]


def _csv(given: argparse.Namespace, start: _Start) -> None:
    sizes = writers.SplitSizes(given.train, given.val, given.test)
    writers.write_csv(given.out, sizes, given.seed, start(sizes.total))


def _folder(given: argparse.Namespace, start: _Start) -> None:
    sizes = writers.SplitSizes(given.train, given.val, given.test)
    writers.write_folder(given.out, sizes, given.seed, given.size, start(sizes.total))


def _chips(given: argparse.Namespace, start: _Start) -> None:
    advance = start(given.positives + given.negatives)
    writers.write_chips(given.out, given.positives, given.negatives, given.seed, colour=given.colour, advance=advance)


def _scenes(given: argparse.Namespace, start: _Start) -> None:
    writers.write_scenes(
        given.out,
        given.count,
        given.seed,
        width=given.width,
        height=given.height,
        n_faces=given.faces,
        min_size=given.min_size,
        advance=start(given.count),
    )


def _video(given: argparse.Namespace, start: _Start) -> None:
    writers.write_video(
        given.out,
        given.frames,
        given.seed,
        width=given.width,
        height=given.height,
        n_faces=given.faces,
        fps=given.fps,
        advance=start(given.frames),
    )


def _sheet(given: argparse.Namespace, start: _Start) -> None:
    advance = start(7 * given.people)
    writers.write_sheet(given.out, given.people, given.seed, given.size, clean=given.clean, advance=advance)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m cascade.drawn",
        description="Write faces and scenes drawn by our own renderer; the same seed gives the same files.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(
        name: str, out: str, run: Callable[[argparse.Namespace, _Start], None], text: str
    ) -> argparse.ArgumentParser:
        added = commands.add_parser(
            name, help=text, description=text, formatter_class=argparse.ArgumentDefaultsHelpFormatter
        )
        added.add_argument("out", metavar=out, type=Path, help="what to write; it must not exist yet")
        added.add_argument("--seed", type=_whole(0), default=0, help="decides everything that is drawn")
        added.set_defaults(run=run)
        return added

    csv = command("csv", "OUT.csv", _csv, "a file like fer2013.csv: emotion,pixels,Usage")
    folder = command("folder", "OUT_DIR", _folder, "an image folder: train|val|test/<class>/NNNNN.png")
    for added in (csv, folder):
        added.add_argument("--train", type=_whole(0), default=6000, help="faces to train on")
        added.add_argument("--val", type=_whole(0), default=1000, help="faces to select by (PublicTest)")
        added.add_argument("--test", type=_whole(0), default=1000, help="faces to test on (PrivateTest)")
    folder.add_argument("--size", type=_whole(16), default=48, help="side of a face in pixels")

    chips = command("chips", "OUT_DIR", _chips, "faces with margin and boxes, and pictures without faces")
    chips.add_argument("--positives", type=_whole(0), default=1000, help="faces, listed in positives.dat")
    chips.add_argument("--negatives", type=_whole(0), default=500, help="pictures without faces")
    chips.add_argument("--colour", action="store_true", help="colour in place of gray")

    scenes = command("scenes", "OUT_DIR", _scenes, "pictures of several people, with boxes and expressions")
    scenes.add_argument("--count", type=_whole(1), default=20, help="pictures")
    scenes.add_argument("--faces", type=_whole(0), default=3, help="people per picture, fewer where they do not fit")
    scenes.add_argument("--min-size", type=_whole(12), default=40, help="smallest width of a box in pixels")
    video = command("video", "OUT.mp4", _video, "a film of moving faces (.mp4, .avi), its truth beside it as .json")
    video.add_argument("--frames", type=_whole(1), default=150, help="length")
    video.add_argument("--fps", type=float, default=25.0, help="frames per second")
    video.add_argument("--faces", type=_whole(1), default=2, help="people, side by side")
    for added in (scenes, video):
        added.add_argument("--width", type=_whole(32), default=640, help="of the picture, in pixels")
        added.add_argument("--height", type=_whole(32), default=480, help="of the picture, in pixels")

    sheet = command("sheet", "OUT.png", _sheet, "one picture of people who show every expression")
    sheet.add_argument("--people", type=_whole(1), default=8, help="columns")
    sheet.add_argument("--size", type=_whole(16), default=96, help="side of a face in pixels")
    sheet.add_argument("--clean", action="store_true", help="in colour, frontal and evenly lit")
    return parser


def _whole(least: int) -> Callable[[str], int]:
    """A type for argparse: whole numbers from `least` up."""

    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if number < least:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} up")
        return number

    return parse


if __name__ == "__main__":
    sys.exit(main())
