"""A dataset's trials as SONATA, end to end: input spikes, output spikes, and the soma's report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .. import schema
from ..schema import DONE, InputError

INPUT, OUTPUT, SOMA = "input_spikes.h5", "spikes.h5", "soma.h5"
SORTING = {"none": 0, "by_id": 1, "by_time": 2}


def export_sonata(data: str | Path, out: str | Path, *, overwrite: bool = False) -> Path:
    """Write the finished trials of a simulation as a folder of SONATA files, of which the path is returned.

    data: the dataset. out: the folder: `input_spikes.h5` of population `synapses`, a node for each; `spikes.h5` with
    the output spikes and `soma.h5` with the voltage each ms, of node 0 of population `cell`; `signs.npz`, which SONATA
    has no place for. overwrite: replace what is at `out`.
    Trial number i of those written begins at i times the length of a trial.
    Raises InputError where `data` is no simulation, no trial is finished, `out` exists or h5py is not installed.
    """
    out, ds = Path(out), schema.open_dataset(data, "simulation")
    try:
        import h5py
    except ImportError as error:
        raise InputError("SONATA takes h5py, which is not installed: pip install 'apical[sonata]'") from error
    if out.exists() and not overwrite:
        raise InputError(f"{out}: exists already; give --overwrite to replace it, or another path")
    finished, ms = np.flatnonzero(schema.read(ds, "trial_status") == DONE), ds.sizes["time_ms"]
    if not finished.size:
        raise InputError(f"{data}: no trial is finished; there is nothing to write")
    bins, synapses, fired_ms = [], [], []
    for number, position in enumerate(finished.tolist()):
        bin_n, synapse_n = np.nonzero(schema.read(ds, "input_spikes", position).T)  # in order of time
        times_ms = schema.output_spike_times_ms(ds, position)
        bins.append(bin_n + number * ms)
        synapses.append(synapse_n)
        fired_ms.append(times_ms[times_ms < ms] + number * ms)  # NaN is not
    fired = np.concatenate(fired_ms)
    with schema.writing_whole(out) as growing:
        growing.mkdir()
        with h5py.File(growing / INPUT, "w") as file:
            _write_spikes(h5py, file, "synapses", np.concatenate(synapses), np.concatenate(bins).astype(float))
        with h5py.File(growing / OUTPUT, "w") as file:
            _write_spikes(h5py, file, "cell", np.zeros(fired.size, int), fired)
        with h5py.File(growing / SOMA, "w") as file:
            _write_report(file, schema.read(ds, "soma_v_mv", finished).reshape(-1, 1))
        np.savez(growing / "signs.npz", sign=schema.read(ds, "synapse_sign"))
    return out


def _write_spikes(h5py: Any, file: Any, population: str, nodes: np.ndarray, times_ms: np.ndarray) -> None:
    group = file.create_group(f"spikes/{population}")
    group.attrs.create("sorting", SORTING["by_time"], dtype=h5py.enum_dtype(SORTING, basetype="u1"))
    group.create_dataset("node_ids", data=nodes.astype("u8"))
    group.create_dataset("timestamps", data=times_ms).attrs["units"] = "ms"


def _write_report(file: Any, v_mv_t1: np.ndarray) -> None:
    group = file.create_group("report/cell")
    group.create_dataset("data", data=v_mv_t1.astype("f4")).attrs["units"] = "mV"
    mapping = group.create_group("mapping")
    mapping.create_dataset("node_ids", data=np.array([0], "u8")).attrs["sorted"] = np.uint8(1)
    mapping.create_dataset("index_pointers", data=np.array([0, 1], "u8"))
    mapping.create_dataset("element_ids", data=np.array([0], "u4"))
    mapping.create_dataset("time", data=np.array([0.0, len(v_mv_t1), 1.0])).attrs["units"] = "ms"
