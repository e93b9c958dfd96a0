"""SONATA: a file of spikes as input, and a report of somata as voltage, become a dataset. Times are in ms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..schema import InputError
from ..schema.input_error import one_line
from . import sampling
from .arrays import write
from .npz import signs_of, told
from .recorded import NS_MS, recorded


def import_sonata(
    spikes: str | Path,
    report: str | Path,
    signs: str | Path,
    out: str | Path,
    *,
    output_spikes: str | Path | None = None,
    node: int | None = None,
    trial_ms: int | None = None,
    name: str | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a simulation that is there as SONATA as a dataset, of which the path is returned.

    spikes: file of input spikes, of one population, in which a node is a synapse. report: of the soma's voltage.
    signs: an .npz of `sign`, of each node from 0 on, and `segment`, `distance_um` and `tree` where they are known.
    out: where the dataset is written. output_spikes: file of the cell's spikes; None to find them in the voltage.
    node: the cell's number, where the report has several. trial_ms: length of the trials that the time is cut into;
    what is left over is left out. None for one trial. name: what the dataset is called. overwrite: replace `out`.
    Raises InputError where a file cannot be read, has several populations, nodes without a sign, no such cell, another
    unit than mV and ms, or not a whole trial; and as `from_arrays` does.
    """
    paths = [Path(each) for each in (spikes, report, signs, *([output_spikes] if output_spikes else []))]
    files = [told(path) for path in paths]
    given = signs_of(paths[2])
    v_mv, khz, start_ms, node = _voltage(paths[1], node)
    ms = sampling.whole_ms(v_mv.size, khz)
    trial_ms = ms if trial_ms is None else trial_ms
    per_trial = trial_ms * khz
    if not 1 <= trial_ms <= ms or abs(per_trial - round(per_trial)) > 1e-6:
        raise InputError(
            f"{paths[1]}: holds {ms} ms at {khz:g} kHz; a trial of {trial_ms} ms is none of 1 to {ms} ms that has a "
            "whole number of samples"
        )
    n_trials = ms // trial_ms
    v_mv_bn = v_mv[: n_trials * round(per_trial)].reshape(n_trials, -1)
    nodes, at_ms = _spikes(paths[0], start_ms, n_trials * trial_ms)
    trial, time_ms = np.divmod(at_ms, trial_ms)
    output_ms = None
    if output_spikes is not None:
        cell, fired_ms = _spikes(paths[3], start_ms, n_trials * trial_ms)
        of_trial, within_ms = np.divmod(fired_ms[cell == node], trial_ms)
        output_ms = [within_ms[of_trial == number] for number in range(n_trials)]
    events = np.stack([trial, nodes, time_ms], axis=1)
    found = recorded(
        str(paths[0]),
        input_spikes=events,
        soma_v_mv=v_mv_bn,
        output_spike_times_ms=output_ms,
        sampling_khz=khz,
        **given,
    )
    options = {
        "--report": paths[1].name,
        "--signs": paths[2].name,
        "--output-spikes": output_spikes and Path(output_spikes).name,
        "--node": node,
        "--trial-ms": trial_ms,
        "--name": name,
    }
    return write(
        found,
        out,
        made_by=name or paths[1].stem,
        files=files,
        command="import-sonata",
        options=options,
        overwrite=overwrite,
    )


def _read(path: Path, reader: str) -> Any:
    """The one population of a file, as `reader` of libsonata has it."""
    try:
        import libsonata
    except ImportError as error:
        raise InputError("SONATA takes libsonata, which is not installed: pip install 'apical[sonata]'") from error
    try:
        opened = getattr(libsonata, reader)(str(path))
        names = opened.get_population_names()
        population = opened[names[0]] if len(names) == 1 else None
    except Exception as error:  # of HDF5 and of libsonata, each their own kinds
        raise InputError(f"{path}: not a readable SONATA file ({one_line(error)})") from error
    if population is None:
        raise InputError(f"{path}: has populations {', '.join(names) or 'none'}; give a file of one")
    return population


def _voltage(path: Path, node: int | None) -> tuple[np.ndarray, float, float, int]:
    """The cell's voltage in mV, its rate in kHz, the time of the first sample in ms, and the cell's number."""
    population = _read(path, "SomaReportReader")
    if (population.data_units, population.time_units) != ("mV", "ms"):
        raise InputError(f"{path}: is in {population.data_units} and {population.time_units}, expected mV and ms")
    there = list(population.get_node_ids())
    if node is None and len(there) == 1:
        (node,) = there
    if node not in there:
        which = "--node says which cell it is" if node is None else f"there is no node {node}"
        raise InputError(f"{path}: {which}: it has {', '.join(map(str, there[:8]))}{' …' * (len(there) > 8)}")
    start_ms, _, step_ms = population.times
    frame = population.get(node_ids=[node])
    return np.asarray(frame.data, float)[:, 0], round(1 / step_ms, 9), start_ms, node


def _spikes(path: Path, start_ms: float, length_ms: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes, and times in ms from `start_ms` on, of the spikes within `length_ms`."""
    population = _read(path, "SpikeReader")
    if population.time_units not in ("ms", ""):
        raise InputError(f"{path}: its times are in {population.time_units}, expected ms")
    found = np.array(population.get(), float).reshape(-1, 2)
    times_ms = np.round(found[:, 1] - start_ms, NS_MS)
    inside = (times_ms >= 0) & (times_ms < length_ms)
    return found[inside, 0], times_ms[inside]
