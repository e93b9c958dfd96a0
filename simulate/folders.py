"""Where apical keeps what it can make again (compiled code, fetched morphologies); what is whole before it is there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def cache_folder() -> Path:
    """The user's cache folder for apical (on Linux $XDG_CACHE_HOME/apical, or ~/.cache/apical)."""
    from platformdirs import user_cache_path

    return user_cache_path("apical", appauthor=False)


@contextmanager
def making(target: Path) -> Iterator[Path]:
    """A path to make a file tree at; it becomes `target`, in place of what was there, when the context ends well."""
    work = target.with_name(f".{target.name}.new")
    shutil.rmtree(work, ignore_errors=True)  # of a process that was killed
    try:
        yield work
        shutil.rmtree(target, ignore_errors=True)
        work.rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
