"""What a notebook shows of a long call: a bar with the trials done and the time left, and what is waited for."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from html import escape

EVERY_S = 0.5  # at most so often is the bar drawn anew


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


@contextmanager
def bar(title: str, already: int, total: int) -> Iterator[Callable[[float, int], None]]:
    """A bar below the cell, for as long as it is entered and after; call what it gives with trials done, and all.

    already: how many were done before; the time left is taken from the pace of the others.
    """
    from IPython.display import display

    handle = display(_as_bar(title, already, total, 0, None), raw=True, display_id=True)
    began = drawn = time.monotonic()

    def show(done: float, total: int) -> None:
        nonlocal drawn
        now = time.monotonic()
        if now - drawn < EVERY_S and done < total:
            return
        drawn, passed_s = now, now - began
        left_s = passed_s * (total - done) / (done - already) if done > already else None
        handle.update(_as_bar(title, done, total, passed_s, left_s), raw=True)

    yield show


@contextmanager
def waiting(message: str) -> Iterator[None]:
    """A message below the cell, gone when the wait is over."""
    from IPython.display import display

    handle = display(_in_words(message), raw=True, display_id=True)
    try:
        yield
    finally:
        handle.update(_in_words(""), raw=True)


def _in_words(message: str) -> dict[str, str]:
    told = message and f"{message} …"
    return {"text/plain": told, "text/html": escape(told)}


def _as_bar(title: str, done: float, total: int, passed_s: float, left_s: float | None) -> dict[str, str]:
    """
    >>> _as_bar("Simulating", 3.4, 16, 40, 148.2)["text/plain"], _as_bar("Simulating", 16, 16, 188, 0)["text/plain"]
    ('Simulating: 3 of 16 trials, 0:02:28 left', 'Simulating: 16 of 16 trials in 0:03:08')
    """
    passed, left = (None if s is None else timedelta(seconds=round(s)) for s in (passed_s, left_s))
    when = f" in {passed}" if done >= total else "" if left is None else f", {left} left"
    told = f"{title}: {int(done):,} of {total:,} trials{when}"
    html = f'<progress max="{total}" value="{done:g}"></progress> {escape(told)}'
    return {"text/plain": told, "text/html": html}
