"""The noise floor: trials of a dataset integrated otherwise, written as a prediction of it.

Step, engine and tolerance are no part of the neuron, so no surrogate can be expected to tell more of a trial than
another integration of it does. What this writes is scored as any model is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from .. import schema
from ..cell import compiling
from ..changes import changed
from ..engine.interface import Integration
from ..mechanisms import library
from ..schema import InputError, notebook
from ..schema.spike_jitter import JITTER_MS, spike_probability
from . import chunks, engine_choice, store
from .dask_cluster import connected
from .origin import configuration, places
from .provenance import provenance
from .spread import Place, Progress, SoFar, found_from_anywhere, run, trials_together

V_CLIP_MV = -55.0  # what surrogates are fitted to, and truth is scored, is clipped here: Beniaguev et al. 2021
FAMILY = "noise-floor"
ONLY_THE_SOMA = {"record_fine": False, "record_nexus": False, "nexus_um": None, "record_dendrites": "none"}


def noise_floor(
    data: str | Path,
    out: str | Path,
    integration: Mapping[str, Any],
    *,
    trials: Sequence[int] | None = None,
    trials_of: str | Path | None = None,
    moved: Mapping[str, str] | None = None,
    workers: int = 1,
    scheduler: str | None = None,
    resume: bool = False,
    overwrite: bool = False,
    busy: library.Busy = library.announce,
    report: Callable[[Progress], None] | None = None,
    so_far: SoFar | None = None,
) -> Path:
    """Integrate trials of the simulation `data` otherwise and write them to `out` as a prediction of it.

    data: path of the simulation. out: path of the prediction, which is returned. integration: fields of Integration
    that differ, such as dt_ms. trials: their numbers; None for all finished ones.
    trials_of: a prediction of `data` that has them instead, and says which part of a split they are. moved: paths of
    what `data` was made from, where its own are gone: morphology, biophysics, mechanisms, input_spikes. workers,
    scheduler, resume, busy, report, so_far: as in `simulate`. overwrite: replace the prediction at `out`.
    Raises InputError where `data` cannot be simulated again as it was, or would not be integrated otherwise.
    """
    data, out = Path(data), Path(out)
    if workers < 1:
        raise InputError(f"workers must be at least 1, got {workers}")
    ds = schema.open_dataset(data, "simulation")
    before, morphology = configuration(data, ds, moved or {})
    if before.lif is not None:
        raise InputError(f"{data}: a leaky integrate-and-fire neuron is solved exactly, so it has no noise floor")
    config, device = engine_choice.resolved(changed(before, {"integration": dict(integration)} | ONLY_THE_SOMA))
    told = difference(before.integration, config.integration)
    if not told:
        raise InputError(
            f"{data}: was integrated like that itself; give another --dt, --order, --engine or --tolerance"
        )
    positions, todo, part = _chosen(data, ds, trials, trials_of)
    model = _as_a_model(told, config.integration)
    coords = {"trial": np.array([place.trial for place in todo]), "time_ms": schema.read(ds, "time_ms")}
    coords |= {"source_file": schema.read(ds, "source_file", positions)} | part
    _check_out(out, resume, overwrite)
    if scheduler is None:
        compiling.compiled(config.parameter_set(), config.integration.engine, busy)
    with ExitStack() as stack:
        goes_on = out.exists() and resume
        if goes_on:
            stack.enter_context(store.held(out))
            todo = _unfinished(out, ds, model, coords["trial"], todo)
            if not todo:
                return out
        client = stack.enter_context(connected(min(workers, len(todo)), scheduler, busy, device))
        sent = found_from_anywhere(config)
        together = trials_together(client, sent, device, busy).trials
        if not goes_on:  # what is refused above leaves nothing behind
            with schema.writing_whole(out) as growing:
                schema.create(
                    growing,
                    "prediction",
                    {"soma_v_mv": "f4", "spike_probability": "f4", "trial_crc32": "u4"},
                    coords,
                    dataset_id=f"{ds.attrs['dataset_id']}/{FAMILY}/{told}",
                    config=model,
                    provenance=provenance(morphology, config),
                    truth_id=ds.attrs["dataset_id"],
                )
            stack.enter_context(store.held(out))
        if report is None and so_far is None and notebook.in_notebook():
            so_far = notebook.Bar("Integrating otherwise")
            so_far(len(positions) - len(todo), len(positions))
        run(client, out, sent, todo, len(positions), report, as_prediction, together, device, so_far)
    return out


def as_prediction(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What a prediction holds of a simulated trial: voltage without the spikes' peaks, and their probability."""
    v_mv, times_ms = arrays["soma_v_mv"], arrays["output_spike_time_ms"]
    probability = spike_probability(times_ms[np.isfinite(times_ms)], len(v_mv))
    return {
        "soma_v_mv": np.minimum(v_mv, V_CLIP_MV),
        "spike_probability": np.where(np.isfinite(v_mv), probability, np.nan),  # of a failed trial nothing is known
    }


def difference(before: Integration, after: Integration) -> str:
    """What one integration has that makes it another than `before`, in words; nothing where both compute the same.

    >>> difference(Integration(), Integration(dt_ms=0.0125, second_order=False))
    'dt 0.0125, order 1'
    """
    had = before.in_words()
    return ", ".join(words for of, words in after.in_words().items() if had.get(of) != words)


def _as_a_model(told: str, integration: Integration) -> dict[str, Any]:
    """What the prediction says of the model that made it, as other predictions do."""
    named = {"family": FAMILY, "size": told, "name": f"cell, {told}", "seed": None}
    cost = {"n_parameters": 0, "macs_per_ms": None, "train_trials": None}
    how = integration.model_dump(mode="json")
    if not integration.exact_rates:  # of which floors of before say nothing; the dataset's id tells where it matters
        del how["exact_rates"]
    made = {"trained_on": "", "mode": "simulation", "integration": how}
    return {**named, **cost, **made, "jitter_ms": JITTER_MS}


def _chosen(
    data: Path, ds: xr.Dataset, trials: Sequence[int] | None, trials_of: str | Path | None
) -> tuple[np.ndarray, list[Place], dict[str, np.ndarray]]:
    """Positions in `ds` of the trials, what fixes their input, and the coordinate `part` where they have one."""
    if trials is not None and trials_of is not None:
        raise InputError("only one of --trials and --trials-of can be given")
    if trials_of is None:
        return *places(data, ds, None if trials is None else list(trials)), {}
    other = schema.open_dataset(trials_of, "prediction")
    if other.attrs.get("truth_id") != ds.attrs["dataset_id"]:
        raise InputError(f"{trials_of}: is no prediction of {data}; give one that is, or --trials")
    part = {"part": schema.read(other, "part")} if "part" in other.variables else {}
    return *places(data, ds, schema.read(other, "trial").tolist()), part


def _check_out(out: Path, resume: bool, overwrite: bool) -> None:
    """Raise InputError where `out` cannot be used; nothing but an earlier prediction is ever removed."""
    if resume and overwrite:
        raise InputError("only one of --resume and --overwrite can be given")
    schema.recover(out)
    store.check_writable(out)
    if not out.exists():
        return
    if not resume and not overwrite:
        raise InputError(f"{out}: exists already; give --resume to finish it, or --overwrite")
    try:
        schema.open_dataset(out, "prediction", complete=False)
    except InputError as error:
        raise InputError(
            f"{out}: is there but is not a prediction, so it is left alone; choose another path"
        ) from error


def _unfinished(out: Path, ds: xr.Dataset, model: dict, trials: np.ndarray, todo: list[Place]) -> list[Place]:
    """The trials that the store lacks. Raises InputError for a store of something else."""
    had = schema.open_dataset(out, "prediction", complete=False)
    same = {
        "dataset": had.attrs.get("truth_id") == ds.attrs["dataset_id"],
        "integration": schema.config_of(had) == model,
        "trials": np.array_equal(schema.read(had, "trial"), trials),
    }
    for name, is_same in same.items():
        if not is_same:
            raise InputError(f"{out}: was made with other settings ({name}); give --overwrite, or another path")
    lacking = set(chunks.unfinished(out))
    return [place for place in todo if place.position in lacking]
