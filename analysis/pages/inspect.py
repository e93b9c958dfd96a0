"""What a dataset holds, in numbers and as one picture. Trials are read one at a time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...simulate.schema import DONE, FAILED, UNKNOWN_TREE, InputError, config_of, open_dataset, read
from ..dataset_title import dataset_title, is_lif
from ..metrics.pair import DROP_MS
from ..plots import (
    OF_PROBABILITY,
    SIGNS,
    UNTOLD,
    draw_input_rates,
    draw_nexus,
    draw_not_scored,
    draw_output_spikes,
    draw_probability,
    draw_raster,
    draw_voltage,
    looks_of,
    synapse_groups,
    time_limits_s,
    trial_position,
    untold,
)
from ..style import BLACK, caption, check_suffix, figure, save_figure, style
from .flags import flags
from .inspect_panels import draw_dendrites, draw_isi, draw_mean_input_rates, draw_output_rates
from .scan import Scan, output_counts, scan

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

# Panels of one trial, from its inputs to its output: the variable that each needs, and its height in inches
PANELS = {
    "raster": ("input_spikes", 1.9),
    "rates": ("input_spikes", 0.8),
    "dendrites": ("dendrite_v_mv", 1.5),
    "nexus": ("nexus_v_mv", 0.6),
    "voltage": ("soma_v_mv", 0.9),
    "probability": ("spike_probability", 0.6),
}


def summary(path: str | Path, scanned: Scan | None = None) -> dict[str, Any]:
    """Describe a dataset in numbers: what it holds, its rates and flags, and where it comes from.

    path: of the dataset. scanned: what `scan` found in it; None to scan it now.
    Rates are in Hz, input rates per synapse, over finished trials; a prediction's output rate is the expected one.
    What a dataset of this kind does not have is left out. Values are plain, fit for JSON.
    Raises InputError for a missing, damaged or unfinished store.
    """
    ds = open_dataset(path)
    scanned = scan(path) if scanned is None else scanned
    provenance, config, finished = json.loads(ds.attrs["provenance"]), config_of(ds), scanned.finished
    found: dict[str, Any] = {
        "path": str(path),
        "title": dataset_title(ds),
        "kind": ds.attrs["kind"],
        "dataset_id": ds.attrs["dataset_id"],
        "n_trials": int(ds.sizes["trial"]),
        "n_failed_trials": int((scanned.status == FAILED).sum()),
        "duration_s": ds.sizes["time_ms"] / 1000,
        "size_on_disk_bytes": sum(file.stat().st_size for file in Path(path).rglob("*") if file.is_file()),
    }
    named = ("preset",) if is_lif(config) else ("preset", "morphology", "biophysics")
    found |= {key: config[key] for key in named if key in config}
    found |= {"neuron": "leaky integrate-and-fire"} if is_lif(config) else {}
    if "segment_type" in ds:
        if untold(ds):
            found["morphology"] = UNTOLD
        else:
            found["n_segments"] = {tree: int((ds["segment_type"] == tree).sum()) for tree in ("basal", "apical")}
    if scanned.input_count:
        found |= _input_rates(ds, scanned)
    rate_hz = scanned.output_count / found["duration_s"]
    if finished.size:
        found["output_rate_hz"] = {name: float(getattr(rate_hz[finished], name)()) for name in ("mean", "min", "max")}
    is_simulation = ds.attrs["kind"] == "simulation"
    if finished.size and is_simulation:
        found["fraction_of_trials_with_spikes"] = float((rate_hz[finished] > 0).mean())
    if scanned.isi_ms.size:
        isi_ms = scanned.isi_ms
        found["output_isi_ms"] = {"n": isi_ms.size, "min": float(isi_ms.min()), "median": float(np.median(isi_ms))}
    trials = np.asarray(ds["trial"])
    found["flags"] = flags(trials, scanned.faults, finished, rate_hz if is_simulation else None)
    return found | {"config": config, "provenance": provenance}


def _input_rates(ds: xr.Dataset, scanned: Scan) -> dict[str, Any]:
    sign, seconds, finished = np.asarray(ds["synapse_sign"]), ds.sizes["time_ms"] / 1000, scanned.finished
    found: dict[str, Any] = {}
    for value, name in SIGNS.items():
        n_synapses = int((sign == value).sum())
        found[f"n_{name}_synapses"] = n_synapses
        counts = [count[finished] for (_, of_sign), count in scanned.input_count.items() if of_sign == value]
        if n_synapses and finished.size:
            per_trial = float(np.sum(counts, axis=0).mean())
            found[f"{name}_rate_hz"] = per_trial / n_synapses / seconds
            found[f"{name}_spikes_per_trial"] = per_trial
    if finished.size:
        found["input_rate_hz"] = {
            SIGNS[value] if tree == UNKNOWN_TREE else f"{tree} {SIGNS[value]}": float(
                scanned.input_count[tree, value][finished].mean() / at.size / seconds
            )
            for (tree, value), at in synapse_groups(ds).items()
        }
    return found


def typical_trial(ds: xr.Dataset, output_count: np.ndarray | None = None) -> int:
    """Number of the trial with the (upper) median count of output spikes of those that have any, else the first.

    output_count (B,): of the B trials; None to count now.
    Raises InputError where no trial is finished.
    """
    finished = np.flatnonzero(read(ds, "trial_status") == DONE)
    if not finished.size:
        raise InputError(f"{ds.encoding.get('source', 'dataset')}: no trial is finished; there is nothing to draw")
    counts = (output_counts(ds) if output_count is None else output_count)[finished]
    spiking = finished[counts > 0]
    ordered = spiking[np.argsort(counts[counts > 0], kind="stable")]
    return int(ds["trial"][ordered[ordered.size // 2] if ordered.size else finished[0]])


def inspect_figure(path: str | Path, out: str | Path, trial: int | None = None, scanned: Scan | None = None) -> Path:
    """Draw one trial (inputs, voltages, output), and the rates and intervals of all; returns the figure's path.

    path: of the dataset. out: path of the figure. trial: its number; None for a typical one. scanned: what `scan`
    found; None to scan the dataset now.
    Raises InputError for a store that cannot be read, an absent trial, or a path that cannot be written.
    """
    check_suffix(out)
    ds = open_dataset(path)
    at = None if trial is None else trial_position(ds, trial)
    scanned = scan(path) if scanned is None else scanned
    if trial is None or at is None:
        trial = typical_trial(ds, scanned.output_count)
        at = trial_position(ds, trial)
    heights = {name: height for name, (variable, height) in PANELS.items() if variable in ds}
    below = [0.85, 0.85] if "input_spikes" in ds else [0.85]  # panels of all trials
    with style():
        fig = figure(sum(heights.values()) + sum(below) + 0.16 * len(heights) + 0.4 * len(below) + 0.25)
        grid = fig.add_gridspec(len(heights) + len(below), 6, height_ratios=[*heights.values(), *below])
        panels: dict[str, Axes] = {}
        for row, name in enumerate(heights):
            panels[name] = fig.add_subplot(grid[row, :], sharex=next(iter(panels.values()), None))
            panels[name].tick_params(labelbottom=row == len(heights) - 1)
        _draw_trial(panels, ds, at)
        first, *_, last = [*panels.values()] * 2
        first.set_title(f"{dataset_title(ds)}: trial {trial}", loc="left")
        last.set(xlabel="time (s)", xlim=time_limits_s(ds))
        by_trial = fig.add_subplot(grid[len(heights), :4])
        draw_output_rates(by_trial, fig.add_subplot(grid[len(heights), 4:], sharey=by_trial), ds, scanned, at)
        left = [*panels.values(), by_trial]
        if "input_spikes" in ds:
            middle = 3 if scanned.isi_ms.size else 0
            rates = fig.add_subplot(grid[-1, middle:])
            n_synapses = {group: at.size for group, at in synapse_groups(ds).items()}
            draw_mean_input_rates(rates, ds, scanned, n_synapses)
            left.append(fig.add_subplot(grid[-1, :middle]) if middle else rates)
            if middle:
                draw_isi(left[-1], ds, scanned.isi_ms)
        fig.align_ylabels(left)
        caption(fig, _caption(ds, panels))
        return save_figure(fig, out)


def _caption(ds: xr.Dataset, panels: dict[str, Axes]) -> str:
    """What the words of the figure mean, as far as they are on it."""
    config = config_of(ds)
    simulated, lif = ds.attrs["kind"] == "simulation", is_lif(config)
    told = ["Named by input preset, morphology and parameter set."] if "preset" in config and not lif else []
    told += ["LIF: leaky integrate-and-fire."] if lif else []
    told.append(f"Shaded: the first {DROP_MS} ms, which scores leave out.")
    if "raster" in panels:
        by = f"sign; {UNTOLD}" if untold(ds) else "tree and sign"
        told.append(f"Top: every input spike as a dot, synapses by {by}.")
    if "nexus" in panels:
        told.append("Nexus: where the apical trunk forks into the tuft.")
    if lif or (simulated and untold(ds)):
        told.append("Triangles: output spikes.")
    elif simulated:
        told.append(
            "Triangles: output spikes, which are somatic peaks above −25 mV in the fine voltage (a sample each ms is "
            "drawn); smaller ones, where the axon fires and the soma does not follow, are none."
        )
    return " ".join([*told, OF_PROBABILITY] if "probability" in panels else told)


def _draw_trial(panels: dict[str, Axes], ds: xr.Dataset, at: int) -> None:
    if "raster" in panels:
        spikes = read(ds, "input_spikes", at)
        draw_raster(panels["raster"], ds, spikes)
        draw_input_rates(panels["rates"], ds, spikes)
    if "dendrites" in panels:
        draw_dendrites(panels["dendrites"], ds, at)
    if "nexus" in panels:
        draw_nexus(panels["nexus"], ds, at, BLACK)
    is_simulation = ds.attrs["kind"] == "simulation"
    colour = BLACK if is_simulation else looks_of([ds])[0].colour
    draw_voltage(panels["voltage"], ds, at, colour)
    if is_simulation:
        draw_output_spikes(panels["voltage"], ds, at)
    if "probability" in panels:
        draw_probability(panels["probability"], ds, at, colour)
        panels["probability"].set_ylim(0, None)
    for name, axes in panels.items():
        draw_not_scored(axes, ds, over=name in ("raster", "dendrites"))
