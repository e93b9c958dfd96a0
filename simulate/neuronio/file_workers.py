"""One function over many files, in processes of their own where there are several; its steps are reported at once."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any, NamedTuple

from ..schema import InputError

Step = Callable[[int], None]


class _Result(NamedTuple):
    value: Any


def each(function: Callable[..., Any], tasks: Sequence[tuple], workers: int, step: Step) -> list[Any]:
    """Call function(*task, step) for every task; returns the results in the tasks' order.

    workers: processes at a time; one, or one task, runs in this process. step: called here with every step's size.
    Every task has a process and a pipe of its own and shares no lock, so a process may be killed at any moment: the
    first error ends the others so.
    Raises what `function` raises, and InputError where a process dies.
    """
    if min(workers, len(tasks)) <= 1:
        return [function(*task, step) for task in tasks]
    context = get_context("spawn")
    resource_tracker.ensure_running()  # now, since its start lifts the block of Ctrl-C in Python 3.11
    waiting = iter(enumerate(tasks))
    running: dict[Any, tuple[Connection, int, Any]] = {}
    results: dict[int, Any] = {}
    try:
        while len(results) < len(tasks):
            for index, task in islice(waiting, workers - len(running)):
                here, there = context.Pipe(duplex=False)
                process = context.Process(target=_work, args=(there, function, task))
                running[here] = here, index, process
                with _no_interrupt():
                    process.start()
                there.close()  # the process holds the only other end: when it dies, this one says so
            for ready in wait(list(running)):
                message = _received(ready)
                if isinstance(message, Exception):
                    raise message
                if isinstance(message, _Result):
                    here, index, process = running.pop(ready)
                    results[index] = message.value
                    here.close()
                    process.join()
                else:
                    step(message)
    finally:
        for here, _, process in running.values():
            here.close()
            if process.pid is not None:
                process.kill()
                process.join()
    return [results[index] for index in range(len(tasks))]


def _received(here: Any) -> Any:
    try:
        return here.recv()
    except (EOFError, OSError) as error:  # OSError: it died in the middle of a message
        raise InputError("a worker process died (out of memory?); what is done is kept: --resume") from error


@contextmanager
def _no_interrupt() -> Iterator[None]:
    """A Ctrl-C waits until the block ends, and never reaches a process started in it: the parent ends them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(there: Connection, function: Callable[..., Any], task: tuple) -> None:
    with suppress(BrokenPipeError):  # the parent is gone
        try:
            there.send(_Result(function(*task, there.send)))
        except Exception as error:
            there.send(error)
