"""What a notebook shows of a long call: a bar with what is done and the time left, and what is waited for."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from html import escape

EVERY_S = 0.5  # at most so often is the bar drawn anew


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


class Bar:
    """A bar below the cell from the first call on; call it with what is done, of how much, and a note.

    unit: of what is counted. The time left is taken from the pace since the first call.
    """

    def __init__(self, title: str, unit: str = "trials") -> None:
        self._title, self._unit, self._handle = title, unit, None
        self._already = self._began_s = self._drawn_s = 0.0

    def __call__(self, done: float, total: int, note: str = "") -> None:
        from IPython.display import display

        now_s = time.monotonic()
        if self._handle is None:
            self._already, self._began_s = done, now_s
        elif now_s - self._drawn_s < EVERY_S and done < total:
            return
        passed_s, more = now_s - self._began_s, done - self._already
        left_s = passed_s * (total - done) / more if more else None
        shown = _as_bar(self._title, self._unit, done, total, passed_s, left_s, note)
        self._drawn_s = now_s
        if self._handle is None:
            self._handle = display(shown, raw=True, display_id=True)
        else:
            self._handle.update(shown, raw=True)


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


def _as_bar(
    title: str, unit: str, done: float, total: int, passed_s: float, left_s: float | None, note: str
) -> dict[str, str]:
    """
    >>> _as_bar("Simulating", "trials", 3.4, 16, 40, 148.2, "")["text/plain"]
    'Simulating: 3 of 16 trials, 0:02:28 left'
    >>> _as_bar("Fitting elm 20", "steps", 400, 400, 188, 0, "loss 0.1")["text/plain"]
    'Fitting elm 20: 400 of 400 steps in 0:03:08, loss 0.1'
    """
    passed, left = (None if s is None else timedelta(seconds=round(s)) for s in (passed_s, left_s))
    when = f" in {passed}" if done >= total else "" if left is None else f", {left} left"
    told = f"{title}: {int(done):,} of {total:,} {unit}{when}" + (f", {note}" if note else "")
    html = f'<progress max="{total}" value="{done:g}"></progress> {escape(told)}'
    return {"text/plain": told, "text/html": html}
