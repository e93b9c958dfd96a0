"""How every figure looks and is saved.

Figures are built from objects, never from pyplot's global state, and saving the same figure twice gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from ..simulate.schema import InputError, writing_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend

# Okabe & Ito 2008, colour-blind safe; in the order in which they are handed out
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
BLACK, GREY, PALE = "#000000", "#9A9A9A", "#DCDCDC"
SOFT, SHADED = "#404040", "#EFEFEF"  # of captions, and behind what is not scored
WIDTH_INCHES = 7.2  # two columns of a journal page
CAPTION_WIDTH = 146  # characters of 6.5 points on a line of that width
CAPTION_LINE_INCHES = 0.125
SUFFIXES = (".png", ".svg", ".pdf")
METADATA = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}  # no dates: the same figure is the same file

STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # ships with matplotlib, so that every machine draws the same
    "font.size": 7,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.fontsize": 6.5,
    "legend.title_fontsize": 6.5,
    "legend.frameon": False,
    "lines.linewidth": 1.0,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "xtick.minor.size": 1.5,
    "pdf.fonttype": 42,
    "svg.hashsalt": "apical",
}


@contextmanager
def style() -> Iterator[None]:
    """The look of every figure, whatever the user's matplotlibrc says, for as long as the block lasts."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)  # type: ignore[arg-type]  # matplotlib spells out every key
        yield


def figure(height_inches: float) -> Figure:
    """An empty figure, two columns wide, that lays itself out."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    fig = Figure(figsize=(WIDTH_INCHES, height_inches), layout="constrained")
    FigureCanvasAgg(fig)
    return fig


def caption(fig: Figure, text: str, legends: Sequence[Legend] = ()) -> None:
    """Say below the figure what its words and symbols mean; the figure grows by the caption and by its legends.

    legends: of the figure. They come between axes and caption, from the left on, in rows as wide as the figure.
    """
    lines = wrap(text, CAPTION_WIDTH)
    width, height = fig.get_size_inches()
    of_caption = CAPTION_LINE_INCHES * len(lines) + 0.1
    corners, of_legends = _in_rows([_size_inches(fig, legend) for legend in legends], width)
    whole = height + of_caption + of_legends
    fig.set_size_inches(width, whole)
    for legend, (left, top) in zip(legends, corners, strict=True):
        legend.set_loc("upper left")
        legend.set_bbox_to_anchor((left / width, (of_caption + of_legends - top) / whole), fig.transFigure)
    below = (of_caption + of_legends) / whole
    layout = fig.get_layout_engine()
    assert layout is not None
    layout.set(rect=(0, below, 1, 1 - below))  # type: ignore[call-arg]  # of a constrained layout
    how: dict[str, Any] = {"va": "bottom", "fontsize": 6.5, "linespacing": 1.3, "color": SOFT, "in_layout": False}
    fig.text(0.05 / width, 0.05 / whole, "\n".join(lines), **how)


def _size_inches(fig: Figure, legend: Legend) -> tuple[float, float]:
    """Its width and height, with the margin around it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    assert isinstance(fig.canvas, FigureCanvasAgg)
    extent, margin = legend.get_window_extent(fig.canvas.get_renderer()), 0.1
    return extent.width / fig.dpi + margin, extent.height / fig.dpi + margin


def _in_rows(sizes: Sequence[tuple[float, float]], width: float) -> tuple[list[tuple[float, float]], float]:
    """Left and top of boxes, from the left on in rows as wide as `width`; and how high all rows are.

    >>> _in_rows([(2, 1), (3, 2), (4, 1)], 7)
    ([(0.0, 0.0), (2.0, 0.0), (0.0, 2.0)], 3.0)
    """
    corners, left, top, row_height = list[tuple[float, float]](), 0.0, 0.0, 0.0
    for wide, high in sizes:
        if left and left + wide > width:
            left, top, row_height = 0.0, top + row_height, 0.0
        corners.append((left, top))
        left, row_height = left + float(wide), max(row_height, float(high))
    return corners, top + row_height


def check_suffix(out: str | Path) -> Path:
    """The path, if its suffix is one that figures are written in. Raises InputError naming path and suffixes."""
    out = Path(out)
    if out.suffix.lower() not in SUFFIXES:
        raise InputError(f"{out}: a figure is written as {', '.join(SUFFIXES)}; name one that ends so")
    return out


def settle(fig: Figure) -> None:
    """Lay a figure out for good, its axes at positions without their last digits.

    The solver behind Matplotlib's constrained layout adds up in no fixed order, so two equal figures differ there.
    """
    layout = fig.get_layout_engine()
    if layout is None:
        return
    layout.execute(fig)
    fig.set_layout_engine("none")
    for axes in fig.axes:
        left, bottom, width, height = (round(each, 6) for each in axes.get_position(original=True).bounds)
        axes.set_position((left, bottom, width, height))


def save_figure(fig: Figure, out: str | Path) -> Path:
    """Write a figure as PNG (300 dpi), SVG or PDF, according to the suffix.

    fig: a Matplotlib figure. out: its path, which is returned.
    Raises InputError for another suffix or a path that cannot be written.
    """
    out = check_suffix(out)
    with style(), writing_whole(out) as growing:
        settle(fig)
        fig.savefig(growing, dpi=300, metadata=METADATA.get(out.suffix.lower()))
    return out
