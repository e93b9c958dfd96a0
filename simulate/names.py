"""Words of what is said to a user: a name that was typed, checked against those there are, and things counted."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from .schema import InputError


def nearest(what: str, name: str, known: Iterable[str]) -> str:
    """Return `name` if it is one of `known`. Raises InputError that gives the nearest one and all of them.

    >>> nearest("preset", "nmda", ["nmda", "ampa"])
    'nmda'
    """
    known = list(known)
    if name in known:
        return name
    close = get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean '{close[0]}'? " if close else ""
    raise InputError(f"{what} '{name}' is not known: {hint}there are {', '.join(known)}")


def counted(n: int, what: str) -> str:
    """
    >>> counted(1, "trial"), counted(1200, "trial")
    ('1 trial', '1,200 trials')
    """
    return f"{n:,} {what}{'' if n == 1 else 's'}"
