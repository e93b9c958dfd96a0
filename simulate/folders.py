"""Where apical keeps what it can make again: compiled mechanisms and fetched morphologies."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp


def cache_folder() -> Path:
    """The user's cache folder for apical (on Linux $XDG_CACHE_HOME/apical, or ~/.cache/apical)."""
    from platformdirs import user_cache_path

    return user_cache_path("apical", appauthor=False)


@contextmanager
def making(target: Path) -> Iterator[Path]:
    """A folder beside `target` to make something in; it takes the place of `target` when the context ends well."""
    work = Path(mkdtemp(dir=target.parent, prefix="build-"))
    try:
        yield work
        shutil.rmtree(target, ignore_errors=True)
        work.rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
