"""Where apical keeps what it can make again: compiled code, fetched morphologies."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def cache_folder() -> Path:
    """The user's cache folder for apical (on Linux $XDG_CACHE_HOME/apical, or ~/.cache/apical)."""
    from platformdirs import user_cache_path

    return user_cache_path("apical", appauthor=False)


@contextmanager
def temporary() -> Iterator[str]:
    """A folder in the system's temporary one, gone with the context; see remove_temporary."""
    with tempfile.TemporaryDirectory(prefix=_prefix(), ignore_cleanup_errors=True) as folder:
        yield folder


def remove_temporary() -> None:
    """Remove this process's temporary folders, for one that ends without leaving their contexts."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_prefix()}*"):
        shutil.rmtree(folder, ignore_errors=True)


def _prefix() -> str:
    return f"apical-{os.getpid()}-"
