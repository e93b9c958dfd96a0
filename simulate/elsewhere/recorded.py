"""What somebody has in hand of a neuron, checked: input spikes, soma voltage, output spikes and synapses.

B trials, S synapses, N segments, T bins of 1 ms, n samples of a trial, e events.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..schema import InputError
from . import sampling
from .given_input import GivenInput, given_input
from .where_synapses_are import coordinates

NS_MS = 6  # digits of a time in ms that is a difference of two: to the nanosecond, so that it stays in its bin


@dataclass(frozen=True)
class Recorded:
    """input: gives a trial's spikes (S, T). soma_v_mv (B, T). output_ms: ascending times by trial.

    coordinates: of synapses and segments, as in the schema. how: what the provenance says of sampling and input.
    """

    input: GivenInput
    soma_v_mv: np.ndarray
    output_ms: list[np.ndarray]
    coordinates: dict[str, np.ndarray]
    how: dict[str, Any] = field(default_factory=dict)


def recorded(
    where: str,
    input_spikes: Any,
    soma_v_mv: Any,
    output_spike_times_ms: Any,
    sign: Any,
    *,
    sampling_khz: float | None = None,
    time_ms: Any = None,
    segment: Any = None,
    distance_um: Any = None,
    tree: Any = None,
) -> Recorded:
    """All of it, as `from_arrays` takes it, in the order that a dataset has: excitatory synapses first.

    where: what errors begin with. Raises InputError naming the array at fault, what was expected and what came.
    """
    v_mv_bn = array(where, "soma_v_mv", soma_v_mv, "iuf", ("trial", "sample"))
    if not v_mv_bn.size:
        raise InputError(f"{where}: 'soma_v_mv' holds no samples; give one trial or more of one sample or more")
    bad = np.argwhere(~np.isfinite(v_mv_bn))
    if bad.size:
        trial, sample = bad[0].tolist()
        raise InputError(
            f"{where}: 'soma_v_mv' is {v_mv_bn[trial, sample]:g} at sample {sample} of trial {trial} ({len(bad)} such "
            "in all); leave such trials out, or fill the gaps first"
        )
    khz = _rate(where, sampling_khz, time_ms, v_mv_bn.shape[1])
    duration_ms = sampling.whole_ms(v_mv_bn.shape[1], khz)
    if duration_ms < 1:
        raise InputError(f"{where}: 'soma_v_mv' has {v_mv_bn.shape[1]} samples at {khz:g} kHz, less than 1 ms")
    sign_s = array(where, "sign", sign, "iuf", ("synapse",))
    if not sign_s.size or not np.isin(sign_s, (1, -1)).all():
        came = ", ".join(f"{each:g}" for each in sorted({*sign_s.tolist()} - {1, -1})[:3]) or "none"
        raise InputError(f"{where}: 'sign' is expected to be +1 or -1 of one synapse or more, got {came}")
    order = np.argsort(-sign_s, kind="stable")
    try:
        spikes = np.asarray(input_spikes)
    except ValueError as error:
        raise InputError(f"{where}: 'input_spikes' is no array ({error})") from error
    ends_ms = round((v_mv_bn.shape[1] - 1) / khz, 6)
    if spikes.ndim == 3 and spikes.shape[2] == duration_ms - 1 == ends_ms:
        duration_ms -= 1  # the voltage's last sample is the end of the last bin
    given = given_input(where, spikes, len(v_mv_bn), order, duration_ms)
    spikes_given = output_spike_times_ms is not None
    if spikes_given:
        output_ms = _output_times(where, output_spike_times_ms, len(v_mv_bn), duration_ms)
    else:
        output_ms = sampling.spike_times_ms(v_mv_bn, khz, duration_ms, where)
    how: dict[str, Any] = {"taken": sampling.told(v_mv_bn.shape[1], khz, spikes_given) | {"input_spikes": given.how}}
    if (np.diff(order) < 0).any():
        how["synapse_order"] = order.tolist()  # of each synapse here, its number as given
    where_s = coordinates(where, sign_s, segment, distance_um, tree)
    placed = {name: values[order] if name.startswith("synapse_") else values for name, values in where_s.items()}
    return Recorded(given, sampling.at_whole_ms(v_mv_bn, khz, duration_ms), output_ms, placed, how)


def array(where: str, name: str, given: Any, kinds: str, dims: Sequence[str]) -> np.ndarray:
    """`given` as an array of these dims and kinds of dtype. Raises InputError for another."""
    try:
        found = np.asarray(given)
    except ValueError as error:  # rows of unequal lengths
        raise InputError(f"{where}: '{name}' is no array ({error}); expected ({', '.join(dims)})") from error
    if found.ndim != len(dims):
        raise InputError(f"{where}: '{name}' has shape {found.shape}, expected ({', '.join(dims)})")
    if found.dtype.kind not in kinds:
        raise InputError(f"{where}: '{name}' holds {found.dtype}, expected {'text' if kinds == 'UT' else 'numbers'}")
    return found


def _rate(where: str, sampling_khz: float | None, time_ms: Any, n_samples: int) -> float:
    if (sampling_khz is None) == (time_ms is None):
        raise InputError(f"{where}: give either 'sampling_khz', the samples per ms of 'soma_v_mv', or their 'time_ms'")
    if time_ms is None:
        rate = np.asarray(sampling_khz)
        if rate.ndim or rate.dtype.kind not in "iuf" or not 0 < rate < np.inf:
            raise InputError(f"{where}: 'sampling_khz' is {sampling_khz!r}, expected a number above 0: samples per ms")
        return float(rate)
    times = array(where, "time_ms", time_ms, "iuf", ("sample",))
    if times.size != n_samples:
        raise InputError(f"{where}: 'time_ms' has {times.size} times, 'soma_v_mv' {n_samples} samples in a trial")
    return sampling.rate_khz(times, where)


def _output_times(where: str, given: Any, n_trials: int, duration_ms: int) -> list[np.ndarray]:
    rows = list(given) if np.iterable(given) else []
    if len(rows) != n_trials:
        raise InputError(
            f"{where}: 'output_spike_times_ms' has {len(rows)} lists of times, 'soma_v_mv' {n_trials} trials; give one "
            "of each trial, empty where it has no spike"
        )
    found = []
    for trial, row in enumerate(rows):
        times = np.asarray(row, dtype=float) if np.size(row) == 0 else np.asarray(row)
        if times.ndim != 1 or times.dtype.kind not in "iuf":
            raise InputError(
                f"{where}: 'output_spike_times_ms' of trial {trial} is expected to be a list of times in ms"
            )
        times = np.sort(times[~np.isnan(times)].astype(float))  # NaN fills rows up
        outside = times[(times < 0) | (times >= duration_ms)]
        if outside.size:
            raise InputError(
                f"{where}: 'output_spike_times_ms' of trial {trial} has {outside[0]:g} ms, outside the trial of "
                f"{duration_ms} ms; times count from the trial's start"
            )
        found.append(times)
    return found
