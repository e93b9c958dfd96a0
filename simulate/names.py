"""Words of what is said to a user: a name that was typed, checked against those there are, and things counted."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher

from .schema import InputError

LIKE = 0.5  # share of letters from which on a name may have been meant


def nearest(what: str, name: str, known: Iterable[str]) -> str:
    """Return `name` if it is one of `known`. Raises InputError that gives the nearest one and all of them.

    >>> nearest("preset", "nmda", ["nmda", "ampa"])
    'nmda'
    """
    known = list(known)
    if name in known:
        return name
    likeness = {each: SequenceMatcher(None, each, name).ratio() for each in known}
    closest = max(known, key=likeness.__getitem__, default="")  # of equals the first
    hint = f"did you mean '{closest}'? " if likeness.get(closest, 0) >= LIKE else ""
    raise InputError(f"{what} '{name}' is not known: {hint}there are {', '.join(known)}")


def counted(n: int, what: str) -> str:
    """
    >>> counted(1, "trial"), counted(1200, "trial")
    ('1 trial', '1,200 trials')
    """
    return f"{n:,} {what}{'' if n == 1 else 's'}"
