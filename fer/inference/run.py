"""One run of `detect.py`, from a composed configuration to its files and its exit status."""

import logging
import os
import signal
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
from omegaconf import DictConfig, OmegaConf

from cascade.errors import ImageError, OutputError, UserError
from cascade.pictures import read_picture
from fer.inference.classifier import load_classifier
from fer.inference.detector import Detector
from fer.inference.drawing import annotate
from fer.inference.faces import Face, Image
from fer.inference.live import FrameRate, LiveSource, write_rate
from fer.inference.recogniser import ExpressionRecognizer
from fer.inference.results import Input, Results, read_job
from fer.inference.saving import save_annotated, save_crops, save_picture
from fer.inference.sources import Files, Live, find_source, is_video
from fer.inference.terminal import Progress, print_faces, print_summary
from fer.inference.tracking import Tracking
from fer.inference.video_writer import VideoWriter
from fer.inference.videos import VideoFile
from fer.inference.window import Window

if TYPE_CHECKING:
    from fer.inference.explain import Explainer

log = logging.getLogger(__name__)
_AHEAD = 2  # pictures decoded while another is searched


def run(config: DictConfig, build_detector: Callable[[], Detector], folder: Path, runs: Path) -> int:
    """Look at a source as configured.

    Args:
        config: composed from `configs/detect.yaml`.
        build_detector: makes the configured detector.
        folder: for the results of a new run.
        runs: where earlier runs are looked for, to resume one.

    Returns:
        Exit status: 0, 1 if some inputs could not be read, 130 after an interruption.

    Raises:
        UserError: for what the user can mend.
    """
    source = find_source(config.source)
    if isinstance(source, Files):
        source = source.shard(int(config.shard.index), int(config.shard.count))
    if config.threads is not None:
        cv2.setNumThreads(int(config.threads))
    # Every failure that OpenCV and its FFmpeg log is an error of ours
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    try:
        tracking = Tracking(**config.tracking)
    except (TypeError, ValueError) as error:
        raise UserError(str(error)) from error
    recogniser = ExpressionRecognizer(
        build_detector(),
        load_classifier(str(config.classifier), config.threads),
        detect_side=config.detect_side,
        tracking=tracking,
    )
    explainer = _explainer(config, recogniser)
    job = _job(config, source, recogniser)
    if config.resume is not False:
        folder = _earlier(config.resume, job, source, folder, runs)
    with _interruptible():
        if isinstance(source, Live):
            return _live(config, source, recogniser, explainer, lambda: Results(folder, recogniser.classes, job))
        results = Results(folder, recogniser.classes, job)
        return _FilesRun(config, source, recogniser, explainer, results).run()


class _FilesRun:
    """Works through pictures and videos."""

    def __init__(
        self,
        config: DictConfig,
        files: Files,
        recogniser: ExpressionRecognizer,
        explainer: "Explainer | None",
        results: Results,
    ) -> None:
        self.explainer = explainer
        self.save = config.save
        self.files = files
        self.recogniser = recogniser
        self.results = results
        self.labels: Counter[str] = Counter()
        self.shown: list[Face] = []

    def run(self) -> int:
        paths = [path for path in self.files.paths if self.files.name(path) not in self.results.done]
        earlier = len(self.files.paths) - len(paths)
        if earlier:
            log.warning("resuming: %d of %d inputs were done before", earlier, len(self.files.paths))
        status = 0
        with Progress(len(self.files.paths), earlier) as progress:
            try:
                for path, image in self._read_ahead(paths):
                    progress.start(self.files.name(path))
                    done = self._video(path, progress) if image is None else self._picture(path, image)
                    if done.error:
                        progress.say(done.error)
                    self.results.finish(done)
                    progress.advance()
            except KeyboardInterrupt:
                status = 130
            finally:
                self.results.close(with_json=self.save.json)
        self._report(status)
        failed = sum(bool(done.error) for done in self.results.done.values())
        return status or (1 if failed else 0)

    def _read_ahead(self, paths: list[Path]) -> Iterator[tuple[Path, "Future[Image] | None"]]:
        """Decode pictures in a thread of its own while others are searched; videos do that themselves."""
        with ThreadPoolExecutor(1) as pool:
            waiting: deque[tuple[Path, Future[Image] | None]] = deque()
            for path in paths:
                waiting.append((path, None if is_video(path) else pool.submit(read_picture, path)))
                if len(waiting) > _AHEAD:
                    yield waiting.popleft()
            while waiting:
                yield waiting.popleft()

    def _picture(self, path: Path, reading: "Future[Image]") -> Input:
        name = self.files.name(path)
        try:
            image = reading.result()
        except ImageError as error:
            return Input(name, 0, 0, str(error))
        faces = self.recogniser.recognize(image)
        if self.save.pictures:
            save_annotated(self.results.folder, name, self._explained(image, faces), faces)
        if self.explainer is not None:
            for number, sheet in enumerate(self.explainer.sheets(image, faces, self.recogniser.crop)):
                target = f"{name}_{number}_{faces[number].label}.png"
                save_picture(self.results.folder / "heatmaps" / target, sheet)
        if self.save.crops:
            save_crops(self.results.folder, name, image, faces, self.recogniser.crop)
        self.results.add(name, faces)
        self.labels.update(face.label for face in faces)
        self.shown = faces
        return Input(name, 1, len(faces))

    def _video(self, path: Path, progress: Progress) -> Input:
        name = self.files.name(path)
        frames = rows = 0
        error = ""
        try:
            video = VideoFile(path)
        except ImageError as unreadable:
            return Input(name, 0, 0, str(unreadable))
        progress.frames(video.count)
        with ExitStack() as stack:
            writer = None
            target = _video_path(self.save.video, self.results.folder, name, by_default=True)
            if target is not None:
                writer = stack.enter_context(VideoWriter(target))
            try:
                for frame, faces in self.recogniser.follow(video.frames()):
                    self.results.add(name, faces)
                    if writer is not None:
                        picture = annotate(self._explained(frame.image, faces), faces)
                        writer.write(picture, frame.time_s)
                    if self.save.crops:
                        save_crops(self.results.folder, name, frame.image, faces, self.recogniser.crop)
                    self.labels.update(face.label for face in faces)
                    frames, rows = frames + 1, rows + len(faces)
                    progress.frame()
            except ImageError as broken:
                error = str(broken)
        return Input(name, frames, rows, error)

    def _explained(self, image: Image, faces: list[Face]) -> Image:
        if self.explainer is None:
            return image
        return self.explainer.draw(image, faces, self.recogniser.crop)

    def _report(self, status: int) -> None:
        done = self.results.done
        single = len(self.files.paths) == 1 and not is_video(self.files.paths[0])
        if single and status == 0 and not any(d.error for d in done.values()):
            print_faces(self.shown)
        print_summary(self.results.folder, list(done.values()), self.labels, self.recogniser.classes)
        if status:
            left = len(self.files.paths) - len(done)
            log.warning("interrupted with %d inputs left; the same command with resume=true goes on", left)


def _live(
    config: DictConfig,
    source: Live,
    recogniser: ExpressionRecognizer,
    explainer: "Explainer | None",
    open_results: Callable[[], Results],
) -> int:
    """Watch a camera or stream until its window closes, its time is over or it is interrupted."""
    name = source.name
    rate, frames, rows = FrameRate(), 0, 0
    labels: Counter[str] = Counter()
    status, error = 0, ""
    with ExitStack() as stack:
        window = stack.enter_context(Window()) if config.show in ("auto", True) else None
        live = LiveSource(source, int(config.max_retries))
        results = open_results()
        target = _video_path(config.save.video, results.folder, "live", by_default=False)
        writer = stack.enter_context(VideoWriter(target)) if target is not None else None
        try:
            for frame, faces in recogniser.follow(live.frames()):
                results.add(name, faces)
                labels.update(face.label for face in faces)
                frames, rows = frames + 1, rows + len(faces)
                shown = explainer.draw(frame.image, faces, recogniser.crop) if explainer else frame.image
                picture = annotate(shown, faces)
                if writer is not None:
                    writer.write(picture, frame.time_s)
                if window is not None:
                    write_rate(picture, rate.tick(time.monotonic()))
                    if not window.show(picture):
                        break
                if config.seconds is not None and frame.time_s >= config.seconds:
                    break
        except KeyboardInterrupt:
            status = 130
        except UserError as lost:
            error, status = str(lost), 2
            log.error("%s", lost)
        finally:
            results.finish(Input(name, frames, rows, error))
            results.close(with_json=config.save.json)
    print_summary(results.folder, list(results.done.values()), labels, recogniser.classes)
    if live.dropped or live.reconnects:
        log.warning("%d frames came too fast and were dropped; %d reconnections", live.dropped, live.reconnects)
    return status


def _video_path(wanted: Any, folder: Path, name: str, *, by_default: bool) -> Path | None:
    """Where an annotated video goes; None for nowhere."""
    if wanted == "auto":
        wanted = by_default
    if not wanted:
        return None
    if wanted is True:
        return folder / "annotated" / f"{name}.mp4" if not name.endswith(".mp4") else folder / "annotated" / name
    path = Path(str(wanted)).expanduser()
    if path.suffix.lower() != ".mp4":
        raise UserError(f"save.video={path}: annotated videos are written as .mp4")
    return path


def _explainer(config: DictConfig, recogniser: ExpressionRecognizer) -> "Explainer | None":
    if not config.explain:
        return None
    from fer.inference.explain import Explainer

    return Explainer(recogniser.classifier)


def _job(config: DictConfig, source: Files | Live, recogniser: ExpressionRecognizer) -> dict[str, Any]:
    """What two runs must share so that one can go on with the other."""
    return {
        "source": source.name if isinstance(source, Live) else str(Path(str(config.source)).expanduser().absolute()),
        "detector": OmegaConf.to_container(config.detector, resolve=True),
        "classifier": {
            "model": str(config.classifier),
            "commit": recogniser.info.commit,
            "classes": list(recogniser.classes),
        },
        "crop": vars(recogniser.crop),
        "detect_side": config.detect_side,
        "tracking": vars(recogniser.tracking),
        "shard": {"index": int(config.shard.index), "count": int(config.shard.count)},
    }


def _earlier(wanted: bool | str, job: dict[str, Any], source: Files | Live, fresh: Path, runs: Path) -> Path:
    """The folder of the run to resume."""
    if isinstance(source, Live):
        raise UserError("a live source cannot be resumed; leave resume out")
    if fresh.is_dir() and not any(fresh.iterdir()):
        fresh.rmdir()  # Hydra made it for a new run
    if wanted is not True:
        folder = Path(str(wanted)).expanduser()
        if read_job(folder) is None:
            raise OutputError(f"{folder.absolute()} holds no run to resume: there is no job.json")
        return folder
    found = [*runs.glob("*/job.json"), *runs.glob("*/*/job.json")]
    for record in sorted(found, key=lambda path: path.stat().st_mtime, reverse=True):
        if read_job(record.parent) == job:
            return record.parent
    raise OutputError(
        f"nothing to resume: no run below {runs} has this source and these settings; name its folder with "
        f"resume=FOLDER, or leave resume out"
    )


@contextmanager
def _interruptible() -> Iterator[None]:
    """Make SIGTERM end a run as Ctrl-C does: with what was done so far in order."""
    try:
        before = signal.signal(signal.SIGTERM, _interrupt)
    except ValueError:  # not the main thread, as under a launcher: its signals are not ours
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt
