"""The interface of every engine: a cell, what acts on it and how finely, in; voltages out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from pydantic import Field, model_validator

from ..schema import Configuration

if TYPE_CHECKING:
    from ..cell.synapses import Synapses


class Integration(Configuration):
    """How a trial is integrated in time.

    engine: 'coreneuron' (vectorised over segments, fixed step), 'neuron' (plain), 'batched' (many trials side by side,
    fixed step, from generated code), or 'auto' (the fastest for the cell and the number of trials; see run.fastest).
    dt_ms: the step; None for NEURON's variable step (plain engine only).
    second_order: Crank-Nicolson with staggered gates (NEURON's secondorder = 2) rather than implicit Euler.
    fused: NEURON's engines, fixed step: a region's mechanisms as one (see fusion): the same equations, sooner solved.
    exact_rates: calculate what mechanisms with a TABLE (hh is one) otherwise look up, on the line between two numbers.
    tolerance: absolute, of the variable step; 1e-6 is converged, NEURON's default (and the published) is 1e-3.
    precision: of engine 'batched'; NEURON's engines calculate in 64 bits.
    """

    engine: Literal["coreneuron", "neuron", "batched", "auto"] = Field(
        "auto", description="coreneuron, neuron (plain), batched (many trials side by side), or the fastest"
    )
    dt_ms: float | None = Field(0.025, ge=1e-4, le=0.1, description="step; none: variable (neuron only)")
    second_order: bool = Field(True, description="Crank-Nicolson rather than implicit Euler, with a fixed step")
    fused: bool = Field(True, description="a region's mechanisms as one, in NEURON's engines")
    exact_rates: bool = Field(False, description="calculate what a TABLE of NMODL otherwise interpolates")
    # below, rounding keeps CVODE from any step
    tolerance: float = Field(1e-6, ge=1e-12, le=1e3, description="absolute, in mV, of the variable step")
    precision: Literal["float32", "float64"] = Field("float32", description="of engine batched, or float64")

    @property
    def takes_fused(self) -> bool:
        """Whether the cell is to be built of fused mechanisms, which hold for fixed steps only."""
        return self.fused and self.dt_ms is not None and self.engine != "batched"

    def method(self) -> dict[str, Any]:
        """The settings that fix how the equations are solved, by whatever engine.

        Where they are the same, engines agree: NEURON's two within 1e-6 mV, 'batched' within 1e-3 mV in 64 bits, and in
        32 bits with every spike within 1 ms (`apical validate`, benchmarks/precision.py).
        """
        return {"dt_ms": self.dt_ms, "exact_rates": self.exact_rates} | (
            {"tolerance": self.tolerance} if self.dt_ms is None else {"second_order": self.second_order}
        )

    def in_words(self) -> dict[str, str]:
        """Each setting that counts, by what it is of: of a variable step its tolerance, of a fixed one the rest."""
        told = {"engine": self.engine, "step": "variable step" if self.dt_ms is None else f"dt {self.dt_ms:g}"}
        told["rates"] = "exact rates" if self.exact_rates else "rates of tables"
        if self.dt_ms is None:
            return told | {"tolerance": f"tolerance {self.tolerance:g}"}
        told["order"] = f"order {2 if self.second_order else 1}"
        if self.engine == "batched":
            return told | {"precision": self.precision}
        return told | {"mechanisms": "fused" if self.fused else "single mechanisms"}

    @model_validator(mode="after")
    def _variable_step_is_plain(self) -> Integration:
        if self.dt_ms is None and self.engine not in ("neuron", "auto"):
            raise ValueError("a variable step (no dt_ms) needs engine 'neuron'")
        return self


@dataclass(frozen=True)
class Pulse:
    """A rectangular current at a NEURON segment."""

    site: object
    start_ms: float
    stop_ms: float
    amplitude_na: float


@dataclass(frozen=True)
class Epsp:
    """An EPSP-like current at a NEURON segment: a difference of exponentials that peaks at `peak_na`."""

    site: object
    onset_ms: float
    peak_na: float
    rise_ms: float = 0.5  # both times: Hay et al. 2011
    decay_ms: float = 5.0


@dataclass(frozen=True)
class Inputs:
    """What acts on the cell in one trial.

    synapses: the cell's synapses, or None; events_ms: per synapse, ascending times of its input spikes.
    currents: point currents.
    """

    synapses: Synapses | None = None
    events_ms: Sequence[np.ndarray] = ()
    currents: Sequence[Pulse | Epsp] = ()


@dataclass(frozen=True)
class Recording:
    """Voltages at every step: time_ms (n,), v_mv (probes, n), ascending in time, the initial value first.

    coarse_v_mv (coarse sites, T): float32, at whole ms from 0.
    spike_time_ms: of a neuron that says itself when it fires; None where the trace shows it.
    """

    time_ms: np.ndarray
    v_mv: np.ndarray
    coarse_v_mv: np.ndarray
    spike_time_ms: np.ndarray | None = None


Passed = Callable[[float], None]  # told of a run of several trials: how many are integrated, in parts too


def unheard(trials: float) -> None:
    """A `Passed` that nobody listens to."""


class Together(NamedTuple):
    """How many trials an engine integrates in one go, and what keeps it from more, where that may be of interest."""

    trials: int
    limit: str = ""


class Unstable(RuntimeError):
    """The integration went wrong: a recorded voltage left +-300 mV or is not a number, first at `time_ms`."""

    def __init__(self, time_ms: float) -> None:
        super().__init__(f"the voltage ran away at {time_ms:.3f} ms")
        self.time_ms = time_ms
