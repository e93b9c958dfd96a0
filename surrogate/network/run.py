"""A network from its file to a dataset of spikes: put together, run, kept at intervals, gone on with."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr

from ...simulate.schema import InputError, notebook, recover
from ..population.arriving import Arriving
from ..population.connections import BYTES
from ..population.population import Population, check_memory
from ..population.saved import identity
from ..provenance import provenance
from ..use.checkpoint import Surrogate
from .config import SIGNS, Cells, Network, read_network
from .store import open_store, write_store
from .tables import read_columns
from .unfinished import Unfinished
from .wiring import Neurons, table_of

KEEP_EVERY_S, MOST_HELD_BYTES = 10.0, 1 << 28
AT_ONCE_MS = 100  # between two looks at the clock


def run_population(
    network: str | Path | Mapping[str, Any],
    out: str | Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    report: Callable[[int, int, str], None] | None = None,
) -> xr.Dataset:
    """Run the network of a TOML file, and return its dataset, opened: what `Population.run` gives, and its provenance.

    network: path of the file, in which paths begin at its folder; or its fields. The guide to populations lists them.
    out: where the dataset is written; until it is whole, what was done so far is in OUT.partial, at most ten seconds
    old. resume: go on from there, to the same dataset bit for bit; where nothing is there, begin.
    overwrite: replace the dataset at `out`, and what is left of an unfinished run.
    report: called with ms done, ms in all, and the mean rate in words; in a notebook, a bar shows them.
    Raises InputError naming file, field and value for what is no network, or where `out` is there already.
    """
    config, called, folder = read_network(network)
    out, n = Path(out), sum(group.n for group in config.groups)
    check_memory(n * BYTES, f"{called}: {n:,} neurons")
    surrogates = _surrogates(config, called, folder)
    sign_sets = [each.sign_s for each in surrogates]
    stops = np.cumsum([group.n for group in config.groups]).tolist()
    numbers = [range(stop - group.n, stop) for group, stop in zip(config.groups, stops, strict=True)]
    neurons = Neurons(numbers, sign_sets)
    table = table_of(config, neurons, folder)
    spikes = _input(config, neurons, folder)
    rates = [_rate(*each) for each in zip(config.groups, sign_sets, strict=True)]
    try:
        population = Population(
            surrogates,
            [each.n for each in config.groups],
            table,
            1,
            config.seed,
            poisson_hz=rates,
            threshold=config.threshold,
        )
    except InputError as error:
        raise InputError(f"{called}: {error}") from error
    groups = [
        {**g.model_dump(), **s.describe(), "group": g.name} for g, s in zip(config.groups, surrogates, strict=True)
    ]
    told = config.model_dump(mode="json") | {"path": population.path, "groups": groups}
    weights = [each.numpy() for surrogate in surrogates for each in surrogate.model.state_dict().values()]
    arrays = [*weights, *sign_sets, *(table or {}).values(), *(spikes or {}).values()]
    dataset_id = identity(arrays, told)[:16]
    files = [wiring.file for wiring in config.connections] + [config.input_spikes]
    attrs = {
        "dataset_id": dataset_id,
        "config": json.dumps(told),
        "provenance": json.dumps(
            provenance(torch.device("cpu")) | {"files": [_told(folder / each) for each in files if each]}
        ),
    }
    del table, arrays
    if _is_done(out, dataset_id, resume=resume, overwrite=overwrite):
        Unfinished(out).remove()
        return open_store(out)
    unfinished = _started(out, dataset_id, resume=resume, overwrite=overwrite)
    unfinished.take_over(population)
    if report is None and notebook.in_notebook():
        report = notebook.Bar("Population", "ms")
    _run(population, config, spikes, unfinished, report)
    write_store(out, unfinished.parts(), config.record, config.duration_ms, attrs)
    unfinished.remove()
    return open_store(out)


def _run(
    population: Population,
    config: Network,
    spikes: dict[str, np.ndarray] | None,
    unfinished: Unfinished,
    report: Callable[[int, int, str], None] | None,
) -> None:
    n_spikes, began_ms = 0, population.time_ms
    runs, kept_s = [], time.monotonic()
    while population.time_ms < config.duration_ms:
        now_ms = population.time_ms
        length_ms = min(AT_ONCE_MS, config.duration_ms - now_ms)
        runs.append(population.run(length_ms, _between(spikes, now_ms, now_ms + length_ms), config.record))
        n_spikes += runs[-1].sizes["spike"]
        if report is not None:
            rate_hz = 1000 * n_spikes / population.n / (population.time_ms - began_ms)
            report(population.time_ms, config.duration_ms, f"{rate_hz:.1f} Hz")
        done = population.time_ms == config.duration_ms
        if done or time.monotonic() - kept_s >= KEEP_EVERY_S or sum(run.nbytes for run in runs) >= MOST_HELD_BYTES:
            unfinished.keep(runs, population)
            runs, kept_s = [], time.monotonic()


def _surrogates(config: Network, called: str, folder: Path) -> list[Surrogate]:
    """The model of each group, each read once."""
    found: dict[str, Surrogate] = {}
    for at, group in enumerate(config.groups):
        if group.model not in found:
            here = folder / group.model
            try:
                found[group.model] = Surrogate.load(here if here.is_dir() else group.model)
                found[group.model].sign_s  # noqa: B018  # refuses a run that does not tell
            except InputError as error:
                raise InputError(f"{called}: groups.{at}.model: {error}") from error
    return [found[group.model] for group in config.groups]


def _rate(group: Cells, sign_s: np.ndarray) -> np.ndarray | float | None:
    if not isinstance(group.poisson_hz, dict):
        return None if group.poisson_hz is None else np.asarray(group.poisson_hz)
    rate_hz_s = np.zeros(len(sign_s))
    for sign, rate_hz in group.poisson_hz.items():
        rate_hz_s[sign_s == SIGNS[sign]] = rate_hz
    return rate_hz_s


def _input(config: Network, neurons: Neurons, folder: Path) -> dict[str, np.ndarray] | None:
    """Spikes from outside, in order of time. Raises InputError naming the file and the spike at fault."""
    if config.input_spikes is None:
        return None
    spikes = read_columns(folder / config.input_spikes)
    try:
        Arriving.of(spikes, neurons.n_inputs_n, 0, config.duration_ms)
    except InputError as error:
        raise InputError(f"{folder / config.input_spikes}: {error}") from error
    order = np.argsort(np.floor(spikes["time_ms"]), kind="stable")
    return {name: values[order] for name, values in spikes.items()}


def _between(spikes: dict[str, np.ndarray] | None, start_ms: int, stop_ms: int) -> dict[str, np.ndarray] | None:
    if spikes is None:
        return None
    first, last = np.searchsorted(np.floor(spikes["time_ms"]), (start_ms, stop_ms))
    return {name: values[first:last] for name, values in spikes.items()}


def _told(path: Path) -> dict[str, str]:
    with path.open("rb") as file:
        return {"name": path.name, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def _is_done(out: Path, dataset_id: str, *, resume: bool, overwrite: bool) -> bool:
    recover(out)
    if not out.exists():
        return False
    there = open_store(out)
    if resume and there.attrs["dataset_id"] == dataset_id:
        return True
    if not overwrite:
        raise InputError(f"{out}: exists already; --overwrite replaces it")
    return False


def _started(out: Path, dataset_id: str, *, resume: bool, overwrite: bool) -> Unfinished:
    unfinished = Unfinished(out)
    if unfinished.exists() and not (resume or overwrite):
        raise InputError(
            f"{unfinished.folder}: an unfinished run is there; --resume goes on with it, --overwrite begins again"
        )
    if not (resume and unfinished.is_of(dataset_id)):
        unfinished.begin(dataset_id)
    return unfinished
