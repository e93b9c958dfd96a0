"""The figures of the page, each drawn by the function that draws it as a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from ..comparison.compare import compare
from ..markup import Markup, element
from ..scores.rows import Score
from .svg import inlined


class Figure(NamedTuple):
    """A figure: its id on the page, what it shows, and what draws it as an SVG file from scores."""

    name: str
    caption: str
    draw: Callable[[Sequence[Score], Path], Path]


FIGURES = (
    Figure(
        "parameter-efficiency",
        "What each parameter buys: fidelity of the runs of this page against their size. What was published of "
        "NeuronIO, each with its source, stands behind in grey where these runs were scored on its cell and input.",
        compare,
    ),
)


def figures(scores: Sequence[Score]) -> Markup:
    """All of them, as SVG inside the page. Raises InputError as the functions do that draw them."""
    return Markup("".join(_figure(each, scores) for each in FIGURES))


def _figure(figure: Figure, scores: Sequence[Score]) -> Markup:
    with TemporaryDirectory() as folder:
        svg = figure.draw(scores, Path(folder, f"{figure.name}.svg")).read_text(encoding="utf-8")
    drawn = element("div", inlined(svg, f"{figure.name}-", figure.caption), class_="paper")
    return element("figure", drawn, element("figcaption", figure.caption), id=figure.name)
