"""Batches of trials in a worker, one behind the other: one is drawn while one is integrated and one is written."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Line:
    """Three stages, each for one batch at a time, whatever threads they are in: so no more than three are in hand.

    integrating: the second one, also for whoever else needs what only one thread may use.
    """

    def __init__(self) -> None:
        self._drawing, self.integrating, self._writing = (threading.Lock() for _ in range(3))
        self._spent = _Spent()

    @contextmanager
    def batch(self) -> Iterator[Batch]:
        """A batch, at first where it is drawn. One that fails does so when those before it are done."""
        with self._spent.counted(), Batch([self._drawing, self.integrating, self._writing], self._spent) as batch:
            yield batch


class Batch:
    """A batch on its way."""

    def __init__(self, stages: list[threading.Lock], spent: _Spent) -> None:
        self._held, *self._ahead = stages
        self._spent = spent

    def __enter__(self) -> Batch:
        self._held.acquire()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        while self._ahead and kind is not None and issubclass(kind, Exception):
            self.goes_on()
        self._held.release()

    def goes_on(self) -> None:
        """Wait until the batch before has left the next stage, and leave this one to the batch behind."""
        self._ahead[0].acquire()
        self._held.release()
        self._held, *self._ahead = self._ahead

    def cpu_s(self) -> float:
        """Processor time that this process has taken since the batch before asked; the first one's, since it began."""
        return self._spent.taken_s()


class _Spent:
    """Processor time of this process while it has a batch in hand, each second of it told once."""

    def __init__(self) -> None:
        self._turn, self._in_hand, self._told_s = threading.Lock(), 0, 0.0

    @contextmanager
    def counted(self) -> Iterator[None]:
        with self._turn:
            if not self._in_hand:
                self._told_s = time.process_time()
            self._in_hand += 1
        try:
            yield
        finally:
            with self._turn:
                self._in_hand -= 1

    def taken_s(self) -> float:
        with self._turn:
            before, self._told_s = self._told_s, time.process_time()
            return self._told_s - before
