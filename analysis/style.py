"""How every figure looks and is saved.

Figures are built from objects, never from pyplot's global state, and saving the same figure twice gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..simulate.schema import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe & Ito 2008, colour-blind safe; in the order in which they are handed out
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
BLACK, GREY, PALE = "#000000", "#9A9A9A", "#DCDCDC"
FAMILIES = {  # title and marker
    "branch-elm": ("Branch-ELM", "o"),
    "elm": ("ELM", "s"),
    "simplest-elm": ("Simplest ELM", "p"),
    "tcn": ("TCN", "D"),
    "lstm": ("LSTM", "^"),
    "gru": ("GRU", "v"),
    "ln": ("LN", "h"),
    "lif": ("LIF", "P"),
    "alif": ("ALIF", "X"),
}
FAMILY_COLOURS = {
    "branch-elm": PALETTE[0],
    "elm": PALETTE[5],
    "simplest-elm": "#56606B",
    "tcn": PALETTE[1],
    "lstm": PALETTE[2],
    "gru": PALETTE[3],
    "ln": PALETTE[4],
    "lif": "#8C6D1F",
    "alif": "#8C6D1F",
}
FAMILY_TITLES = {family: title for family, (title, _) in FAMILIES.items()}
FAMILY_MARKERS = {family: marker for family, (_, marker) in FAMILIES.items()}
WIDTH_INCHES = 7.2  # two columns of a journal page
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


def check_suffix(out: str | Path) -> Path:
    """The path, if its suffix is one that figures are written in. Raises InputError naming path and suffixes."""
    out = Path(out)
    if out.suffix.lower() not in SUFFIXES:
        raise InputError(f"{out}: a figure is written as {', '.join(SUFFIXES)}; name one that ends so")
    return out


def save_figure(fig: Figure, out: str | Path) -> Path:
    """Write a figure as PNG (300 dpi), SVG or PDF, according to the suffix.

    fig: a Matplotlib figure. out: its path, which is returned.
    Raises InputError for another suffix or a path that cannot be written.
    """
    out = check_suffix(out)
    try:
        with style():
            fig.savefig(out, dpi=300, metadata=METADATA.get(out.suffix.lower()))
    except OSError as error:
        raise InputError(f"{out}: the figure cannot be written ({error.strerror})") from error
    return out
