"""One page of a cell's validation: traces, curves, and how far every check is from failing.

Drawn from plain values, so that it knows nothing of NEURON. In the manner of Hay et al. 2011, Figure 4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..style import caption, check_suffix, figure, save_figure, style
from . import validation_panels as panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .validation_panels import Traces

ROW_INCHES, IN_A_ROW = 2.15, 3
LETTERS = "abcdefghijklmnopqrstuvwxyz"
TITLE_PAD, LEGEND_ROW = 8.0, 10.5  # points


def validation_figure(found: Mapping[str, Any], traces: Traces, out: str | Path) -> Path:
    """Draw a validation on one page and write it; returns its path.

    found: `checks`, `curves` and names, as `apical validate --json` prints them. traces: name -> site -> (n,) mV,
    and `time_ms`. There is a panel for each section that was run, and none for others.
    Raises InputError for a suffix or path that cannot be written.
    """
    out = check_suffix(out)
    drawn = panels.panels_of(found["checks"], found["curves"], traces)
    n_rows = -(-len(drawn) // IN_A_ROW)
    with style():
        fig = figure(ROW_INCHES * n_rows + 0.4)
        grid = fig.add_gridspec(n_rows, min(IN_A_ROW, len(drawn)))
        page = [fig.add_subplot(grid[divmod(at, IN_A_ROW)]) for at in range(len(drawn))]
        for axes, draw in zip(page, drawn, strict=True):
            draw(axes)
        for first in range(0, len(page), IN_A_ROW):
            _head(page[first : first + IN_A_ROW], LETTERS[first:])
        fig.suptitle(_heading(found), fontsize=8, weight="bold")
        caption(fig, panels.meaning(found["checks"], found["curves"], traces))
        return save_figure(fig, out)


def _head(row: Sequence[Axes], letters: str) -> None:
    """Put letters and titles above the axes of a row, and between them the legends, which would hide data inside."""
    most = 0
    for axes in row:
        if axes.get_legend():
            handles, labels = axes.get_legend_handles_labels()
            ncols = 2 if max(map(len, labels)) < panels.SHORT else 1
            most = max(most, -(-len(handles) // ncols))
            spaced: dict[str, Any] = {
                "borderaxespad": 0.2,
                "columnspacing": 1,
                "handlelength": 1.6,
                "labelspacing": 0.3,
            }
            legend = axes.legend(loc="lower left", bbox_to_anchor=(0, 1.04), ncols=ncols, **spaced)
            legend.set_in_layout(False)  # the title, which is above it, makes room
    for axes, letter in zip(row, letters, strict=False):
        title = axes.get_title()
        axes.set_title("")
        axes.set_title(f"{letter}  {title}", loc="left", pad=TITLE_PAD + LEGEND_ROW * most + 3 * bool(most))


def _heading(found: Mapping[str, Any]) -> str:
    how = found["integration"]
    step = f"step {how['dt_ms']:g} ms" if how["dt_ms"] else "variable step"
    return f"{found['morphology']} with {found['biophysics']} ({how['engine']}, {step}): {found['outcome']}"
