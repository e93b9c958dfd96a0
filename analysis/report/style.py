"""The page's style sheet: its colours of families, light and dark, are those of the figures."""

from __future__ import annotations

from importlib.resources import files
from string import Template

from ..families import FAMILIES, OTHER, SHADES
from ..style import BLACK

SERIES = (*FAMILIES.values(), OTHER)  # --f0, --f1 … and .series-0, .series-1 …, the last for families that are not ours


def style_sheet() -> str:
    """The style sheet, with each family's colour on white and on a dark page, and the shades of several models."""
    light = " ".join(f"--f{at}: {family.colour};" for at, family in enumerate(SERIES))
    dark = " ".join(f"--f{at}: {family.on_dark};" for at, family in enumerate(SERIES))
    rules = [f".series-{at} {{ --family: var(--f{at}); --series: var(--family); }}" for at in range(len(SERIES))]
    rules += [_shade(nth, into, much) for nth, (into, much) in enumerate(SHADES) if much]
    darker = [_shade(nth, into, 0.6 * much) for nth, (into, much) in enumerate(SHADES) if into == BLACK]
    rules.append(f"@media screen and (prefers-color-scheme: dark) {{ {' '.join(darker)} }}")  # or it would be lost
    text = (files(__package__) / "page.css").read_text(encoding="utf-8")
    return Template(text).substitute(light=light, dark=dark, families="\n".join(rules))


def _shade(nth: int, into: str, much: float) -> str:
    return f".shade-{nth} {{ --series: color-mix(in srgb, var(--family) {1 - much:.0%}, {into}); }}"


def series_number(family: str) -> int:
    """Which of the style sheet's series a family is."""
    return SERIES.index(FAMILIES.get(family, OTHER))
