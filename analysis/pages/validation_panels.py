"""The panels of a validation's page: each draws one section on its axes, or says that it was left out.

checks: as `apical validate --json` prints them. traces: name -> site -> (n,) mV, and `time_ms`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..style import BLACK, GREY, PALE, PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    Traces = Mapping[str, Mapping[str, np.ndarray]]

SITES = {"soma": BLACK, "400 um": PALETTE[0], "620 um": PALETTE[1]}
DENDRITIC = ("bAP", "Ca burst", "BAC")
DENDRITIC_MS, STEP_MS, REST_MS = (285, 385), (600, 2800), (900, 2300)
V_LIMITS_MV = (-95, 55)
ORDERS = {"Euler": ("o", PALETTE[0]), "Crank-Nicolson": ("D", PALETTE[1])}
FURTHEST = 2.0  # the axis of used tolerance ends here; what is beyond is drawn at its edge


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


def draw_dendritic(axes: Axes, name: str, traces: Traces, checks: Sequence[Mapping[str, Any]]) -> None:
    """A current protocol at soma and dendrite; expected peaks and spikes as marks at the edges."""
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


def draw_step(axes: Axes, name: str, traces: Traces, checks: Sequence[Mapping[str, Any]]) -> None:
    """A 2 s somatic step."""
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


def draw_f_i(axes: Axes, checks: Sequence[Mapping[str, Any]], curves: Mapping[str, Any]) -> None:
    """Rate against somatic current."""
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


def draw_attenuation(axes: Axes, curves: Mapping[str, Any]) -> None:
    """Heights of an EPSP at its site and at the soma against the site's distance."""
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


def draw_rest(axes: Axes, traces: Traces) -> None:
    """The voltage without and with a hyperpolarising current."""
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


def draw_convergence(axes: Axes, checks: Sequence[Mapping[str, Any]], curves: Mapping[str, Any]) -> None:
    """Error of EPSP height and spike time against the step, for both orders of integration."""
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


def draw_replay(axes: Axes, traces: Traces) -> None:
    """Random synaptic input: this engine and step over the converged solution."""
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


def draw_used_tolerance(axes: Axes, checks: Sequence[Mapping[str, Any]]) -> None:
    """Every judged check as a dot: how much of its tolerance it uses, one row per protocol."""
    judged = [each for each in checks if each["passed"] is not None]
    if not judged:
        return _left_out(axes, "used of the tolerance")
    groups = list(dict.fromkeys(each["group"] for each in judged))
    for row, group in enumerate(groups):
        of_group = [each for each in judged if each["group"] == group]
        for each in of_group:
            marker, colour = ("o", BLACK) if each["passed"] else ("X", PALETTE[1])
            axes.plot(min(used_tolerance(each), FURTHEST), row, marker, color=colour, ms=3.5, mew=0, clip_on=False)
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


def used_tolerance(each: Mapping[str, Any]) -> float:
    """Largest distance from what was expected in units of the tolerance; a miscount is beyond all."""
    if each["passed"] and not each["tolerance"]:
        return 0.0
    ours, theirs = (np.atleast_1d(np.array(each[key], dtype=float)) for key in ("measured", "expected"))
    if ours.shape != theirs.shape or not each["tolerance"] or not np.isfinite(ours).all():
        return FURTHEST
    return float(np.abs(ours - theirs).max(initial=0.0) / each["tolerance"])
