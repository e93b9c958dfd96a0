"""The panels of a validation's page: each draws one section on its axes.

checks: as `apical validate --json` prints them. traces: name -> site -> (n,) mV, and `time_ms`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ..style import BLACK, GREY, PALE, PALETTE
from ..ticks import label_logarithmic

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    Traces = Mapping[str, Mapping[str, np.ndarray]]
    Checks = Sequence[Mapping[str, Any]]
    Curves = Mapping[str, Any]

SITES = {"soma": (BLACK, "-"), "400 um": (PALETTE[0], (0, (5, 1.2))), "620 um": (PALETTE[1], (0, (1.5, 1)))}
DENDRITIC = {"bAP": "back-propagation (bAP)", "Ca burst": "calcium burst", "BAC": "BAC firing"}
DENDRITIC_MS, STEP_MS, REST_MS = (285, 385), (600, 2800), (900, 2300)
V_LIMITS_MV = (-95, 55)
SPIKE_MV = -10  # a spike is an upward crossing of this at the soma, as the checks count it
ORDERS = {"Euler": ("o", PALETTE[0]), "Crank-Nicolson": ("D", PALETTE[1])}
FURTHEST = 2.0  # the axis of used tolerance ends here; what is beyond is drawn at its edge
SHORT = 15  # characters of a label, two of which stand side by side above a panel
MEANING = {
    "dendritic": "bAP: an action potential that a current pulse at the soma starts, back-propagating into the apical "
    "dendrite. Calcium burst: after an EPSP-like current at 620 µm. BAC firing: after both, when the back-propagating "
    "action potential activates a calcium spike. 400 and 620 µm: from the soma along the apical trunk.",
    "marks": "Marks at the edges: peaks and spike times of the published cell.",
    "step": "Step currents: at the soma for 2 s; spikes a/b: a measured, b expected.",
    "spikes": f"Triangles: spikes, which are where the soma crosses {SPIKE_MV} mV; what stays below is none, such as a "
    "spike of the axon that the soma does not follow.",
    "f_i": "f–I: firing rate against current.",
    "attenuation": "EPSP: excitatory postsynaptic potential.",
    "rest": "Sag: the voltage's return under a hyperpolarising current.",
    "convergence": "Error against step: of an EPSP's height and a spike's time, from the converged solution, each with "
    "the slope of its line; 1 is first order, 2 second.",
    "replay": "Synaptic input: random. Converged: variable step, tolerance 1e-6.",
    "tolerance": "Used of the tolerance: how far a check's value is from what was expected, in units of what it may "
    "be; beside it, how many passed.",
}


def panels_of(checks: Checks, curves: Curves, traces: Traces) -> list[Callable[[Axes], None]]:
    """What draws each section that there is, in the order of the page."""
    found: list[Callable[[Axes], None]] = []
    found += [partial(draw_dendritic, name=name, traces=traces, checks=checks) for name in DENDRITIC if name in traces]
    steps = [name for name in traces if name.startswith("step")]
    found += [partial(draw_step, name=name, traces=traces, checks=checks) for name in steps]
    if "f_i" in curves:
        found.append(partial(draw_f_i, checks=checks, curves=curves))
    if "attenuation" in curves:
        found.append(partial(draw_attenuation, curves=curves))
    if _of_rest(traces):
        found.append(partial(draw_rest, traces=traces))
    if "convergence" in curves:
        found.append(partial(draw_convergence, checks=checks, curves=curves))
    if "replay" in traces:
        found.append(partial(draw_replay, traces=traces))
    if any(each["passed"] is not None for each in checks):
        found.append(partial(draw_used_tolerance, checks=checks))
    return found


def meaning(checks: Checks, curves: Curves, traces: Traces) -> str:
    """What the words of these panels mean."""
    there = {
        "dendritic": any(name in traces for name in DENDRITIC),
        "marks": any(_expected(checks, name, "spike times") is not None for name in DENDRITIC if name in traces),
        "step": any(name.startswith("step") for name in traces),
        "spikes": "replay" in traces or any(name.startswith("step") for name in traces),
        "rest": bool(_of_rest(traces)),
        "replay": "replay" in traces,
        "tolerance": any(each["passed"] is not None for each in checks),
    }
    told = [text for name, text in MEANING.items() if there.get(name, name in curves)]
    return " ".join(told).replace(" -", " −")


def _of_rest(traces: Traces) -> list[str]:
    return [name for name in traces if name.startswith("-")]


def _expected(checks: Checks, group: str, name: str) -> Any:
    return next(
        (
            each["expected"]
            for each in checks
            if (each["group"], each["name"], each["basis"]) == (group, name, "golden")
        ),
        None,
    )


def draw_dendritic(axes: Axes, name: str, traces: Traces, checks: Checks) -> None:
    """A current protocol at soma and dendrite; expected peaks and spikes as marks at the edges."""
    trace = traces[name]
    shown = (trace["time_ms"] >= DENDRITIC_MS[0]) & (trace["time_ms"] <= DENDRITIC_MS[1])
    small: dict[str, Any] = {"ls": "none", "ms": 4, "mew": 0, "clip_on": False}
    for site, (colour, line) in SITES.items():
        axes.plot(trace["time_ms"][shown], trace[site][shown], color=colour, ls=line, label=site.replace("um", "µm"))
        golden_mv = _expected(checks, name, f"peak {site}")
        if golden_mv is not None:
            known = "expected peak" in axes.get_legend_handles_labels()[1]
            label = "" if known else "expected peak"
            axes.plot(1.02, golden_mv, "<", color=colour, label=label, transform=axes.get_yaxis_transform(), **small)
    golden_ms = _expected(checks, name, "spike times")
    if golden_ms:
        of_spikes: dict[str, Any] = {"color": GREY, "transform": axes.get_xaxis_transform(), "label": "expected spike"}
        axes.plot(golden_ms, [1.02] * len(golden_ms), "v", **of_spikes, **small)
    axes.set(title=DENDRITIC[name], xlabel="time (ms)", ylabel="V (mV)", xlim=DENDRITIC_MS, ylim=_v_limits(axes))
    axes.legend()


def draw_step(axes: Axes, name: str, traces: Traces, checks: Checks) -> None:
    """A 2 s somatic step."""
    trace = traces[name]
    shown = (trace["time_ms"] >= STEP_MS[0]) & (trace["time_ms"] <= STEP_MS[1])
    axes.plot(trace["time_ms"][shown] / 1000, trace["soma"][shown], color=BLACK, lw=0.5)
    _mark_spikes(axes, trace, 1000)
    counted = next(each["measured"] for each in checks if (each["group"], each["name"]) == (name, "spikes"))
    golden = _expected(checks, name, "spikes")
    told = f"{name.removeprefix('step ')}: {counted:g}{'' if golden is None else f'/{golden:g}'} spikes"
    axes.set(title=told, xlabel="time (s)", ylabel="V (mV)", ylim=_v_limits(axes))


def _v_limits(axes: Axes) -> tuple[float, float]:
    """The same for all traces, but for one that goes beyond."""
    least, most = axes.dataLim.intervaly
    return min(V_LIMITS_MV[0], least - 3), max(V_LIMITS_MV[1], most + 3)


def draw_f_i(axes: Axes, checks: Checks, curves: Curves) -> None:
    """Rate against somatic current."""
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
    axes.set(title="f–I", xlabel="somatic current (nA)", ylabel="rate (Hz)")
    axes.margins(y=0.1)
    axes.legend()


def draw_attenuation(axes: Axes, curves: Curves) -> None:
    """Heights of an EPSP at its site and at the soma against the site's distance."""
    of = curves["attenuation"]
    axes.plot(of["distance_um"], of["local_mv"], "s--", color=PALETTE[1], ms=3.5, label="at the site")
    axes.plot(of["distance_um"], of["soma_mv"], "o-", color=BLACK, ms=3.5, label="at the soma")
    axes.plot(of["distance_um"], of["soma_to_site_mv"], "x", color=PALETTE[0], ms=5, label="from soma, at the site")
    axes.set(title="EPSP along the trunk", xlabel="distance from the soma (µm)", ylabel="height (mV)")
    axes.set_ylim(0, None)
    axes.legend()


def draw_rest(axes: Axes, traces: Traces) -> None:
    """The voltage without and with a hyperpolarising current."""
    for name, colour, line in zip(_of_rest(traces), (PALETTE[0], BLACK), ("-", (0, (4, 1.5))), strict=False):
        trace = traces[name]
        shown = trace["time_ms"] >= REST_MS[0]
        label = name.replace("-", "−")
        axes.plot(trace["time_ms"][shown] / 1000, trace["soma"][shown], color=colour, ls=line, label=label)
    axes.set(title="rest and sag", xlabel="time (s)", ylabel="V (mV)")
    axes.legend()


def draw_convergence(axes: Axes, checks: Checks, curves: Curves) -> None:
    """Error of EPSP height and spike time against the step, for both orders of integration."""
    slopes = {each["name"]: each["measured"] for each in checks if each["group"] == "order of accuracy"}
    for name, (marker, colour) in ORDERS.items():
        curve = curves["convergence"][name]
        steps_us = [1000 * dt_ms for dt_ms in curve["dt_ms"]]
        for what, key, fill in (("EPSP", "epsp_mv", colour), ("spike time", "spike_ms", "white")):
            slope = slopes.get(f"{name}, {what}")
            if slope is not None:
                label = f"{name}, {what.split()[0]} ({key.rsplit('_')[-1].replace('mv', 'mV')}): {slope:.2f}"
                axes.loglog(steps_us, curve[key], marker + "-", color=colour, mfc=fill, ms=3.5, label=label)
    axes.set(title="error against step", xlabel="step (µs)", ylabel="error (mV or ms)")
    axes.legend()
    axes.set_xticks(steps_us, [f"{step_us:g}" for step_us in steps_us])
    axes.minorticks_off()
    label_logarithmic(axes.yaxis)


def draw_replay(axes: Axes, traces: Traces) -> None:
    """Random synaptic input: this engine and step over the converged solution."""
    for name, colour, width, label in (
        ("replay, converged", PALETTE[4], 2.0, "converged"),
        ("replay", BLACK, 0.6, "engine and step"),
    ):
        axes.plot(traces[name]["time_ms"], traces[name]["soma"], color=colour, lw=width, label=label)
    _mark_spikes(axes, traces["replay"], 1, label="its spikes")
    axes.set(title="synaptic input", xlabel="time (ms)", ylabel="V (mV)")
    axes.legend()


def _mark_spikes(axes: Axes, trace: Mapping[str, np.ndarray], unit_ms: float, **options: Any) -> None:
    """A triangle above the axes for each spike of the soma. unit_ms: of the axis."""
    v_mv = trace["soma"]
    at = trace["time_ms"][1:][(v_mv[:-1] < SPIKE_MV) & (v_mv[1:] >= SPIKE_MV)] / unit_ms
    if at.size:
        marks: dict[str, Any] = {"color": BLACK, "ms": 3, "mew": 0, "clip_on": False} | options
        axes.plot(at, [1.03] * at.size, "v", transform=axes.get_xaxis_transform(), **marks)


def draw_used_tolerance(axes: Axes, checks: Checks) -> None:
    """Every judged check as a dot: how much of its tolerance it uses, one row per protocol."""
    judged = [each for each in checks if each["passed"] is not None]
    groups = list(dict.fromkeys(each["group"] for each in judged))
    for row, group in enumerate(groups):
        of_group = [each for each in judged if each["group"] == group]
        for each in of_group:
            marker, colour = ("o", BLACK) if each["passed"] else ("X", PALETTE[1])
            axes.plot(min(used_tolerance(each), FURTHEST), row, marker, color=colour, ms=3.5, mew=0, clip_on=False)
        passed = sum(each["passed"] for each in of_group)
        axes.text(FURTHEST * 1.04, row, f"{passed}/{len(of_group)}", va="center", fontsize=5.5)
    axes.axvline(1, color=GREY, lw=0.7, ls=(0, (5, 3)))
    axes.set(title="used of the tolerance", xlabel="|measured − expected|\n/ tolerance", xlim=(0, FURTHEST))
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.set_yticks(range(len(groups)), groups, fontsize=5.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", color=PALE, lw=0.4)
    axes.set_axisbelow(True)


def used_tolerance(each: Mapping[str, Any]) -> float:
    """Largest distance from what was expected in units of the tolerance; a miscount is beyond all."""
    if each["passed"] and not each["tolerance"]:
        return 0.0
    ours, theirs = (np.atleast_1d(np.array(each[key], dtype=float)) for key in ("measured", "expected"))
    if ours.shape != theirs.shape or not each["tolerance"] or not np.isfinite(ours).all():
        return FURTHEST
    return float(np.abs(ours - theirs).max(initial=0.0) / each["tolerance"])
