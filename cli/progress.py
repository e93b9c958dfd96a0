"""What a long command shows: a bar with the time left, or a spinner."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta

from rich.console import Console

LINE_EVERY_S = 60  # in a log file

console = Console(highlight=False, soft_wrap=True)
errors = Console(stderr=True, highlight=False)


@contextmanager
def bar(title: str, total: int | None = None) -> Iterator[Callable[..., None]]:
    """A progress bar on standard error; call what it gives with (done, total, note).

    The time left is taken from the pace of this run, so a resumed one is not misled by what was there before. An error
    takes the bar away, so that its line stands alone. Where standard error is a file, a line each minute is what shows.
    """
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(elapsed_when_finished=False),
        TextColumn("{task.fields[note]}"),
    )
    progress = Progress(*columns, console=errors, speed_estimate_period=600)
    task = progress.add_task(title, total=total, note="")

    told = time.monotonic()

    def show(done: float, total: int, note: str = "") -> None:
        nonlocal told
        progress.update(task, completed=done, total=total, note=note)
        if not errors.is_terminal and time.monotonic() - told >= LINE_EVERY_S:
            told = time.monotonic()
            left_s = progress.tasks[task].time_remaining
            left = "" if left_s is None else f", {timedelta(seconds=round(left_s))} left"
            errors.print(f"{title}: {int(done):,} of {total:,}{left}  {note}", soft_wrap=True)

    progress.start()
    try:
        yield show
    except BaseException:
        progress.live.transient = True
        progress.live.stop()
        raise
    progress.update(task, completed=progress.tasks[task].total)  # what an earlier run did counts too
    progress.stop()


def spinner(message: str) -> AbstractContextManager:
    """A spinner with a message on standard error, for as long as it is entered."""
    if not errors.is_terminal:
        errors.print(message + " …")
    return errors.status(message + " …")
