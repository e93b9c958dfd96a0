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

from . import cells, mechanism_library, schema
from .config import Simulation
from .provenance import provenance
from .schema import InputError
from .trial import Experiment, FailedTrial, Layout


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
    morphology = cells.resolve(config.morphology) if config.lif is None else None
    dataset_id = config.dataset_id(morphology)
    if out.exists() and not (resume or overwrite):
        raise InputError(f"{out}: exists already; give --resume to finish it or --overwrite to replace it")
    if config.lif is None:
        mechanism_library.compiled(busy)
    todo = list(range(trials))
    if resume and out.exists():
        todo = _missing(out, dataset_id, trials)
    else:
        _check_replaceable(out)
        layout = _in_worker(describe, config)
        layout.check(trials)
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


def describe(config: Simulation) -> Layout:
    """What a dataset of `config` holds. Loads NEURON: call it in a worker."""
    return Experiment(config).layout()


def _in_worker(function: Callable, *args):
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(function, *args).result()


def _create(out: Path, config: Simulation, morphology, dataset_id: str, trials: int, layout: Layout) -> None:
    coords = {
        "trial": np.arange(trials),
        "time_ms": np.arange(config.duration_ms),
        "source_file": np.array([f"{config.preset}, seed {config.seed}"] * trials),
        **layout.coordinates,
    }
    if config.record_fine:
        coords["time_fine_ms"] = np.arange(config.duration_ms * schema.FINE_PER_MS) / schema.FINE_PER_MS
    schema.create(
        out,
        "simulation",
        layout.dtypes,
        coords,
        n_spike=layout.n_spike,
        dataset_id=dataset_id,
        config=config.model_dump(mode="json"),
        provenance=provenance(morphology, config.biophysics),
    )


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
    try:
        arrays, status = _experiment.simulate(trial), schema.DONE
    except FailedTrial as failed:
        arrays, status = failed.arrays, schema.FAILED
    schema.write_trial(_out, trial, arrays, status)
    return int(np.isfinite(arrays["output_spike_time_ms"]).sum()), status == schema.DONE
