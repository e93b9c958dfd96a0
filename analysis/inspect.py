"""What a dataset holds, in numbers and as one picture. Inputs are read one trial at a time.

B trials.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..simulate.schema import DONE, FAILED, InputError, config_of, open_dataset, read
from .look import BLACK, GREY, PALETTE, check_suffix, figure, save, style
from .plots import (
    SIGNS,
    draw_input_rates,
    draw_output_spikes,
    draw_probability,
    draw_raster,
    draw_voltage,
    time_limits_s,
    trial_position,
)

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes


def summary(path: str | Path) -> dict[str, Any]:
    """Describe a dataset in numbers: what it holds, its input and output rates, and where it comes from.

    Rates are in Hz, input rates per synapse, over finished trials; a prediction's output rate is the expected one.
    What a dataset of this kind does not have is left out. Values are plain, fit for JSON.
    Raises InputError for a missing, damaged or unfinished store.
    """
    ds = open_dataset(path)
    status, provenance, config = read(ds, "trial_status"), json.loads(ds.attrs["provenance"]), config_of(ds)
    finished = np.flatnonzero(status == DONE)
    found: dict[str, Any] = {
        "path": str(path),
        "title": dataset_title(ds),
        "kind": ds.attrs["kind"],
        "dataset_id": ds.attrs["dataset_id"],
        "n_trials": int(ds.sizes["trial"]),
        "n_failed_trials": int((status == FAILED).sum()),
        "duration_s": ds.sizes["time_ms"] / 1000,
        "size_on_disk_bytes": sum(file.stat().st_size for file in Path(path).rglob("*") if file.is_file()),
    }
    found |= {key: config[key] for key in ("preset", "morphology", "biophysics") if key in config}
    if "segment_type" in ds:
        found["n_segments"] = {tree: int((ds["segment_type"] == tree).sum()) for tree in ("basal", "apical")}
    if "input_spikes" in ds:
        found |= _input_rates(ds, finished)
    if finished.size:
        rate_hz = output_counts(ds)[finished] / found["duration_s"]
        found["output_rate_hz"] = {name: float(getattr(rate_hz, name)()) for name in ("mean", "min", "max")}
        if ds.attrs["kind"] == "simulation":
            found["fraction_of_trials_with_spikes"] = float((rate_hz > 0).mean())
    return found | {"config": config, "provenance": provenance}


def dataset_title(ds: xr.Dataset) -> str:
    """What a dataset is, in a few words for people: input preset, morphology and parameter set, or who made it."""
    config = config_of(ds)
    told = [Path(config[key]).name for key in ("preset", "morphology", "biophysics") if key in config]
    return ", ".join(told) or config.get("made_by") or config.get("name") or ds.attrs["dataset_id"]


def _input_rates(ds: xr.Dataset, finished: np.ndarray) -> dict[str, Any]:
    sign = np.asarray(ds["synapse_sign"])
    counts = np.array([read(ds, "input_spikes", trial).sum(axis=1) for trial in finished]).reshape(-1, sign.size)
    found: dict[str, Any] = {}
    for value, name in SIGNS.items():
        of_sign = counts[:, sign == value]
        found[f"n_{name}_synapses"] = int(of_sign.shape[1])
        if of_sign.size:
            found[f"{name}_rate_hz"] = float(of_sign.mean() / ds.sizes["time_ms"] * 1000)
            found[f"{name}_spikes_per_trial"] = float(of_sign.sum(axis=1).mean())
    return found


def output_counts(ds: xr.Dataset) -> np.ndarray:
    """Output spikes of each trial, (B,): counted in a simulation, expected (summed probability) in a prediction."""
    if ds.attrs["kind"] == "simulation":
        return np.isfinite(read(ds, "output_spike_time_ms")).sum(axis=1)
    return np.array([read(ds, "spike_probability", trial).sum(dtype=float) for trial in range(ds.sizes["trial"])])


def typical_trial(ds: xr.Dataset) -> int:
    """Number of the trial with the (upper) median count of output spikes of those that have any, else the first."""
    finished = np.flatnonzero(read(ds, "trial_status") == DONE)
    if not finished.size:
        raise InputError(f"{ds.encoding.get('source', 'dataset')}: no trial is finished; there is nothing to draw")
    counts = output_counts(ds)[finished]
    spiking = finished[counts > 0]
    ordered = spiking[np.argsort(counts[counts > 0], kind="stable")]
    return int(ds["trial"][ordered[ordered.size // 2] if ordered.size else finished[0]])


def inspect_figure(path: str | Path, out: str | Path, trial: int | None = None) -> Path:
    """Draw one trial (inputs, soma voltage, output) and the output rates of all; returns the figure's path.

    trial: number of the trial; None for a typical one.
    Raises InputError for a store that cannot be read, an absent trial, or a path that cannot be written.
    """
    check_suffix(out)
    ds = open_dataset(path)
    trial = typical_trial(ds) if trial is None else trial
    at, has_inputs, has_probability = trial_position(ds, trial), "input_spikes" in ds, "spike_probability" in ds
    heights = {"raster": 2.6 * has_inputs, "voltage": 1.2, "probability": 0.6 * has_probability, "rates": has_inputs}
    heights = {name: height for name, height in heights.items() if height}
    with style():
        fig = figure(sum(heights.values()) + 2.0)
        grid = fig.add_gridspec(len(heights) + 1, 2, width_ratios=(3, 1), height_ratios=[*heights.values(), 1.1])
        panels: dict[str, Axes] = {}
        for row, name in enumerate(heights):
            panels[name] = fig.add_subplot(grid[row, :], sharex=next(iter(panels.values()), None))
            panels[name].tick_params(labelbottom=row == len(heights) - 1)
        if has_inputs:
            spikes = read(ds, "input_spikes", at)
            draw_raster(panels["raster"], ds, spikes)
            draw_input_rates(panels["rates"], ds, spikes)
        draw_voltage(panels["voltage"], ds, at, BLACK)
        if ds.attrs["kind"] == "simulation":
            draw_output_spikes(panels["voltage"], ds, at)
        if has_probability:
            draw_probability(panels["probability"], ds, at, PALETTE[2])
            panels["probability"].set_ylim(0, None)
        first, *_, last = [*panels.values()] * 2
        first.set_title(f"{dataset_title(ds)}: trial {trial}", loc="left")
        last.set(xlabel="time (s)", xlim=time_limits_s(ds))
        by_trial = fig.add_subplot(grid[-1, 0])
        _draw_output_rates(by_trial, fig.add_subplot(grid[-1, 1], sharey=by_trial), ds, at)
        fig.align_ylabels([*panels.values(), by_trial])
        return save(fig, out)


def _draw_output_rates(by_trial: Axes, histogram: Axes, ds: xr.Dataset, at: int) -> None:
    """Draw every finished trial's output rate, the shown trial marked, and beside it how often each rate occurs."""
    from matplotlib.ticker import MaxNLocator

    finished = np.flatnonzero(read(ds, "trial_status") == DONE)
    rate_hz, trials = output_counts(ds) / (ds.sizes["time_ms"] / 1000), np.asarray(ds["trial"])
    mean_hz = rate_hz[finished].mean()
    by_trial.plot(trials[finished], rate_hz[finished], ".", ms=4, mew=0, color=BLACK, clip_on=False, zorder=3)
    by_trial.plot(trials[at], rate_hz[at], "o", ms=6, mfc="none", color=PALETTE[2], clip_on=False, label="trial above")
    by_trial.axhline(mean_hz, color=BLACK, lw=0.7, ls=(0, (5, 3)), label=f"mean {mean_hz:.2g} Hz")
    by_trial.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0)
    expected = "" if ds.attrs["kind"] == "simulation" else "expected "
    top = max(rate_hz[finished].max(), 1e-9)
    by_trial.set(xlabel="trial", ylabel=f"{expected}output\nrate (Hz)", ylim=(0, 1.1 * top))
    histogram.hist(rate_hz[finished], bins=20, range=(0, top), orientation="horizontal", color=GREY)
    histogram.set_xlabel("number of trials")
    histogram.tick_params(labelleft=False)
    for axes in (by_trial, histogram):
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
