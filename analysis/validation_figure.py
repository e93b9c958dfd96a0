"""One page of a cell's validation: traces, curves, and how far every check is from failing.

Drawn from plain values, so that it knows nothing of NEURON. In the manner of Hay et al. 2011, Figure 4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .look import BLACK, GREY, PALE, PALETTE, check_suffix, figure, save, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    Traces = Mapping[str, Mapping[str, np.ndarray]]

HEIGHT_INCHES = 9.0
SITES = {"soma": BLACK, "400 um": PALETTE[0], "620 um": PALETTE[1]}
DENDRITIC = ("bAP", "Ca burst", "BAC")
DENDRITIC_MS, STEP_MS, REST_MS = (285, 385), (600, 2800), (900, 2300)
V_LIMITS_MV = (-95, 55)
ORDERS = {"Euler": ("o", PALETTE[0]), "Crank-Nicolson": ("D", PALETTE[1])}
FURTHEST = 2.0  # the axis of used tolerance ends here; what is beyond is drawn at its edge


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
        for axes, name in zip(rows[0], DENDRITIC, strict=True):
            _dendritic(axes, name, traces, checks)
        for axes, name in zip(rows[1], steps, strict=True):
            _step(axes, name, traces, checks)
        for row in rows[:2]:
            row[0].set_ylabel("V (mV)")
        _f_i(rows[2][0], checks, curves)
        _attenuation(rows[2][1], curves)
        _rest(rows[2][2], traces)
        _convergence(rows[3][0], checks, curves)
        _replay(rows[3][1], traces)
        _used_tolerance(rows[3][2], checks)
        for at, axes in enumerate(axes for row in rows for axes in row):
            axes.set_title("abcdefghijkl"[at] + "  " + axes.get_title(), loc="left")
            axes.set_title("")
            if legend := axes.get_legend():
                legend.set_in_layout(False)  # it lies inside the axes and must not squeeze them
        fig.suptitle(_heading(found), fontsize=8, weight="bold")
        return save(fig, out)


def _heading(found: Mapping[str, Any]) -> str:
    how = found["integration"]
    step = f"step {how['dt_ms']:g} ms" if how["dt_ms"] else "variable step"
    failed = sum(each["passed"] is False for each in found["checks"])
    outcome = f"{failed} check{'s' * (failed > 1)} failed" if failed else "every check passed"
    return f"{found['morphology']} with {found['biophysics']} ({how['engine']}, {step}): {outcome}"


def _left_out(axes: Axes, title: str) -> None:
    axes.set_title(title)
    axes.set_axis_off()
    axes.text(0.5, 0.5, "left out", ha="center", va="center", color=GREY, transform=axes.transAxes)


def _expected(checks: Sequence[Mapping[str, Any]], group: str, name: str) -> Any:
    return next(
        (
            each["expected"]
            for each in checks
            if (each["group"], each["name"], each["basis"]) == (group, name, "golden")
        ),
        None,
    )


def _dendritic(axes: Axes, name: str, traces: Traces, checks: Sequence[Mapping[str, Any]]) -> None:
    from matplotlib.lines import Line2D

    if name not in traces:
        return _left_out(axes, name)
    trace = traces[name]
    shown = (trace["time_ms"] >= DENDRITIC_MS[0]) & (trace["time_ms"] <= DENDRITIC_MS[1])
    small: dict[str, Any] = {"ls": "none", "ms": 4, "mew": 0, "clip_on": False}
    for site, colour in SITES.items():
        axes.plot(trace["time_ms"][shown], trace[site][shown], color=colour, label=site.replace("um", "µm"))
        golden_mv = _expected(checks, name, f"peak {site}")
        if golden_mv is not None:
            axes.plot(1.02, golden_mv, "<", color=colour, transform=axes.get_yaxis_transform(), **small)
    golden_ms = _expected(checks, name, "spike times")
    if golden_ms:
        heights = [1.02] * len(golden_ms)
        axes.plot(golden_ms, heights, "v", color=GREY, transform=axes.get_xaxis_transform(), **small)
    axes.set(title=name, xlabel="time (ms)", xlim=DENDRITIC_MS, ylim=V_LIMITS_MV)
    if name == DENDRITIC[0]:
        handles, _ = axes.get_legend_handles_labels()
        if golden_ms is not None:
            handles += [
                Line2D([], [], color=GREY, marker=marker, label=f"expected {what}", **small)
                for marker, what in (("<", "peak"), ("v", "spike"))
            ]
        axes.legend(handles=handles, loc="upper right", labelspacing=0.2)
    return None


def _step(axes: Axes, name: str, traces: Traces, checks: Sequence[Mapping[str, Any]]) -> None:
    if name not in traces:
        return _left_out(axes, name)
    trace = traces[name]
    shown = (trace["time_ms"] >= STEP_MS[0]) & (trace["time_ms"] <= STEP_MS[1])
    axes.plot(trace["time_ms"][shown] / 1000, trace["soma"][shown], color=BLACK, lw=0.5)
    counted = next(each["measured"] for each in checks if (each["group"], each["name"]) == (name, "spikes"))
    golden = _expected(checks, name, "spikes")
    if golden is not None:
        axes.text(0.99, 1.0, f"expected {golden:g}", ha="right", va="top", transform=axes.transAxes)
    axes.set(title=f"{name.removeprefix('step ')}: {counted:g} spikes", xlabel="time (s)", ylim=V_LIMITS_MV)
    return None


def _f_i(axes: Axes, checks: Sequence[Mapping[str, Any]], curves: Mapping[str, Any]) -> None:
    if "f_i" not in curves:
        return _left_out(axes, "f–I")
    f_i = curves["f_i"]
    axes.plot(f_i["amplitude_na"], f_i["rate_hz"], "o-", color=BLACK, ms=3.5, label="1 s steps")
    golden = [
        (na, rate) for na in f_i["amplitude_na"] if (rate := _expected(checks, "f-I", f"spikes at {na} nA")) is not None
    ]
    if golden:
        axes.plot(*zip(*golden, strict=True), "s", mfc="none", color=PALETTE[1], ms=6.5, label="expected")
    if "steps" in curves:
        steps = curves["steps"]
        axes.plot(steps["amplitude_na"], steps["rate_hz"], "^", color=PALETTE[0], ms=4, label="2 s steps")
    axes.set(title="f–I", xlabel="somatic current (nA)", ylabel="rate (Hz)", ylim=(-1, None))
    axes.legend(loc="upper left")
    return None


def _attenuation(axes: Axes, curves: Mapping[str, Any]) -> None:
    if "attenuation" not in curves:
        return _left_out(axes, "EPSP along the trunk")
    of = curves["attenuation"]
    axes.plot(of["distance_um"], of["local_mv"], "o-", color=PALETTE[1], ms=3.5, label="at the site")
    axes.plot(of["distance_um"], of["soma_mv"], "o-", color=BLACK, ms=3.5, label="at the soma")
    axes.plot(of["distance_um"], of["soma_to_site_mv"], "x", color=PALETTE[0], ms=5, label="from soma, at the site")
    axes.set(title="EPSP along the trunk", xlabel="distance from the soma (µm)", ylabel="height (mV)")
    axes.set_ylim(0, 1.35 * max(of["local_mv"]))  # room for the legend
    axes.legend(loc="upper left")
    return None


def _rest(axes: Axes, traces: Traces) -> None:
    names = [name for name in traces if name.startswith("-")]
    if not names:
        return _left_out(axes, "rest and sag")
    for name, colour in zip(names, (PALETTE[0], BLACK), strict=False):
        trace = traces[name]
        shown = trace["time_ms"] >= REST_MS[0]
        axes.plot(trace["time_ms"][shown] / 1000, trace["soma"][shown], color=colour, label=name.replace("-", "−"))
    axes.set(title="rest and sag", xlabel="time (s)", ylabel="V (mV)")
    axes.legend(loc="center")
    return None


def _convergence(axes: Axes, checks: Sequence[Mapping[str, Any]], curves: Mapping[str, Any]) -> None:
    if "convergence" not in curves:
        return _left_out(axes, "error against step")
    slopes = {each["name"]: each["measured"] for each in checks if each["group"] == "order of accuracy"}
    for name, (marker, colour) in ORDERS.items():
        curve = curves["convergence"][name]
        steps_us = [1000 * dt_ms for dt_ms in curve["dt_ms"]]
        for what, key, fill in (("EPSP", "epsp_mv", colour), ("spike time", "spike_ms", "white")):
            slope = slopes.get(f"{name}, {what}")
            if slope is not None:
                label = f"{name}, {what.removesuffix(' time')} ({key.rsplit('_')[-1].replace('mv', 'mV')}): {slope:.2f}"
                axes.loglog(steps_us, curve[key], marker + "-", color=colour, mfc=fill, ms=3.5, label=label)
    axes.set(title="error against step", xlabel="step (µs)", ylabel="error (mV or ms)")
    bottom, top = axes.get_ylim()
    axes.set_ylim(bottom, top * (top / bottom) ** 0.6)  # room for the slopes
    axes.legend(loc="upper left", title="slope of", alignment="left", labelspacing=0.2)
    axes.set_xticks(steps_us, [f"{step_us:g}" for step_us in steps_us])
    axes.minorticks_off()
    return None


def _replay(axes: Axes, traces: Traces) -> None:
    if "replay" not in traces:
        return _left_out(axes, "synaptic input")
    for name, colour, width, label in (
        ("replay, converged", PALETTE[4], 2.0, "converged"),
        ("replay", BLACK, 0.6, "this engine and step"),
    ):
        axes.plot(traces[name]["time_ms"], traces[name]["soma"], color=colour, lw=width, label=label)
    axes.set(title="synaptic input", xlabel="time (ms)", ylabel="V (mV)", ylim=(-85, 85))
    axes.legend(loc="upper left", labelspacing=0.2)
    return None


def _used_tolerance(axes: Axes, checks: Sequence[Mapping[str, Any]]) -> None:
    """Every judged check as a dot: how much of its tolerance it uses, one row per protocol."""
    judged = [each for each in checks if each["passed"] is not None]
    if not judged:
        return _left_out(axes, "used of the tolerance")
    groups = list(dict.fromkeys(each["group"] for each in judged))
    for row, group in enumerate(groups):
        of_group = [each for each in judged if each["group"] == group]
        for each in of_group:
            marker, colour = ("o", BLACK) if each["passed"] else ("X", PALETTE[1])
            axes.plot(min(_used(each), FURTHEST), row, marker, color=colour, ms=3.5, mew=0, clip_on=False)
        passed = sum(each["passed"] for each in of_group)
        axes.text(FURTHEST * 1.04, row, f"{passed}/{len(of_group)}", va="center", fontsize=6.5)
    axes.axvline(1, color=GREY, lw=0.7, ls=(0, (5, 3)))
    axes.set(title="used of the tolerance", xlabel="|measured − expected|\n/ tolerance", xlim=(0, FURTHEST))
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.set_yticks(range(len(groups)), groups, fontsize=6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", color=PALE, lw=0.4)
    axes.set_axisbelow(True)
    return None


def _used(each: Mapping[str, Any]) -> float:
    """Largest distance from what was expected in units of the tolerance; a miscount is beyond all."""
    if each["passed"] and not each["tolerance"]:
        return 0.0
    ours, theirs = (np.atleast_1d(np.array(each[key], dtype=float)) for key in ("measured", "expected"))
    if ours.shape != theirs.shape or not each["tolerance"] or not np.isfinite(ours).all():
        return FURTHEST
    return float(np.abs(ours - theirs).max(initial=0.0) / each["tolerance"])
