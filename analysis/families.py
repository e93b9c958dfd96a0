"""What every family of models looks like, in every figure and on the report's page: title, colour and marker.

Several models of a family are told apart by shades of its colour; all models of a figure, also without colour, by the
dashes of their lines.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple


class Family(NamedTuple):
    """title: in legends. colour: on white. on_dark: on a dark page. marker: by Matplotlib's letter."""

    title: str
    colour: str
    on_dark: str
    marker: str


# After Okabe & Ito 2008, safe for the colour-blind; light ones darkened, so that thin lines stand on white
FAMILIES = {
    "branch-elm": Family("Branch-ELM", "#0072B2", "#56B4E9", "o"),
    "elm": Family("ELM", "#3A9BD0", "#9FD6F7", "s"),
    "simplest-elm": Family("Simplest ELM", "#56606B", "#A9B4BF", "p"),
    "elm-network": Family("ELM Network", "#3B3FA0", "#9A9DE8", "H"),
    "tcn": Family("TCN", "#D55E00", "#F0803C", "D"),
    "lstm": Family("LSTM", "#009E73", "#2EC79A", "^"),
    "gru": Family("GRU", "#B8578C", "#E39AC6", "v"),
    "chrono-lstm": Family("Chrono-LSTM", "#4C8C2B", "#8FCB6B", "<"),
    "transformer": Family("Transformer", "#A33B2A", "#E8806F", ">"),
    "snn": Family("SNN (LIF)", "#7A6A00", "#CDBB4A", "d"),
    "ln": Family("LN", "#B87A00", "#ECB23E", "h"),
    "lif": Family("LIF", "#8C6D1F", "#D0B566", "P"),
    "alif": Family("ALIF", "#6A51A3", "#B9A3E3", "X"),
    "noise-floor": Family("noise floor", "#5A5A5A", "#B0B0B0", "*"),  # the cell itself, integrated otherwise
}
OTHER = Family("", "#333333", "#E6E5E0", "8")  # a family that is not ours
FAMILY_TITLES = {name: family.title for name, family in FAMILIES.items()}
SHADES = (  # mixed into the colour: with what, how much of it
    ("#FFFFFF", 0.0),
    ("#000000", 0.5),
    ("#FFFFFF", 0.45),
    ("#000000", 0.25),
    ("#FFFFFF", 0.65),
    ("#000000", 0.75),
)
DASHES = ((), (4, 1.5), (7, 1.5, 1.5, 1.5), (2.2, 2.2), (10, 2.5), (3, 1.3, 1, 1.3, 1, 1.3))  # in line widths


class Look(NamedTuple):
    """Of one model in a figure. dashes: on and off, in line widths; none for a solid line. filled: its markers."""

    colour: str
    marker: str
    dashes: tuple[float, ...]
    filled: bool = True

    @property
    def line(self) -> Any:
        """The line style, as Matplotlib takes it."""
        return (0, self.dashes) if self.dashes else "-"

    @property
    def face(self) -> str:
        """The colour inside its markers."""
        return self.colour if self.filled else "white"


def family_of(name: str) -> Family:
    """The look of a family; of one that is not ours, one that none of ours has."""
    return FAMILIES.get(name, OTHER)


def looks(families: Sequence[str]) -> list[Look]:
    """A look for each model of a figure, by its family: the first of a family has the family's own colour."""
    seen, found = Counter[str](), list[Look]()
    for place, name in enumerate(families):
        family = family_of(name)
        nth = seen[family.title]
        seen[family.title] += 1
        filled = nth // len(SHADES) % 2 == 0
        found.append(Look(shade(family.colour, nth), family.marker, DASHES[place % len(DASHES)], filled))
    return found


def shade(colour: str, nth: int) -> str:
    """The colour of the nth model of a family, counted from 0.

    >>> [shade("#0072B2", nth) for nth in range(4)]
    ['#0072B2', '#003959', '#73B1D5', '#005686']
    """
    into, much = SHADES[nth % len(SHADES)]
    mixed = (round((1 - much) * a + much * b) for a, b in zip(_parts(colour), _parts(into), strict=True))
    return "#" + "".join(f"{part:02X}" for part in mixed)


def _parts(colour: str) -> list[int]:
    return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
