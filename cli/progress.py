"""What a long command shows: one line with a bar and the time left in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console

if TYPE_CHECKING:
    from rich.table import Table

LINE_EVERY_S = 5.0  # in a pipe or a file; more as time goes on:
OF_WHAT_HAS_PASSED = 1 / 60
BAR_WIDTH, LEAST_BAR_WIDTH = 24, 6

console = Console(highlight=False, soft_wrap=True)
errors = Console(stderr=True, highlight=False)


class Bar:
    """How far a command is: call it with (done, total, note), or enter `waiting`; it says so by itself.

    The time left is taken from the pace of this run, so a resumed one is not misled by what was there before. A note's
    parts stand two spaces apart, the first one matters most: what a terminal has no room for is left out.
    """

    def __init__(self, title: str, total: int | None) -> None:
        from rich.progress import Progress

        self._title, self._note, self._waits_for, self._since_s = title, "", "", time.monotonic()
        # never started: for the time left
        self._pace = Progress(auto_refresh=False, speed_estimate_period=600, get_time=time.monotonic)
        self._pace.add_task(title, total=total)
        (self._task,) = self._pace.tasks

    def __call__(self, done: float, total: int, note: str = "") -> None:
        self._pace.update(self._task.id, completed=done, total=total)
        self._note = note

    @contextmanager
    def waiting(self, message: str) -> Iterator[None]:
        """Say what is waited for, and for how long, for as long as it is entered."""
        self._waits_for, self._since_s = message, time.monotonic()
        if not _live():
            self.tell()
        try:
            yield
        finally:
            self._waits_for = ""

    def finish(self) -> None:
        """All is done; what an earlier run did counts too."""
        self._pace.update(self._task.id, completed=self._task.total)

    def tell(self) -> None:
        """Print a line."""
        parts = [f"{self._title}: {self._figures()}", *self._note.split("  ")]
        errors.print("  ".join(filter(None, parts)), soft_wrap=True, markup=False)

    def _figures(self) -> str:
        if self._waits_for:
            return f"{self._waits_for} … {_clock(time.monotonic() - self._since_s)}"
        task, passed = self._task, _clock(self._task.elapsed or 0)
        if task.total is None:
            return f"… {passed}"
        counted = f"{int(task.completed):,}/{int(task.total):,}"
        if task.finished:
            return f"{counted} in {passed}"
        left_s = task.time_remaining
        return f"{counted}, {passed} so far" if left_s is None else f"{counted}, {_clock(left_s)} left"

    def __rich_console__(self, of: Console, options: Any) -> Iterator[Table]:
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        figures = self._figures()
        room = options.max_width - len(self._title) - len(figures) - 1
        for part in filter(None, self._note.split("  ")):
            if len(part) + 2 > room:
                break
            figures, room = f"{figures}  {part}", room - len(part) - 2
        line = Table.grid(padding=(0, 1, 0, 0))
        cells: list[Any] = [self._title, figures]
        if room >= LEAST_BAR_WIDTH:
            total = None if self._waits_for else self._task.total
            cells.insert(1, ProgressBar(total, self._task.completed, min(room - 1, BAR_WIDTH), total is None))
        for _ in cells:
            line.add_column(no_wrap=True, overflow="ellipsis")
        line.add_row(*cells)
        yield line


@contextmanager
def bar(title: str, total: int | None = None) -> Iterator[Bar]:
    """A bar on standard error for as long as it is entered. An error takes it away, so that its line stands alone."""
    from rich.live import Live

    shown = Bar(title, total)
    if _live():
        with Live(shown, console=errors) as live:
            try:
                yield shown
                shown.finish()
            except BaseException:
                live.transient = True
                raise
        return
    over = threading.Event()
    threading.Thread(target=_tell_now_and_then, args=(shown, over), daemon=True).start()
    try:
        yield shown
    finally:
        over.set()
    shown.finish()
    shown.tell()


def _live() -> bool:
    return errors.is_terminal and not errors.is_dumb_terminal


def _tell_now_and_then(shown: Bar, over: threading.Event) -> None:
    began_s = time.monotonic()
    while not over.wait(max(LINE_EVERY_S, OF_WHAT_HAS_PASSED * (time.monotonic() - began_s))):
        shown.tell()


def _clock(seconds: float) -> str:
    """
    >>> _clock(9.6), _clock(3725)
    ('0:10', '1:02:05')
    """
    minutes, s = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{s:02}" if hours else f"{minutes}:{s:02}"
