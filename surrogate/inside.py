"""What goes on inside an ELM while it stands for the cell, as labelled arrays: branches, memory and its readout.

Nothing here draws. T bins of 1 ms, S inputs, K branches, M memory units.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from ..simulate.schema import InputError, read, source
from .checkpoint import Surrogate
from .elm import ELM
from .events import Events
from .recurrence.memory import Neuron, memory
from .recurrence.reference import branch_drive, leak
from .spike_inputs import StoredInputs, cut
from .windows import SETTLING_MS, positions_of

Labelled = tuple[tuple[str, ...] | str, Any, dict[str, str]]  # as xarray takes it: dims, values, attributes


def over_trial(surrogate: Surrogate, ds: xr.Dataset, trial: int) -> xr.Dataset:
    """An ELM's state in every bin of a trial of an open simulation, gone through in one pass from rest.

    Returns memory (memory_unit, time_ms) with coordinate tau_m_ms, branch_current (branch, time_ms) with coordinate
    apical_share (of the branch's synapses), what the model says (spike_probability, soma_v_mv), and its readout, which
    makes that of the memory:
    logit = spike_weight·memory + spike_bias, mV = voltage_weight_mv·memory + voltage_bias_mv.
    Raises InputError for another family, inputs that are not the model's, or a trial that is not there.
    """
    model = elm_of(surrogate)
    given = model.neuron()
    with torch.inference_mode():
        events = _events(surrogate, ds, trial)
        memory_tm = memory(events, given, model.path)[0]
        drive_btk = branch_drive(events.dense(), given.w_y, given.input_y, given.valid_y, model.n_branches)
        current_tk = leak(drive_btk, given.kappa_k)[0]
        y_to = model.w_y(memory_tm)
        spike_t, voltage_t = y_to[:, 0].sigmoid(), surrogate.scaling.to_mv(y_to[:, 1])
    names = ("memory_unit", "time_ms"), ("branch", "time_ms")
    found: dict[str, Labelled] = {
        "memory": (names[0], array(memory_tm.T), about("1", "memory")),
        "branch_current": (names[1], array(current_tk.T), about("1", "leaky sum of a branch's weighted spikes")),
        "spike_probability": ("time_ms", array(spike_t), about("1", "predicted probability of an output spike")),
        "soma_v_mv": ("time_ms", array(voltage_t), about("mV", "predicted soma voltage, clipped as in training")),
    }
    share_k = _apical_share(given, read(ds, "segment_type")[read(ds, "synapse_segment")] == "apical")
    where: dict[str, Any] = {
        "time_ms": ds["time_ms"],
        "apical_share": ("branch", share_k, about("1", "share of the branch's synapses on the apical tree")),
    }
    attrs = origin(surrogate, ds) | {"trial": trial}
    return xr.Dataset(found | _readout(surrogate), where | _units(model), attrs)


def readout_shares(surrogate: Surrogate, ds: xr.Dataset, trials: Sequence[int]) -> xr.Dataset:
    """Which time constants carry an ELM's readout: how far each memory unit moves the two outputs.

    A unit's swing is the size of its readout weight times the standard deviation of its trace over all bins of the
    trials, the first 500 ms of each left out: the standard deviation that the output would have if only this unit
    moved. Its share is its part of the sum of all swings; shares add up to 1, though units that move together may
    cancel in the output. They are NaN where nothing moves.
    Returns spike_swing (log odds), voltage_swing_mv, spike_share and voltage_share, all (memory_unit).
    Raises InputError as `over_trial` does, and where no trial goes on after its first 500 ms.
    """
    model = elm_of(surrogate)
    if not len(trials) or ds.sizes["time_ms"] <= SETTLING_MS:
        raise InputError(
            f"{source(ds)}: {len(trials)} trials of {ds.sizes['time_ms']} ms: a readout is looked at after the first "
            f"{SETTLING_MS} ms of at least one trial"
        )
    n, total_m, squares_m = 0, np.zeros(1), np.zeros(1)
    for trial in trials:
        with torch.inference_mode():
            memory_tm = memory(_events(surrogate, ds, trial), model.neuron(), model.path)[0, SETTLING_MS:]
        trace_tm = array(memory_tm).astype(float)
        n, total_m, squares_m = n + len(trace_tm), total_m + trace_tm.sum(0), squares_m + (trace_tm**2).sum(0)
    sd_m = np.sqrt(np.maximum(squares_m / n - (total_m / n) ** 2, 0))
    found: dict[str, Labelled] = {}
    for name, unit, weight in (("spike", "1", "spike_weight"), ("voltage", "mV", "voltage_weight_mv")):
        swing_m = np.abs(_readout(surrogate)[weight][1]) * sd_m
        share_m = swing_m / swing_m.sum() if swing_m.any() else np.full(len(swing_m), np.nan)
        swing = "voltage_swing_mv" if name == "voltage" else "spike_swing"
        words = f"|readout weight| x standard deviation of the memory unit ({name})"
        found[swing] = "memory_unit", swing_m, about(unit, words)
        found[f"{name}_share"] = "memory_unit", share_m, about("1", f"share of the {name} readout's swing")
    attrs = origin(surrogate, ds) | {"trials": [int(trial) for trial in trials]}
    return xr.Dataset(found, _units(model), attrs)


def elm_of(surrogate: Surrogate) -> ELM:
    """Its network. Raises InputError where that is of another family."""
    if not isinstance(surrogate.model, ELM):
        raise InputError(
            f"{surrogate.run}: is a {surrogate.family}, and only an ELM has memory units, branches and synapse weights"
        )
    return surrogate.model


def _events(surrogate: Surrogate, ds: xr.Dataset, trial: int) -> Events:
    surrogate.check_inputs(ds.sizes["synapse"], source(ds))
    (inputs,) = StoredInputs(ds, positions_of(ds, [trial]).tolist())
    return cut([inputs], [0], inputs.duration_ms).to(next(surrogate.model.parameters()).device)


def _apical_share(given: Neuron, apical_s: np.ndarray) -> np.ndarray:
    """Of the synapses of each branch (K,), how many are on the apical tree; NaN where the routing leaves it none."""
    if not given.input_y.numel():
        return apical_s.astype(float)
    shape = len(given.kappa_k), -1
    read_ky, valid_ky = array(given.input_y).reshape(shape), array(given.valid_y).reshape(shape)
    n_k = valid_ky.sum(1)
    return np.divide((apical_s[read_ky] & valid_ky).sum(1), n_k, out=np.full(len(n_k), np.nan), where=n_k > 0)


def _readout(surrogate: Surrogate) -> dict[str, Labelled]:
    readout, scale_mv = elm_of(surrogate).w_y, surrogate.scaling.scale_mv
    (spike_m, voltage_m), (spike, voltage) = array(readout.weight)[:2], array(readout.bias)[:2]
    return {
        "spike_weight": ("memory_unit", spike_m, about("1", "readout weight to the spike's log odds")),
        "voltage_weight_mv": ("memory_unit", voltage_m * scale_mv, about("mV", "readout weight to the voltage")),
        "spike_bias": ((), spike, about("1", "log odds of a spike without memory")),
        "voltage_bias_mv": ((), surrogate.scaling.to_mv(voltage), about("mV", "voltage without memory")),
    }


def _units(model: ELM) -> dict[str, Labelled]:
    return {"tau_m_ms": ("memory_unit", array(model.tau_m_ms), about("ms", "time constant of the memory unit"))}


def origin(surrogate: Surrogate, ds: xr.Dataset) -> dict[str, Any]:
    """Attributes that say which model was looked at, and on which dataset."""
    return {
        "model": surrogate.name,
        "family": surrogate.family,
        "run": surrogate.run,
        "dataset_id": ds.attrs["dataset_id"],
    }


def about(units: str, long_name: str) -> dict[str, str]:
    """Attributes of a variable."""
    return {"units": units, "long_name": long_name}


def array(values: Tensor) -> np.ndarray:
    """The same as NumPy has it."""
    return values.detach().cpu().numpy()
