"""Where apical keeps what it can make again: compiled code, fetched morphologies."""

from __future__ import annotations

from pathlib import Path


def cache_folder() -> Path:
    """The user's cache folder for apical (on Linux $XDG_CACHE_HOME/apical, or ~/.cache/apical)."""
    from platformdirs import user_cache_path

    return user_cache_path("apical", appauthor=False)
