"""Trials to one Zarr store: spread over worker processes, each of which writes its own trials; resumable."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from . import biophysics, cells, mechanism_library, schema
from .config import Simulation
from .provenance import provenance
from .schema import InputError
from .trial import Experiment

MAX_RATE_HZ = 250.0  # room for output spikes per trial; the cell's refractory period keeps it far below
MIN_SPIKES = 16


@dataclass(frozen=True)
class Progress:
    """How far a run is: trials done of all, and what the trial that has just ended was like."""

    done: int
    total: int
    trial: int
    n_spikes: int
    ok: bool


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def simulate(
    config: Simulation,
    out: str | Path,
    trials: int,
    workers: int = 1,
    *,
    resume: bool = False,
    overwrite: bool = False,
    busy: mechanism_library.Busy = mechanism_library.announce,
    report: Callable[[Progress], None] | None = None,
) -> Path:
    """Simulate trials 0 to `trials` - 1 of `config` and write them to the Zarr store `out`.

    workers: processes, one cell each. resume: run only what is missing from the store that is there.
    overwrite: replace what is there. busy: shows a message while mechanisms compile. report: called after each trial.
    Raises InputError for a configuration that cannot be run, or an `out` that exists.
    """
    out = Path(out)
    if trials < 1 or workers < 1:
        raise InputError(f"trials and workers must be at least 1, got {trials} and {workers}")
    morphology = cells.resolve(config.morphology)
    dataset_id = config.dataset_id(morphology)
    if out.exists() and not (resume or overwrite):
        raise InputError(f"{out}: exists already; give --resume to finish it or --overwrite to replace it")
    mechanism_library.compiled(busy)
    todo = list(range(trials))
    if resume and out.exists():
        todo = _missing(out, dataset_id, trials)
    else:
        _check_replaceable(out)
        layout = _in_worker(describe, config)
        shutil.rmtree(out, ignore_errors=True)
        _create(out, config, morphology, dataset_id, trials, layout)
    done = trials - len(todo)
    context = get_context("spawn")
    with ProcessPoolExecutor(min(workers, max(len(todo), 1)), context, _start, (config, str(out))) as pool:
        running = {pool.submit(_simulate_one, trial): trial for trial in todo}
        try:
            while running:
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    trial = running.pop(future)
                    n_spikes, ok = future.result()
                    done += 1
                    if report:
                        report(Progress(done, trials, trial, n_spikes, ok))
        except BrokenProcessPool as error:
            raise InputError(f"{out}: a worker process died; what is done is kept: run again with --resume") from error
        finally:
            pool.shutdown(cancel_futures=True)  # or an interrupt would wait for every trial that is queued
    return out


def describe(config: Simulation) -> dict[str, np.ndarray]:
    """Coordinates of the segments and synapses of the configured cell. Loads NEURON: call it in a worker."""
    experiment = Experiment(config)
    segments, synapses = experiment.cell.segments, experiment.synapses
    return {
        "synapse_sign": synapses.sign,
        "synapse_receptor": synapses.receptor,
        "synapse_segment": synapses.segment,
        "segment_type": experiment.tree,
        "segment_section": np.array([s.section for s in segments]),
        "segment_x": np.array([s.x for s in segments]),
        "segment_distance_um": np.array([s.distance_um for s in segments]),
        "segment_length_um": experiment.length_um,
    }


def _in_worker(function: Callable, *args):
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(function, *args).result()


def _create(out: Path, config: Simulation, morphology, dataset_id: str, trials: int, layout: dict) -> None:
    arrays: dict[str, np.dtype | str] = {"input_spikes": "bool", "soma_v_mv": "f4", "output_spike_time_ms": "f8"}
    coords = {
        "trial": np.arange(trials),
        "time_ms": np.arange(config.duration_ms),
        "source_file": np.array([f"{config.preset}, seed {config.seed}"] * trials),
        **layout,
    }
    if config.record_fine:
        arrays["soma_v_fine_mv"] = "f4"
        coords["time_fine_ms"] = np.arange(config.duration_ms * schema.FINE_PER_MS) / schema.FINE_PER_MS
    schema.create(
        out,
        "simulation",
        arrays,
        coords,
        n_spike=_spike_room(config),
        dataset_id=dataset_id,
        config=config.model_dump(mode="json"),
        provenance=provenance(morphology, biophysics.load(config.biophysics).source),
    )


def _spike_room(config: Simulation) -> int:
    return max(MIN_SPIKES, int(config.seconds * MAX_RATE_HZ))


def _missing(out: Path, dataset_id: str, trials: int) -> list[int]:
    ds = schema.open_dataset(out, "simulation", complete=False)
    if ds.attrs["dataset_id"] != dataset_id:
        raise InputError(f"{out}: was made with other settings; give --overwrite to replace it, or another path")
    if ds.sizes["trial"] != trials:
        raise InputError(f"{out}: was made for {ds.sizes['trial']} trials, not {trials}; resume it with that number")
    pending = schema.read(ds, "trial_status") == schema.PENDING
    pending[schema.trials_with_lost_chunks(out)] = True
    return np.flatnonzero(pending).tolist()


def _check_replaceable(out: Path) -> None:
    """Refuse to delete a folder that is not a Zarr store, whatever --overwrite says."""
    if out.exists() and not (out / "zarr.json").is_file() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out}: exists and is not a Zarr store; it is left alone: choose another path")


_experiment: Experiment | None = None
_out = ""


def _start(config: Simulation, out: str) -> None:
    global _experiment, _out  # one cell per worker process: NEURON's state is global anyway
    _experiment, _out = Experiment(config), out


def _simulate_one(trial: int) -> tuple[int, bool]:
    assert _experiment is not None
    result = _experiment.run(trial)
    finite = bool(np.isfinite(result.v_mv).all())
    times_ms = result.output_spike_times_ms() if finite else np.array([])
    row = np.full(_spike_room(_experiment.config), np.nan)
    ok = finite and len(times_ms) <= len(row)  # else the trial is numerically unstable
    if ok:
        row[: len(times_ms)] = times_ms
    arrays = {"input_spikes": result.input_spikes, "soma_v_mv": result.sampled_mv(1), "output_spike_time_ms": row}
    if _experiment.config.record_fine:
        arrays["soma_v_fine_mv"] = result.sampled_mv(schema.FINE_PER_MS)
    schema.write_trial(_out, trial, arrays, schema.DONE if ok else schema.FAILED)
    return len(times_ms), ok
