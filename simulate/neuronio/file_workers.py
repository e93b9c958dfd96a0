"""One function over many files, in processes of their own where there are several; its steps are reported at once."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

from ..schema import InputError

Step = Callable[[int], None]
POLL_S = 0.2


def each(function: Callable[..., Any], tasks: Sequence[tuple], workers: int, step: Step) -> list[Any]:
    """Call function(*task, step) for every task; returns the results in the tasks' order.

    workers: processes; one, or one task, runs in this process. step: called here with the size of every step made.
    The first error stops the other tasks at their next step, which may be one of size 0.
    Raises what `function` raises, and InputError where a worker process dies.
    """
    if min(workers, len(tasks)) <= 1:
        return [function(*task, step) for task in tasks]
    context = get_context("spawn")
    steps, stop = context.SimpleQueue(), context.Event()
    with ProcessPoolExecutor(min(workers, len(tasks)), context, _start, (steps, stop)) as pool:
        with _no_interrupt():
            running = [pool.submit(_call, function, task) for task in tasks]
        try:
            waiting = set(running)
            while waiting:
                _, waiting = wait(running, POLL_S, return_when=FIRST_EXCEPTION)
                for future in running:
                    if future.done():
                        future.result()  # raises what it raised
                while not steps.empty():
                    step(steps.get())
            return [future.result() for future in running]
        except BrokenProcessPool as error:
            raise InputError("a worker process died (out of memory?); what is done is kept: --resume") from error
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)


@contextmanager
def _no_interrupt() -> Iterator[None]:
    """A Ctrl-C waits until the block ends, and never reaches a process started in it: the parent says when to stop."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_steps: Any = None
_stop: Any = None


class _Stopped(Exception):
    """Another task failed, or the user stopped them all."""


def _start(steps: Any, stop: Any) -> None:
    global _steps, _stop  # synchronisation can only be inherited when a process starts, not sent to it later
    _steps, _stop = steps, stop


def _call(function: Callable[..., Any], task: tuple) -> Any:
    return function(*task, _report)


def _report(size: int) -> None:
    if _stop.is_set():
        raise _Stopped
    if size:
        _steps.put(size)
