"""Spikes that reach a population from outside, in order of their bins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ...simulate.schema import InputError

COLUMNS = ("time_ms", "neuron", "synapse", "weight")


class Arriving(NamedTuple):
    """Those of bin t of T are first_t[t] to first_t[t + 1], first_t (T + 1,): neurons ascending, of each its synapses.

    Of several at one synapse the weights are added up, as `Surrogate.step` takes them.
    """

    first_t: np.ndarray  # int64
    post_e: np.ndarray  # int32
    synapse_e: np.ndarray  # int32
    weight_e: np.ndarray  # float32

    @classmethod
    def of(cls, table: Mapping[str, Any] | None, n_inputs_n: np.ndarray, start_ms: int, duration_ms: int) -> Arriving:
        """Of columns time_ms, neuron, synapse and perhaps weight (else 1), by name; in a run from start_ms on.

        time_ms: any number; its bin is what lies before the point. None: no spikes.
        Raises InputError naming the column and the first row that is at fault.
        """
        columns = {name: np.asarray(values) for name, values in (table or dict.fromkeys(COLUMNS[:3], ())).items()}
        wrong = [str(name) for name in columns if name not in COLUMNS] + [n for n in COLUMNS[:3] if n not in columns]
        if wrong:
            raise InputError(f"spikes: column '{wrong[0]}', expected {', '.join(COLUMNS[:3])} and perhaps weight")
        n_events = columns["time_ms"].size
        columns.setdefault("weight", np.ones(n_events, np.float32))
        for name, values in columns.items():
            if values.shape != (n_events,):
                raise InputError(f"spikes: '{name}' has shape {values.shape}, expected ({n_events},) as time_ms")
            kinds = "iu" if name in ("neuron", "synapse") else "iuf"
            if n_events and values.dtype.kind not in kinds:
                expected = "whole numbers" if kinds == "iu" else "numbers"
                raise InputError(f"spikes: '{name}' holds {values.dtype}, expected {expected}")

        def refuse(name: str, wrong: np.ndarray, expected: str) -> None:
            if wrong.any():
                at = int(np.argmax(wrong))
                raise InputError(f"spikes: '{name}' of spike {at} is {columns[name][at]}, expected {expected}")

        time, end_ms = columns["time_ms"], start_ms + duration_ms
        neuron, synapse = columns["neuron"].astype(int), columns["synapse"].astype(int)
        with np.errstate(over="ignore"):  # what is too large is infinite, and refused as that
            weight = columns["weight"].astype(np.float32)
        refuse("time_ms", ~((time >= start_ms) & (time < end_ms)), f"a time in this run, {start_ms} to {end_ms} ms")
        refuse("neuron", (neuron < 0) | (neuron >= len(n_inputs_n)), f"one of {len(n_inputs_n)} neurons, from 0 on")
        refuse("synapse", (synapse < 0) | (synapse >= n_inputs_n[neuron]), "a synapse of its neuron, from 0 on")
        refuse("weight", ~(np.isfinite(weight) & (weight >= 0)), "0 or more: its synapse says its sign")
        bins = np.floor(time).astype(int) - start_ms
        order = np.lexsort((synapse, neuron, bins))
        bins, neuron, synapse = bins[order], neuron[order], synapse[order]
        new = np.append(True, (np.diff(bins) != 0) | (np.diff(neuron) != 0) | (np.diff(synapse) != 0))[: len(bins)]
        sum_e = np.zeros(np.count_nonzero(new), np.float32)
        np.add.at(sum_e, new.cumsum() - 1, weight[order])
        first_t = np.searchsorted(bins[new], np.arange(duration_ms + 1))
        return cls(first_t, neuron[new].astype(np.int32), synapse[new].astype(np.int32), sum_e)

    def part(self, start: int, length: int) -> Arriving:
        """Of so many bins from one on."""
        first = self.first_t[start : start + length + 1]
        return Arriving(first - first[0], *(each[first[0] : first[-1]] for each in self[1:]))
