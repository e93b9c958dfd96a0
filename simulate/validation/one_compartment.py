"""One compartment with a mechanism of a user's: a second of current steps and noise, on every engine.

A mechanism that takes an ion's current from others finds a leak of that ion beside it, one that takes calcium's
concentration a pool too; a point process that receives events receives some.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from ..cell import pointers
from ..engine.interface import Inputs, Integration, Pulse
from ..engine.run import run
from ..mechanisms import library, nmodl, units
from ..mechanisms.nmodl import Source
from ..schema.input_error import one_line

DURATION_MS, STEP_MS, NOISE_FROM_MS, NOISE_MS, V_INIT_MV = 1000.0, 100.0, 500.0, 2.5, -70.0
LOWEST_NA, HIGHEST_NA = -0.05, 0.15  # with the leak alone -110 to 50 mV
SIZE_UM, CELSIUS = 20.0, 34.0
LEAK_S_CM2, DENSITY_S_CM2, EK_MV, ENA_MV = 1e-4, 1e-3, -85.0, 50.0
EVENTS, WEIGHT_US = 50, 1e-3
AGREE_MV = 1e-3  # equal equations differ by rounding: 1e-12 mV, with spikes up to 1e-6 (measured)
BESIDE_MV = 1e-9  # more than rounding, less than anybody measures
POINTED = 0.5  # what a POINTER points to for which the file has no number
LEAK = """NEURON { SUFFIX Leak_of_%(ion)s USEION %(ion)s READ e%(ion)s WRITE i%(ion)s %(valence)s }
ASSIGNED { v (mV) e%(ion)s (mV) i%(ion)s (mA/cm2) }
BREAKPOINT { i%(ion)s = 1e-5 * (v - e%(ion)s) }
"""
POOL = """NEURON { SUFFIX Pool_of_ca USEION ca READ ica WRITE cai }
ASSIGNED { ica (mA/cm2) }
STATE { cai (mM) }
INITIAL { cai = 1e-4 }
BREAKPOINT { SOLVE states METHOD cnexp }
DERIVATIVE states { cai' = -0.1 * ica - (cai - 1e-4) / 20 }
"""


def beside(name: str, source: Source) -> dict[str, Source]:
    """The mechanism and what stands beside it, by name."""
    bare = nmodl.without_comments(source.text)
    found = {name: source}
    for ion, used in nmodl.USEION.findall(bare):
        needs_pool = ion == "ca" and re.search(r"\bcai\b", used) and not re.search(r"\bWRITE\b[^R]*\bcai\b", used)
        if needs_pool or (re.search(rf"\bi{ion}\b", used) and not re.search(rf"\bWRITE\b[^R]*\bi{ion}\b", used)):
            valence = re.search(rf"\bUSEION\s+{ion}\b.*?(\bVALENCE\s+[-+]?\d+)", bare)
            text = LEAK % {"ion": ion, "valence": valence[1] if valence else ""}
            found[f"Leak_of_{ion}"] = Source(file=f"Leak_of_{ion}.mod", text=text)
        if needs_pool:
            found["Pool_of_ca"] = Source(file="Pool_of_ca.mod", text=POOL)
    return found


def own(name: str, source: Source, coreneuron: bool) -> library.Own:
    """What is compiled for it."""
    return library.Own(beside(name, source), coreneuron)


def differences_mv(
    name: str, source: Source, engines: Sequence[str]
) -> tuple[dict[str, dict[str, float]], dict[str, str], list[str]]:
    """Engine -> order of accuracy -> the largest difference from plain NEURON; why engines failed, if any did; remarks.

    Its library, see `own`, is loaded. Where they differ, plain NEURON is run again from `BESIDE_MV` beside the first
    voltage: an unstable membrane makes of that as much, and counts until it does.
    """
    failed: dict[str, str] = {}
    remarks: list[str] = []
    found: dict[str, dict[str, float]] = {}
    compartment, inputs = _Compartment(name, source), None
    for order in (1, 2):
        v_mv = {}
        for engine in ("neuron", *engines):
            try:
                inputs = inputs or _inputs(compartment, nmodl.mechanism(source.text))
                v_mv[engine] = _v_mv(compartment, inputs, engine, order)
            except (RuntimeError, ValueError, LookupError) as error:  # what NEURON says of a mechanism has many kinds
                failed[engine] = f"{source.file}: {one_line(error)}"
                if engine == "neuron":
                    return {}, failed, remarks
        plain_mv = v_mv.pop("neuron")
        apart_mv = {engine: np.abs(each - plain_mv) for engine, each in v_mv.items()}
        if not all(each.max() <= AGREE_MV for each in apart_mv.values()):
            assert inputs is not None
            beside_mv = _v_mv(compartment, inputs, "neuron", order, V_INIT_MV + BESIDE_MV)
            steps = steady_steps(plain_mv, beside_mv)
            apart_mv = {engine: each[:steps] for engine, each in apart_mv.items()}
            if steps < len(plain_mv):
                end_ms = DURATION_MS * steps / len(plain_mv)
                itself_mv = np.abs(plain_mv - beside_mv).max()
                remarks.append(
                    f"{source.file}: unstable: begun {BESIDE_MV:g} mV beside, plain NEURON is {itself_mv:.3g} mV from "
                    f"itself; compared for {end_ms:.0f} ms (order {order})"
                )
        for engine, each in apart_mv.items():
            found.setdefault(engine, {})[str(order)] = float(each.max())
    return {engine: each for engine, each in found.items() if engine not in failed}, failed, remarks


def steady_steps(v_mv: np.ndarray, beside_mv: np.ndarray) -> int:
    """How many steps (T,) of two runs that began a little apart are together."""
    away = ~(np.abs(v_mv - beside_mv) <= AGREE_MV)
    return int(away.argmax()) if away.any() else len(away)


def _v_mv(
    compartment: _Compartment, inputs: Inputs, engine: str, order: int, v_init_mv: float = V_INIT_MV
) -> np.ndarray:
    """Its voltage (T,)."""
    integration = Integration(
        engine=engine,  # type: ignore[arg-type]
        second_order=order == 2,
        fused=False,
        precision="float64",
    )
    return run(compartment, inputs, [compartment.soma(0.5)], DURATION_MS, v_init_mv, integration).v_mv[0]  # type: ignore[arg-type]


class _Compartment:
    """What engines ask of a cell."""

    def __init__(self, name: str, source: Source) -> None:
        from neuron import h

        self.name, self.nmodl = name, beside(name, source)
        self.soma = h.Section(name="soma", cell=self)
        self.soma.L = self.soma.diam = SIZE_UM
        self.soma.insert("pas")
        self.soma.g_pas, self.soma.e_pas = LEAK_S_CM2, V_INIT_MV
        h.celsius = CELSIUS
        self.processes, self._kept = [], []
        for each, of in self.nmodl.items():
            if nmodl.declared(of.text)[0] == nmodl.POINT:
                self.processes.append(getattr(h, each)(self.soma(0.5)))
            else:
                self.soma.insert(each)
        for ion, mv in (("ek", EK_MV), ("ena", ENA_MV)):
            if hasattr(self.soma, ion):
                setattr(self.soma, ion, mv)
        known = nmodl.mechanism(source.text)
        pointing = {parameter: POINTED if number is None else number for parameter, number in known.pointers.items()}
        for parameter, unit in known.parameters.items():
            variable = f"{parameter}_{name}"
            density = units.quantity(unit) == "conductance density"
            if parameter in pointing:
                place = self.processes[0] if self.processes else getattr(self.soma(0.5), name)
                self._kept.append(pointers.to_number(place, parameter, pointing[parameter]))
            elif density and not self.processes and getattr(self.soma, variable) == 0:
                setattr(self.soma, variable, DENSITY_S_CM2)

    def sections(self) -> list:
        return [self.soma]


class _Synapses:
    """What engines ask of synapses: a point process, which gets events if it takes any."""

    def __init__(self, processes: list, weight: float | None) -> None:
        from neuron import h

        self.processes = processes
        self.connections = [] if weight is None else [[h.NetCon(None, processes[0])]]
        for (connection,) in self.connections:
            connection.weight[0], connection.delay = weight, 1.0


def _inputs(compartment: _Compartment, mechanism: nmodl.Mechanism) -> Inputs:
    rng = np.random.default_rng(1)
    starts_ms = [*np.arange(0, NOISE_FROM_MS, STEP_MS), *np.arange(NOISE_FROM_MS, DURATION_MS, NOISE_MS)]
    amplitudes_na = rng.uniform(LOWEST_NA, HIGHEST_NA, len(starts_ms))
    ends_ms = [*starts_ms[1:], DURATION_MS]
    pulses = [
        Pulse(compartment.soma(0.5), start, end, na)
        for start, end, na in zip(starts_ms, ends_ms, amplitudes_na, strict=True)
    ]
    if not compartment.processes:
        return Inputs(currents=pulses)
    if mechanism.weight is None:
        return Inputs(_Synapses(compartment.processes, None), (), pulses)  # type: ignore[arg-type]
    scaled = any(name.startswith("gmax") or unit in ("uS", "nS", "pS") for name, unit in mechanism.parameters.items())
    events_ms = np.sort(rng.choice(int(DURATION_MS), EVENTS, replace=False)).astype(float)
    synapses = _Synapses(compartment.processes, 1.0 if scaled else WEIGHT_US)
    return Inputs(synapses, [events_ms], pulses)  # type: ignore[arg-type]
