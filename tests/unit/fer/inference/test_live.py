import re
import threading
from collections.abc import Callable

import numpy as np
import pytest

from cascade.errors import ImageError
from fer.inference.live import LiveSource
from fer.inference.sinks.window import FrameRate


class Capture:
    """A camera that gives numbered frames as fast as its gate lets it, and then breaks."""

    def __init__(self, numbers: list[int], opened: bool = True, gate: threading.Semaphore | None = None) -> None:
        self.numbers = iter(numbers)
        self.opened = opened
        self.gate = gate
        self.released = False

    def isOpened(self) -> bool:  # noqa: N802  OpenCV's name
        return self.opened

    def read(self):
        if self.gate is not None:
            assert self.gate.acquire(timeout=120)
        number = next(self.numbers, None)
        return (False, None) if number is None else (True, np.full((4, 4, 3), number, np.uint8))

    def release(self) -> None:
        self.released = True


@pytest.fixture
def opens(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Set what an address opens, one capture each time."""

    def set_captures(*captures: Capture) -> None:
        each = iter(captures)
        monkeypatch.setattr("fer.inference.live._open", lambda address: next(each))

    return set_captures


def test_a_camera_that_is_not_there_is_named(opens):
    opens(Capture([], opened=False))
    with pytest.raises(ImageError, match="camera 7 cannot be opened"):
        next(LiveSource(7).frames())


def test_a_stream_that_is_not_there_is_named(opens):
    opens(Capture([], opened=False))
    with pytest.raises(ImageError, match="rtsp://nowhere/x cannot be opened"):
        next(LiveSource("rtsp://nowhere/x").frames())


def test_a_camera_that_goes_away_ends_with_an_error(opens):
    opens(Capture([1, 2, 3]))
    with pytest.raises(ImageError, match="camera 0 sends no more frames"):
        list(LiveSource(0).frames())


def test_frames_that_come_too_fast_are_dropped_and_the_newest_is_shown(opens):
    gate = threading.Semaphore(0)
    opens(Capture(list(range(100)), gate=gate))
    live = LiveSource(0)
    frames = live.frames()
    gate.release()
    assert next(frames).index == 0
    gate.release(50)  # fifty frames arrive while this one is being worked on
    while live.dropped < 49:
        pass
    frame = next(frames)
    assert (frame.index, int(frame.image[0, 0, 0])) == (50, 50)
    assert live.dropped == 49
    gate.release(100)
    frames.close()


def test_a_stream_that_breaks_off_is_opened_again_after_growing_pauses(
    opens, monkeypatch, caplog: pytest.LogCaptureFixture
):
    pauses: list[float] = []

    def pause(seconds: float) -> bool:
        pauses.append(seconds)
        return False

    broken = [Capture([], opened=False) for _ in range(6)]
    first, again = Capture([1, 2, 3]), Capture([4, 5])
    # the second break never heals: ten attempts and it is given up
    never = [Capture([], opened=False) for _ in range(10)]
    opens(first, *broken, again, *never)
    live = LiveSource("rtsp://host/a")
    monkeypatch.setattr(live._stop, "wait", pause)
    seen = []
    with pytest.raises(ImageError, match="10 attempts"), caplog.at_level("WARNING"):
        for frame in live.frames():
            seen.append(int(frame.image[0, 0, 0]))
    assert pauses[:7] == [1, 2, 4, 8, 16, 30, 30]
    assert pauses[7:10] == [1, 2, 4]  # counted anew after a success
    assert live.reconnects == 1
    assert seen == sorted(set(seen))  # nothing twice, nothing out of order
    assert first.released
    said = [record.getMessage() for record in caplog.records]
    assert said[0] == "rtsp://host/a broke off; attempt 1 to reach it in 1 s"
    assert said.count("rtsp://host/a is back") == 1


@pytest.mark.parametrize(
    ("address", "name"),
    [
        (0, "0"),
        ("rtsp://host:554/a", "rtsp://host:554/a"),
        ("rtsp://me:se:cr@t@host:554/a", "rtsp://me:***@host:554/a"),
        ("rtsp://me:se/cr@t@host/a", "rtsp://me:***@host/a"),
        ("rtsp://token@host/a", "rtsp://***@host/a"),
        ("http://host/a?channel=1&user=me&Pwd=secr&x=2", "http://host/a?channel=1&user=***&Pwd=***&x=2"),
        ("rtsp://host/user=me_password=secr_channel=1.sdp?real", "rtsp://host/user=***?real"),
        ("rtsp://:secret@host/a", "rtsp://:***@host/a"),
    ],
)
def test_a_password_is_neither_shown_nor_written_down(opens, address: int | str, name: str):
    assert LiveSource(address).name == name
    if isinstance(address, str):
        opens(Capture([], opened=False))
        with pytest.raises(ImageError) as error:
            next(LiveSource(address).frames())
        assert not re.search("secr|cr@t|t@host", str(error.value))


def test_the_frame_rate_is_a_running_mean():
    rate = FrameRate()
    assert rate.tick(0.0) == 0
    values = [rate.tick(i / 20) for i in range(1, 100)]
    assert values[-1] == pytest.approx(20, rel=0.01)
    slower = [rate.tick(99 / 20 + index / 10) for index in range(1, 60)]
    assert slower[-1] == pytest.approx(10, rel=0.05)
