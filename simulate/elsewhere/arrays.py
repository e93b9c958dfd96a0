"""Arrays in hand become a dataset, trial by trial."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import schema
from ..run.store import check_writable
from ..schema import InputError
from .recorded import Recorded, recorded

OWN_ARRAYS = "own arrays"


def from_arrays(
    input_spikes: Any,
    soma_v_mv: Any,
    output_spike_times_ms: Sequence[Any] | np.ndarray | None,
    sign: Any,
    out: str | Path,
    *,
    sampling_khz: float | None = None,
    time_ms: Any = None,
    segment: Any = None,
    distance_um: Any = None,
    tree: Any = None,
    name: str = OWN_ARRAYS,
    overwrite: bool = False,
) -> Path:
    """Write what was recorded or simulated elsewhere as a dataset, of which the path is returned.

    input_spikes: booleans (trial, synapse, ms), or events (event, 3) of trial, synapse and time_ms, from 0 on.
    soma_v_mv: (trial, sample), at equal steps from the trial's start on.
    output_spike_times_ms: a list of times for each trial, or an array (trial, spike) filled up with NaN; None to find
    them: local maxima above -25 mV of the voltage as given, which takes 5 samples per ms.
    sign: +1 or -1 of each synapse. out: where the dataset is written.
    sampling_khz: samples per ms of the voltage. time_ms: in place of it, the time of each sample, at equal steps.
    segment, distance_um, tree: of each synapse, where they are known, the number of its segment, its distance to the
    soma, 'basal' or 'apical'. name: what the dataset is called. overwrite: replace what is at `out`.
    The voltage at whole ms is interpolated linearly; the provenance says so.
    Synapses are numbered as given, excitatory ones first; where that changes their order, `synapse_order` of the
    provenance has the numbers as given. Two input spikes of one synapse in the same ms are one.
    Raises InputError where something is not as said here, or `out` exists.
    """
    found = recorded(
        "from_arrays",
        input_spikes,
        soma_v_mv,
        output_spike_times_ms,
        sign,
        sampling_khz=sampling_khz,
        time_ms=time_ms,
        segment=segment,
        distance_um=distance_um,
        tree=tree,
    )
    return write(found, out, made_by=name, overwrite=overwrite)


def write(
    found: Recorded,
    out: str | Path,
    *,
    made_by: str,
    files: Sequence[Mapping[str, str]] = (),
    sources: Sequence[str] | None = None,
    command: str | None = None,
    options: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write `found` as a dataset at `out`, which is returned.

    made_by: what it is called. files: name and sha256 of each that it was read from. sources: `source_file` of each
    trial. command, options: of `apical`, which read the first of the files; options that are None were not given.
    Raises InputError where `out` exists or cannot be written.
    """
    out = Path(out)
    schema.recover(out)
    check_writable(out)
    if out.exists() and not overwrite:
        raise InputError(f"{out}: exists already; give --overwrite to replace it, or another path")
    asked = {option: value for option, value in (options or {}).items() if value is not None}
    n_trials, duration_ms = found.soma_v_mv.shape
    n_spike = max(1, *(each.size for each in found.output_ms))
    with schema.writing_whole(out) as growing:
        schema.create(
            growing,
            "simulation",
            {"input_spikes": "?", "soma_v_mv": "f4", "output_spike_time_ms": "f8"},
            {
                "trial": np.arange(n_trials),
                "time_ms": np.arange(duration_ms),
                "source_file": np.array(sources if sources is not None else [made_by] * n_trials),
                **found.coordinates,
            },
            n_spike=n_spike,
            dataset_id=_identity(found),
            config={"made_by": made_by, **({"command": command, "options": asked} if command else {})},
            provenance={**({"files": list(files)} if files else {}), **found.how, **schema.made_with("numpy", "zarr")},
        )
        for trial in range(n_trials):
            times_ms = found.output_ms[trial]
            arrays = {
                "input_spikes": found.input.of_trial(trial),
                "soma_v_mv": found.soma_v_mv[trial],
                "output_spike_time_ms": np.pad(times_ms, (0, n_spike - times_ms.size), constant_values=np.nan),
            }
            schema.write_trial(growing, trial, arrays)
    return out


def _identity(found: Recorded) -> str:
    """16 hex digits of all that the trials hold."""
    content = hashlib.sha256(found.soma_v_mv.tobytes())
    for name, values in sorted(found.coordinates.items()):
        content.update(
            name.encode() + np.asarray(values).astype("S" if values.dtype.kind == "U" else values.dtype).tobytes()
        )
    for trial, times_ms in enumerate(found.output_ms):
        content.update(b"trial" + times_ms.tobytes() + np.packbits(found.input.of_trial(trial)).tobytes())
    return content.hexdigest()[:16]
