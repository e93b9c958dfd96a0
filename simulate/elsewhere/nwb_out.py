"""A dataset's trials as NWB: the soma voltage as current clamp, input and output spikes as units."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from .. import schema
from ..schema import DONE, InputError
from .nwb import library

PAUSE_S = 1.0  # between trials, so that no spike is of two


def export_nwb(data: str | Path, out: str | Path, *, overwrite: bool = False) -> Path:
    """Write the finished trials of a simulation as an NWB file, of which the path is returned.

    data: the dataset. out: where the file is written. overwrite: replace what is at `out`.
    Each trial is a CurrentClampSeries at 1 kHz, one after the other with a second between; the trials' table has start
    and end. Units: each synapse with its `sign`, whose spikes are at the start of their bins, then the cell with a sign
    of 0. Configuration and provenance are the session's notes.
    Raises InputError where `data` is no simulation, no trial is finished, `out` exists or pynwb is not installed.
    """
    out, ds, pynwb = Path(out), schema.open_dataset(data, "simulation"), library()
    if out.exists() and not overwrite:
        raise InputError(f"{out}: exists already; give --overwrite to replace it, or another path")
    finished = np.flatnonzero(schema.read(ds, "trial_status") == DONE)
    if not finished.size:
        raise InputError(f"{data}: no trial is finished; there is nothing to write")
    made = json.loads(ds.attrs["provenance"])
    content = pynwb.NWBFile(
        session_description=str(schema.config_of(ds).get("preset") or schema.config_of(ds).get("made_by") or "apical"),
        identifier=ds.attrs["dataset_id"],
        session_start_time=_created(made),
        notes=json.dumps({"config": schema.config_of(ds), "provenance": made}),
    )
    starts_s = np.arange(finished.size) * (ds.sizes["time_ms"] / 1e3 + PAUSE_S)
    _add_voltages(pynwb, content, ds, finished, starts_s)
    _add_units(content, ds, finished, starts_s)
    with schema.writing_whole(out) as growing, pynwb.NWBHDF5IO(growing, "w") as io:
        io.write(content)
    return out


def _created(made: dict[str, Any]) -> datetime:
    """When the dataset was made, where it says so; NWB asks for a time."""
    try:
        told = datetime.fromisoformat(str(made.get("created")))
    except ValueError:
        return datetime.now(UTC)
    return told if told.tzinfo else told.replace(tzinfo=UTC)


def _add_voltages(pynwb: Any, content: Any, ds: Any, finished: np.ndarray, starts_s: np.ndarray) -> None:
    device = content.create_device(name="apical")
    soma = content.create_icephys_electrode(name="soma", description="the middle of the soma", device=device)
    for position, start_s in zip(finished.tolist(), starts_s.tolist(), strict=True):
        number = int(ds["trial"][position])
        content.add_acquisition(
            pynwb.icephys.CurrentClampSeries(
                name=f"trial_{number}",
                data=schema.read(ds, "soma_v_mv", position),
                conversion=1e-3,
                starting_time=start_s,
                rate=1000.0,
                electrode=soma,
                gain=1.0,
                stimulus_description="synaptic input, see units",
            )
        )
        content.add_trial(start_time=start_s, stop_time=start_s + ds.sizes["time_ms"] / 1e3)


def _add_units(content: Any, ds: Any, finished: np.ndarray, starts_s: np.ndarray) -> None:
    content.add_unit_column("sign", "+1 excitatory synapse, -1 inhibitory synapse, 0 the cell itself")
    sign_s = schema.read(ds, "synapse_sign")
    of_synapse: list[list[np.ndarray]] = [[] for _ in sign_s]
    of_cell = []
    for position, start_s in zip(finished.tolist(), starts_s, strict=True):
        synapse, bins = np.nonzero(schema.read(ds, "input_spikes", position))
        for number, times in enumerate(np.split(bins, np.searchsorted(synapse, np.arange(1, len(sign_s))))):
            of_synapse[number].append(start_s + times / 1e3)
        times_ms = schema.output_spike_times_ms(ds, position)
        of_cell.append(start_s + times_ms[np.isfinite(times_ms)] / 1e3)
    for number, sign in enumerate(sign_s.tolist()):
        content.add_unit(spike_times=np.concatenate(of_synapse[number]), sign=sign)
    content.add_unit(spike_times=np.concatenate(of_cell), sign=0)
