"""Input spikes in hand, as booleans of each ms or as events, by trial.

B trials, S synapses, T bins of 1 ms, e events.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..schema import InputError

COLUMNS = ("trial", "synapse", "time_ms")


@dataclass(frozen=True)
class GivenInput:
    """of_trial: the spikes (S, T) of a trial, boolean. how: what the provenance says of them."""

    of_trial: Callable[[int], np.ndarray]
    how: str


def given_input(where: str, spikes: np.ndarray, n_trials: int, order: np.ndarray, duration_ms: int) -> GivenInput:
    """Booleans (trial, synapse, ms) or events (e, 3) of trial, synapse and time_ms, checked.

    order (S,): the number, as given, of each synapse of the dataset.
    A spike is in the bin int(time_ms); two of one synapse in a bin are one.
    Raises InputError for another form or size, and for an event of no trial, synapse or time here.
    """
    if spikes.ndim == 3 and spikes.dtype.kind == "b":
        expected = n_trials, order.size, duration_ms
        if spikes.shape != expected:
            raise InputError(
                f"{where}: 'input_spikes' has shape {spikes.shape}, expected {expected}: trials and ms of 'soma_v_mv' "
                "at its sampling rate, synapses of 'sign'"
            )
        return GivenInput(lambda trial: spikes[trial][order], "booleans of each ms")
    if spikes.ndim == 2 and spikes.shape[1] == len(COLUMNS) and spikes.dtype.kind in "iuf":
        return _events(where, spikes, n_trials, order, duration_ms)
    raise InputError(
        f"{where}: 'input_spikes' has shape {spikes.shape} of {spikes.dtype}, expected booleans (trial, synapse, ms), "
        f"or events (event, 3) of {', '.join(COLUMNS)}"
    )


def _events(where: str, events: np.ndarray, n_trials: int, order: np.ndarray, duration_ms: int) -> GivenInput:
    limits = dict(zip(COLUMNS, (n_trials, order.size, duration_ms), strict=True))
    for (name, limit), column in zip(limits.items(), events.T, strict=True):
        right = (column >= 0) & (column < limit)
        if name != "time_ms":
            right &= column == np.floor(column)
        if not right.all():
            at = int(np.argmin(right))
            what = "a number" if name == "time_ms" else "a whole number"
            raise InputError(
                f"{where}: 'input_spikes': {name} of event {at} is {column[at]:g}, expected {what} from 0 to below "
                f"{limit}"
            )
    trial, synapse, bins = np.unique(events.astype(np.int64), axis=0).T if len(events) else np.empty((3, 0), int)
    first = np.searchsorted(trial, np.arange(n_trials + 1))
    row_of = np.argsort(order)  # of a synapse as given, its number here

    def of_trial(number: int) -> np.ndarray:
        here = slice(first[number], first[number + 1])
        spikes = np.zeros((order.size, duration_ms), bool)
        spikes[row_of[synapse[here]], bins[here]] = True
        return spikes

    return GivenInput(of_trial, f"{len(events)} events, {len(trial)} of them alone of their synapse in their ms")
