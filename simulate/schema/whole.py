"""What is there is whole: a file or a folder grows beside its place, under a hidden name, and is put there in one step.

A process that is killed at any moment leaves what was there before or what replaces it, and beside it at most what the
next try removes.
"""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .input_error import InputError, one_line

GROWING, REPLACED = ".new-", ".old-"  # in front of the name, so that its suffix still says what it is


@contextmanager
def making(target: Path) -> Iterator[Path]:
    """A path to make a file or folder at; it becomes `target`, in place of what was there, when the context ends well.

    Otherwise nothing is left. Raises OSError where it cannot be written.
    """
    target = target.resolve()  # of a link, what it leads to is replaced
    growing = target.with_name(GROWING + target.name)
    recover(target)
    try:
        yield growing
        put(growing, target)
    finally:
        _remove(growing)


@contextmanager
def writing_whole(target: Path, then: str = "run it again") -> Iterator[Path]:
    """As `making`. then: what goes on from there once there is room. Raises InputError where it cannot be written."""
    try:
        with making(target) as growing:
            yield growing
    except OSError as error:
        raise unwritten(target, error, then) from error


def unwritten(path: Path, error: OSError, then: str = "run it again") -> InputError:
    """One line about a file that cannot be written, and what to do. then: what goes on once there is room."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    advice = f"make room, then {then}" if full else "choose another path"
    return InputError(f"{path}: cannot be written ({error.strerror or one_line(error)}); {advice}")


def recover(target: Path) -> None:
    """Remove what a killed process left beside `target`, and bring back what it was about to replace."""
    target = target.resolve()
    growing, replaced = (target.with_name(mark + target.name) for mark in (GROWING, REPLACED))
    if replaced.exists() and not target.exists():
        replaced.rename(target)
    _remove(growing)
    _remove(replaced)


def put(made: Path, target: Path) -> None:
    """Move what was made beside `target` there, in place of what was there: a file of a file, a folder of a folder.

    Raises OSError where it cannot be, with both as they were.
    """
    target = target.resolve()
    if not (made.is_dir() and target.is_dir()):
        made.replace(target)
        return
    replaced = target.with_name(REPLACED + target.name)
    target.rename(replaced)
    try:
        made.rename(target)
    except OSError:
        replaced.rename(target)
        raise
    _remove(replaced)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
        return
    with suppress(OSError):  # where nothing can be removed, nothing can be written, and that is said
        path.unlink()
