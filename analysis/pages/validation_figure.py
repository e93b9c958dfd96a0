"""One page of a cell's validation: traces, curves, and how far every check is from failing.

Drawn from plain values, so that it knows nothing of NEURON. In the manner of Hay et al. 2011, Figure 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..style import check_suffix, figure, save_figure, style
from . import validation_panels as panels

if TYPE_CHECKING:
    from .validation_panels import Traces

HEIGHT_INCHES = 9.0


def validation_figure(found: Mapping[str, Any], traces: Traces, out: str | Path) -> Path:
    """Draw a validation on one page and write it; returns its path.

    found: `checks`, `curves` and names, as `apical validate --json` prints them. traces: name -> site -> (n,) mV,
    and `time_ms`. A panel whose section was left out says so.
    Raises InputError for a suffix or path that cannot be written.
    """
    out = check_suffix(out)
    checks, curves = found["checks"], found["curves"]
    steps = [name for name in traces if name.startswith("step")] or ["step currents"] * 3
    with style():
        fig = figure(HEIGHT_INCHES)
        page = fig.add_gridspec(4, 1, height_ratios=(1.15, 0.85, 1.1, 1.15))
        rows = []
        for at in range(4):
            within = page[at].subgridspec(1, 3, width_ratios=(1.1, 1, 0.75 if at == 3 else 1))
            rows.append([fig.add_subplot(within[column]) for column in range(3)])
        for axes, name in zip(rows[0], panels.DENDRITIC, strict=True):
            panels.draw_dendritic(axes, name, traces, checks)
        for axes, name in zip(rows[1], steps, strict=True):
            panels.draw_step(axes, name, traces, checks)
        for row in rows[:2]:
            row[0].set_ylabel("V (mV)")
        panels.draw_f_i(rows[2][0], checks, curves)
        panels.draw_attenuation(rows[2][1], curves)
        panels.draw_rest(rows[2][2], traces)
        panels.draw_convergence(rows[3][0], checks, curves)
        panels.draw_replay(rows[3][1], traces)
        panels.draw_used_tolerance(rows[3][2], checks)
        for at, axes in enumerate(axes for row in rows for axes in row):
            axes.set_title("abcdefghijkl"[at] + "  " + axes.get_title(), loc="left")
            axes.set_title("")
            if legend := axes.get_legend():
                legend.set_in_layout(False)  # it lies inside the axes and must not squeeze them
        fig.suptitle(_heading(found), fontsize=8, weight="bold")
        return save_figure(fig, out)


def _heading(found: Mapping[str, Any]) -> str:
    how = found["integration"]
    step = f"step {how['dt_ms']:g} ms" if how["dt_ms"] else "variable step"
    failed = sum(each["passed"] is False for each in found["checks"])
    outcome = f"{failed} check{'s' * (failed > 1)} failed" if failed else "every check passed"
    return f"{found['morphology']} with {found['biophysics']} ({how['engine']}, {step}): {outcome}"
