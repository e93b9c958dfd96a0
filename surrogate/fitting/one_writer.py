"""One process at a time writes a folder: two that resume the same run would each undo what the other does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ...simulate.schema import InputError, unwritten


@contextmanager
def alone_with(out: Path) -> Iterator[None]:
    """Keep every other process out of `out` while the context is entered, by a lock beside it.

    Raises InputError where another process is at work there, or the lock cannot be made.
    """
    from filelock import FileLock, Timeout

    if not out.name:
        raise InputError(f"{out}: names no folder of its own; give one")
    path = out.with_name(f".{out.name}.lock")
    lock = FileLock(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise InputError(f"{out}: another process is writing it; wait for it, or choose another folder") from error
    except OSError as error:
        raise unwritten(out, error) from error
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink()
        lock.release()
