"""What a population does in some bins, and how it is told: spikes as events, traces of chosen neurons."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr

ATTRIBUTES = {  # name -> units and meaning, as simulate/schema/contract.py has them of datasets of trials
    "spike_neuron": ("1", "neuron of each spike; spikes are in order of time, then of neurons"),
    "spike_time_ms": ("ms", "start of the 1 ms bin of each spike"),
    "soma_v_mv": ("mV", "soma voltage of a recorded neuron, without spikes"),
    "spike_probability": ("1", "probability of an output spike in the bin"),
    "neuron": ("1", "number of each recorded neuron"),
    "time_ms": ("ms", "start of each 1 ms bin"),
}


class Recorded(NamedTuple):
    """T bins, N neurons, W of them watched, K spikes."""

    neuron_k: np.ndarray
    time_ms_k: np.ndarray
    probability_tw: np.ndarray
    v_mv_tw: np.ndarray
    probability_n: np.ndarray  # of the last bin
    v_mv_n: np.ndarray

    @classmethod
    def joined(cls, parts: Sequence[Recorded]) -> Recorded:
        """One after another."""
        neuron_k, time_ms_k, probability_tw, v_mv_tw = (np.concatenate([part[at] for part in parts]) for at in range(4))
        return cls(neuron_k, time_ms_k, probability_tw, v_mv_tw, *parts[-1][4:])

    def dataset(self, start_ms: int, watched: np.ndarray, told: dict[str, object]) -> xr.Dataset:
        """As an xarray dataset; told: what its attribute `config` says of how it was made."""
        variables = {
            "spike_neuron": ("spike", self.neuron_k.astype(np.int32)),
            "spike_time_ms": ("spike", self.time_ms_k.astype(np.int64)),
            "soma_v_mv": (("neuron", "time_ms"), np.ascontiguousarray(self.v_mv_tw.T)),
            "spike_probability": (("neuron", "time_ms"), np.ascontiguousarray(self.probability_tw.T)),
        }
        coords = {"neuron": ("neuron", watched), "time_ms": ("time_ms", start_ms + np.arange(len(self.v_mv_tw)))}
        ds = xr.Dataset(variables, coords, {"kind": "population", "config": json.dumps(told)})
        for name, (units, long_name) in ATTRIBUTES.items():
            ds[name].attrs.update(units=units, long_name=long_name)
        return ds
