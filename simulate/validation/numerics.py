"""Checks of the integration itself: order of accuracy in the step, and engine against engine."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import numpy as np

from ..cell import compiling
from ..engine.interface import Epsp, Integration, Pulse
from ..schema import InputError
from . import protocols
from .checks import Findings, check, slope
from .protocols import Response
from .specimen import Specimen

STEPS_MS = (0.05, 0.025, 0.0125, 0.00625)
QUICK_STEPS_MS = STEPS_MS[:3]
TRUTH = Integration(engine="neuron", dt_ms=None, tolerance=1e-9)
ORDERS = {"Euler": (False, 1), "Crank-Nicolson": (True, 2)}
EPSP_AT_MS, EPSP_END_MS, PULSE_MS, END_MS = 20.0, 65.0, (70.0, 75.0), 85.0
SUBTHRESHOLD_MV, MOST_HALVINGS = -50.0, 10
GRID_MS = 0.1  # every step divides it, so nothing is interpolated where voltages are compared
# The slope over these steps, not its limit: an EPSP is smooth and there already, a spike's upstroke is not quite.
EPSP_SLOPE, SPIKE_SLOPE = 0.1, 0.4

ENGINES_AGREE_MV = 1e-6
BATCHED_AGREES_MV = 1e-3  # 64-bit; its dI/dv is exact, NEURON's a difference over 0.001 mV
ENGINES_END_MS = 360.0


def convergence(specimen: Specimen) -> Findings:
    """Error against the converged solution at ever finer steps, of a subthreshold EPSP and of a spike's time.

    The slope of error against step is the order of accuracy: 1 for implicit Euler, 2 for Crank-Nicolson.
    """
    steps_ms = QUICK_STEPS_MS if specimen.quick else STEPS_MS
    epsp_na, truth = _subthreshold(specimen)
    found, curves = Findings(), {}
    for name, (second_order, order) in ORDERS.items():
        epsp_mv, spike_ms = [], []
        for dt_ms in steps_ms:
            response = _response(specimen, epsp_na, _at_step(specimen, dt_ms, second_order))
            epsp_mv.append(_epsp_error_mv(response, truth))
            spike_ms.append(_spike_error_ms(response, truth))
        curves[name] = {"dt_ms": list(steps_ms), "epsp_mv": epsp_mv, "spike_ms": spike_ms}
        for what, errors, tolerance in (("EPSP", epsp_mv, EPSP_SLOPE), ("spike time", spike_ms, SPIKE_SLOPE)):
            if np.isfinite(errors).all():
                measured = slope(steps_ms, errors)
                theory = f"order {order} of {name}; converged: variable step, tolerance {TRUTH.tolerance:g}"
                found.checks.append(
                    check("order of accuracy", f"{name}, {what}", "1", measured, order, tolerance, "theory", theory)
                )
            else:
                found.remarks.append(f"order of accuracy of {name}, {what}, left out: the pulse makes no spike")
    found.curves["convergence"] = curves
    return found


def _at_step(specimen: Specimen, dt_ms: float, second_order: bool) -> Integration:
    """The fixed-step engine under test, where rounding does not hide the order."""
    with_coreneuron = not compiling.coreneuron_refusal(specimen.cell.nmodl)
    engine = "batched" if specimen.integration.engine == "batched" else "coreneuron" if with_coreneuron else "neuron"
    return Integration(engine=engine, dt_ms=dt_ms, second_order=second_order, precision="float64")


def _subthreshold(specimen: Specimen) -> tuple[float, Response]:
    """The largest EPSP current, halved from 0.5 nA on, that leaves the cell below threshold, and its converged run."""
    for halved in range(MOST_HALVINGS):
        epsp_na = protocols.EPSP_NA / 2**halved
        truth = _response(specimen, epsp_na, TRUTH)
        before = truth.time_ms < EPSP_END_MS
        if max(v_mv[before].max() for v_mv in truth.v_mv.values()) < SUBTHRESHOLD_MV:
            break
    return epsp_na, truth


def _response(specimen: Specimen, epsp_na: float, integration: Integration) -> Response:
    """An EPSP half-way up or at 620 um, then a spike from the soma."""
    site = specimen.cell.at_distance(min(protocols.DISTANCES_UM[-1], specimen.cell.longest_um / 2))
    currents: list[Pulse | Epsp] = [
        Epsp(site, EPSP_AT_MS, epsp_na),
        Pulse(specimen.soma, *PULSE_MS, protocols.PULSE_NA),
    ]
    return specimen.run(currents, END_MS, integration, sites={"soma": specimen.soma, "site": site})


def _epsp_error_mv(response: Response, truth: Response) -> float:
    from scipy.interpolate import CubicSpline

    grid_ms = np.arange(EPSP_AT_MS, EPSP_END_MS, GRID_MS)
    once = np.append(True, np.diff(truth.time_ms) > 0)  # a variable step records twice at an event
    errors_mv = [
        np.interp(grid_ms, response.time_ms, response.v_mv[site])
        - CubicSpline(truth.time_ms[once], truth.v_mv[site][once])(grid_ms)
        for site in ("soma", "site")
    ]
    return float(np.abs(errors_mv).max())


def _spike_error_ms(response: Response, truth: Response) -> float:
    ours, theirs = response.spike_times_ms(), truth.spike_times_ms()
    return float(abs(ours[0] - theirs[0])) if len(ours) and len(theirs) else float("nan")


def engines(specimen: Specimen) -> Findings:
    """Every engine against plain NEURON at the same step on BAC firing: the largest difference of any voltage."""
    currents: Sequence[Pulse | Epsp] = [Pulse(specimen.soma, *protocols.PULSE_MS, protocols.PULSE_NA)]
    with suppress(InputError):  # a short apical dendrite gets the somatic pulse alone
        currents, _ = protocols.protocols(specimen.cell)["BAC"]

    def v_mv(engine: str) -> np.ndarray:
        integration = specimen.fixed_step.model_copy(update={"engine": engine, "precision": "float64"})
        return np.array(list(specimen.run(currents, ENGINES_END_MS, integration).v_mv.values()))

    # generated code is that of single mechanisms, so it is compared where it was asked for: the cell is built of them
    others = {"coreneuron": ENGINES_AGREE_MV, "batched": BATCHED_AGREES_MV}
    if specimen.integration.engine != "batched":
        del others["batched"]
    remarks = []
    if refusal := compiling.coreneuron_refusal(specimen.cell.nmodl):
        del others["coreneuron"]
        remarks = [f"engine coreneuron is not compared: {refusal}"]
    plain_mv = v_mv("neuron")
    return Findings(
        checks=[
            check(
                "engines",
                f"{engine} - neuron",
                "mV",
                float(np.abs(v_mv(engine) - plain_mv).max()),
                0.0,
                tolerance_mv,
                "theory",
                "the same equations at the same step",
            )
            for engine, tolerance_mv in others.items()
        ],
        remarks=remarks,
    )
