"""Processes: one function over many tasks, or a single call; others' programs; how one is started, whatever it does.

Each has a pipe of its own and shares no lock, so it may be killed at any moment: that is how an error here ends it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from multiprocessing import current_process, get_context, resource_tracker
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, NamedTuple

from .schema import InputError

Step = Callable[[int], None]
UNGUARDED = 78  # exit status of a process that ran into our call again while it imported the script that started it
GUARD_IT = 'each imports the script that starts it, whose calls belong under if __name__ == "__main__":'
OF_KILLED_WORKERS = "ignore::UserWarning:multiprocessing.resource_tracker"  # it tidies up after them, and says so


class _Result(NamedTuple):
    value: Any


def each(function: Callable[..., Any], tasks: Sequence[tuple], workers: int, step: Step) -> list[Any]:
    """Call function(*task, step) for every task; returns the results in the tasks' order.

    workers: processes at a time; one, or one task, runs in this process. step: called here with every step's size.
    Raises what `function` raises, and InputError where a process dies.
    """
    if min(workers, len(tasks)) <= 1:
        return [function(*task, step) for task in tasks]
    return _each(function, tasks, workers, step)


class Died(InputError):
    """A process ended before it was done."""


class TooLong(InputError):
    """A process was ended since it took longer than it was given."""


def apart(function: Callable[..., Any], *arguments: Any, limit_s: float | None = None) -> Any:
    """What function(*arguments) returns in a process that is there for this call only.

    Raises what `function` raises, Died where the process dies, and TooLong where it takes longer than limit_s.
    """
    return _each(_without_steps, [(function, arguments)], 1, lambda size: None, limit_s)[0]


def command(
    words: Sequence[str | Path], limit_s: float, cwd: Path, env: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """What somebody's program returned and said, without input; ended with all that it has started after `limit_s`.

    Raises TimeoutExpired then.
    """
    with subprocess.Popen(
        words,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,  # make and compilers have the pipes too, and would go on
    ) as process:
        try:
            said = process.communicate(timeout=limit_s)
        except BaseException:  # a Ctrl-C too, which reaches no other session
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return subprocess.CompletedProcess(words, process.returncode, *said)


def _without_steps(function: Callable[..., Any], arguments: tuple, step: Step) -> Any:
    return function(*arguments)


def _each(
    function: Callable[..., Any], tasks: Sequence[tuple], workers: int, step: Step, silent_s: float | None = None
) -> list[Any]:
    context = get_context("spawn")
    waiting = iter(enumerate(tasks))
    running: dict[Any, tuple[Connection, int, Any]] = {}
    results: dict[int, Any] = {}
    try:
        while len(results) < len(tasks):
            for index, task in islice(waiting, workers - len(running)):
                here, there = context.Pipe(duplex=False)
                process = context.Process(target=_work, args=(there, function, task))
                with uninterrupted():
                    process.start()
                    running[here] = here, index, process
                there.close()  # the process holds the only other end: when it dies, this one says so
            heard = wait(list(running), silent_s)
            if not heard:
                raise TooLong(f"nothing was heard of a process for {silent_s:g} s")
            for ready in heard:
                message = _received(ready, running[ready][2])
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
            process.kill()
            process.join()
    return [results[index] for index in range(len(tasks))]


def _received(here: Any, process: Any) -> Any:
    try:
        return here.recv()
    except (EOFError, OSError) as error:  # OSError: it died in the middle of a message
        process.join()
        check_guarded(process.exitcode)
        raise Died("a worker process died (out of memory?); what is done is kept: --resume") from error


def check_guarded(exitcode: int | None) -> None:
    """Raise InputError where a process ended because it ran the script that started it from the top."""
    if exitcode == UNGUARDED:
        raise InputError(f"the worker processes did not start: {GUARD_IT}") from None


@contextmanager
def uninterrupted() -> Iterator[None]:
    """A Ctrl-C waits until the block ends, and never reaches a process started in it: who started it ends it.

    A process that is half started when its parent turns away has a traceback to show. Blocking the signal is for the
    process, which inherits that; here any other thread would still take it, and Python then interrupts the main one.
    """
    if getattr(
        current_process(), "_inheriting", False
    ):  # Python's own mark while it imports the script; it would go on
        sys.exit(UNGUARDED)  # with a traceback, and this process's parent knows what to say
    sys.warnoptions.append(OF_KILLED_WORKERS)
    resource_tracker.ensure_running()  # now, since its start lifts the block in Python 3.11
    sys.warnoptions.remove(OF_KILLED_WORKERS)
    came: list[int] = []
    ours = threading.current_thread() is threading.main_thread()  # the only one that is interrupted, and may say how
    handler = signal.signal(signal.SIGINT, lambda number, frame: came.append(number)) if ours else None
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)  # what was held back so comes now, and is held back once more
        if ours:
            signal.signal(signal.SIGINT, handler)
        if came:
            signal.raise_signal(signal.SIGINT)


def _work(there: Connection, function: Callable[..., Any], task: tuple) -> None:
    with suppress(BrokenPipeError):  # the parent is gone
        try:
            there.send(_Result(function(*task, there.send)))
        except Exception as error:
            there.send(error)
