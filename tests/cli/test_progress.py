"""What a long command shows in a terminal of any width, in a log file, and while it waits."""

from __future__ import annotations

import io
import re
import threading

import pytest
from rich.console import Console

from apical.cli import progress


def screen(shown: progress.Bar, width: int) -> list[str]:
    file = io.StringIO()
    Console(file=file, width=width, force_terminal=True, color_system=None).print(shown)
    return [line.rstrip() for line in file.getvalue().splitlines()]


@pytest.fixture
def clock(monkeypatch):
    """Seconds that have passed, to be set."""
    now = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


class Lines(io.StringIO):
    """A log file whose lines can be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.more = threading.Semaphore(0)

    def write(self, text: str) -> int:
        written = super().write(text)
        for _ in range(text.count("\n")):
            self.more.release()
        return written


@pytest.fixture
def log(monkeypatch):
    file = Lines()
    monkeypatch.setattr(progress, "errors", Console(file=file, width=80))
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.01)
    return file


@pytest.mark.parametrize(("width", "parts", "bar"), [(40, 0, 6), (60, 2, 0), (80, 3, 9), (120, 3, 24)])
def test_figures_are_whole_at_every_width(clock, width, parts, bar):
    """The count and the time left always; of the note and the bar, what there is room for."""
    shown = progress.Bar("Fitting elm 20", 400)
    notes = ["loss 0.123", "val 12.34 mV", "AUC 0.987"]
    for step in (100, 174):  # 74 steps in 37 s: 226 take another 113
        shown(step, 400, "  ".join(notes))
        clock[0] += 37
    (line,) = screen(shown, width)
    assert len(line) <= width
    expected = "  ".join(["174/400, 1:53 left", *notes[:parts]])
    drawn = re.fullmatch(rf"Fitting elm 20 (?:([━╸╺ ]+) )?{re.escape(expected)}", line)
    assert drawn, line
    assert len(drawn[1] or "") == bar


def test_what_is_over_says_how_long_it_took(clock):
    shown = progress.Bar("Simulating", 4)
    assert screen(shown, 60)[0].endswith("0/4, 0:00 so far")
    clock[0] += 3725
    shown(4, 4)
    assert screen(shown, 60)[0].endswith("4/4 in 1:02:05")


def test_a_wait_is_told_and_timed(clock):
    shown = progress.Bar("Simulating", 4)
    with shown.waiting("Compiling the membrane mechanisms"):
        clock[0] += 35
        assert screen(shown, 60) == ["Simulating ━━━━━━━━ Compiling the membrane mechanisms … 0:35"]
    assert "Compiling" not in screen(shown, 60)[0]


def test_a_log_file_has_a_line_now_and_then_though_nothing_is_reported(log):
    with progress.bar("Fitting", 8) as show:
        show(3, 8, "loss 0.5")
        for _ in range(3):
            assert log.more.acquire(timeout=20)
        with show.waiting("Compiling"):
            for _ in range(3):
                assert log.more.acquire(timeout=20)
    lines = log.getvalue().splitlines()
    assert lines.count("Fitting: 3/8, 0:00 so far  loss 0.5") >= 2
    assert "Fitting: Compiling … 0:00  loss 0.5" in lines
    assert lines[-1] == "Fitting: 8/8 in 0:00  loss 0.5"
    assert not any("\x1b" in line for line in lines)


def test_an_error_leaves_no_bar(log):
    with pytest.raises(OSError), progress.bar("Fitting", 8):
        raise OSError
    assert "8/8" not in log.getvalue()
