"""What the one size dial of each family turns: for help, tables and errors. Loads nothing."""

from __future__ import annotations

import re
from typing import NamedTuple


class Size(NamedTuple):
    """about: what it is. pattern: what it looks like."""

    about: str
    default: int | str
    pattern: str = r"[1-9]\d*"


# Published for ELM and TCN, chosen for LSTM, GRU and LN
SIZES = {
    "elm": Size("memory units, or simplest", 20, r"[1-9]\d*|simplest"),
    "tcn": Size("depth x width", "7x128", r"[1-9]\d*x[1-9]\d*"),
    "lstm": Size("cells", 50),
    "gru": Size("cells", 50),
    "ln": Size("time constants", 3),
    "lif": Size("one neuron", 1, "1"),
    "alif": Size("one neuron", 1, "1"),
}


def sizes_in_words() -> str:
    """
    >>> sizes_in_words()
    'elm: memory units, or simplest (20); tcn: depth x width (7x128); lstm, gru: cells (50); ln: time constants (3); \
lif, alif: one neuron (1)'
    """
    families: dict[str, list[str]] = {}
    for family, size in SIZES.items():
        families.setdefault(f"{size.about} ({size.default})", []).append(family)
    return "; ".join(f"{', '.join(names)}: {about}" for about, names in families.items())


def is_size(family: str, size: object) -> bool:
    """Whether it looks like a size of the family."""
    return re.fullmatch(SIZES[family].pattern, str(size)) is not None
