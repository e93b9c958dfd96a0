"""Three of NEURON's own cells coupled by spikes, against the same network of surrogates: rates, correlation, synchrony.

    python benchmarks/population_truth.py --out results/population_truth.csv --figure docs/population_truth.png
    python benchmarks/population_truth.py --preset nmda --morphology cell1.asc --model l5pc-nmda --out l5pc.csv

Each cell has `--synapses` excitatory synapses on each other one, weight 1, delays of 2 to 6 ms, and input spikes of its
own, the same for NEURON and for the surrogate. Results come trial by trial, and a run goes on where it was ended; with
--trials 0 the figure is drawn of what there is. A trial of 2 s is 18 s of NEURON's cells (coupled, not coupled, and
coupled with another step, the noise floor): about 90 s of a core.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from neuron_network import NeuronNetwork

from apical.analysis import style
from apical.analysis.scores.uncertainty import enough_trials
from apical.simulate import presets
from apical.simulate.config import Simulation
from apical.simulate.stimulus.statistics import InputStatistics
from apical.simulate.trial.input import TrialInput
from apical.surrogate import Population, Surrogate

N, DELAYS_MS, DRAWS = 3, (2, 6), 20
DURATION_MS, BURN_IN_MS = 2000, 150  # the latter as a fit leaves it out
FLOOR_DT_MS = 0.05
# Held rates within the presets' ranges, such that cells fire at about 6 Hz
EXCITATORY, INHIBITORY_MINUS_EXCITATORY = (500.0, 800.0), (-300.0, -100.0)
COLUMNS = ("network", "synapses", "trial", "draw", "spikes")  # spikes: bins in ms, of cell after cell
NEURON, SURROGATE, FLOOR = "NEURON", "surrogate", f"NEURON, step {FLOOR_DT_MS:g} ms"
COUNT_MS, NEAR_MS, LONGEST_MS = 25, 10, 50
RESAMPLES = 2000
QUANTITIES = ("rate (Hz)", f"correlation of counts in {COUNT_MS} ms", f"coincidences within {NEAR_MS} ms, by chance 1")
LABELS = ("rate (Hz)", "correlation of counts", "coincidences / chance")


def connections(sign_s: np.ndarray, synapses: int) -> dict[str, np.ndarray]:
    """From each cell to each other one."""
    random = np.random.default_rng(0)
    pre, post = np.nonzero(~np.eye(N, dtype=bool))
    excitatory = np.flatnonzero(sign_s > 0)
    drawn = [random.choice(excitatory, synapses, replace=False) for _ in pre]
    return {
        "pre": np.repeat(pre, synapses),
        "post": np.repeat(post, synapses),
        "synapse": np.concatenate(drawn),
        "weight": np.ones(N * (N - 1) * synapses),
        "delay_ms": random.integers(DELAYS_MS[0], DELAYS_MS[1] + 1, N * (N - 1) * synapses),
    }


def of_neuron(network: NeuronNetwork, inputs: list[np.ndarray], coupled: bool, dt_ms: float | None = None) -> str:
    """Bins of the output spikes, as a dataset has them."""
    trials = network.respond(inputs, coupled, dt_ms)
    return "|".join(" ".join(str(int(ms)) for ms in trial.output_spike_times_ms()) for trial in trials)


def of_surrogate(surrogate: Surrogate, inputs: list[np.ndarray], table: dict | None, draw: int) -> str:
    cells, synapses, bins = np.nonzero(np.stack(inputs))
    ds = Population(surrogate, N, table, seed=draw).run(
        DURATION_MS, {"time_ms": bins, "neuron": cells, "synapse": synapses}
    )
    return "|".join(" ".join(map(str, ds.spike_time_ms.values[ds.spike_neuron == cell])) for cell in range(N))


def measure(config: Simulation, surrogate: Surrogate, synapses: int, trials: int, out: Path) -> None:
    """Add trials to the file until it has so many."""
    done = {row["trial"] for row in read(out)} if out.exists() else set()
    if not out.exists():
        out.write_text(",".join(COLUMNS) + "\n")
    todo = [trial for trial in range(trials) if str(trial) not in done]
    if not todo:
        return
    table = connections(surrogate.sign_s, synapses)
    network = NeuronNetwork(config, N, table)
    drawn = TrialInput(config, network.neurons[0])
    for trial in todo:
        inputs = [drawn.trial(N * trial + cell) for cell in range(N)]
        rows = [
            (NEURON, synapses, trial, 0, of_neuron(network, inputs, True)),
            (NEURON, 0, trial, 0, of_neuron(network, inputs, False)),
            (FLOOR, synapses, trial, 0, of_neuron(network, inputs, True, FLOOR_DT_MS)),
        ]
        for draw in range(DRAWS):
            seed = DRAWS * trial + draw
            rows.append((SURROGATE, synapses, trial, draw, of_surrogate(surrogate, inputs, table, seed)))
            rows.append((SURROGATE, 0, trial, draw, of_surrogate(surrogate, inputs, None, seed)))
        with out.open("a", newline="") as file:  # a trial at a time, whole
            csv.writer(file, lineterminator="\n").writerows(rows)
        print(f"trial {trial} of {trials}", flush=True)
    network.close()


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


class Sums(NamedTuple):
    """What a trial adds, draws together; T bins in all.

    seconds, spikes: of all cells. covariance, variance: of counts, over pairs and over cells, about the trial's means.
    near, chance: pairs of spikes of two cells within NEAR_MS, and how many independent cells have. around_l: ordered
    pairs of spikes with a lag of 0 to LONGEST_MS; bins: of a spike and a lag.
    """

    seconds: float
    spikes: float
    covariance: float
    variance: float
    near: float
    chance: float
    around_l: np.ndarray
    bins: float


def sums(spikes: list[str]) -> Sums:
    """spikes: of each draw, as the file has them."""
    count = np.zeros((len(spikes), N, DURATION_MS))
    for draw, text in enumerate(spikes):
        for cell, bins in enumerate(text.split("|")):
            count[draw, cell, [int(ms) for ms in bins.split()]] = 1
    count = count[..., BURN_IN_MS:]
    n_draws, _, n_bins = count.shape
    whole = n_bins // COUNT_MS * COUNT_MS
    slow = count[..., :whole].reshape(n_draws, N, -1, COUNT_MS).sum(-1)
    slow = slow - slow.mean(-1, keepdims=True)
    covariance = np.einsum("dit,djt->ij", slow, slow)
    ordered = [(i, j) for i in range(N) for j in range(N) if i != j]
    around = np.zeros(LONGEST_MS + 1)
    for lag in range(LONGEST_MS + 1):
        around[lag] = sum(
            (count[:, i, : n_bins - lag] * count[:, j, lag:]).sum() / (1 - lag / n_bins) for i, j in ordered
        )
    n_each = count.sum(-1)
    chance = sum((n_each[:, i] * n_each[:, j]).sum() for i, j in ordered) * (2 * NEAR_MS + 1) / n_bins / 2
    near = around[0] / 2 + around[1 : NEAR_MS + 1].sum()
    off = covariance[~np.eye(N, dtype=bool)].mean()
    seconds, n_spikes = n_draws * N * n_bins / 1000, count.sum()
    return Sums(seconds, n_spikes, off, covariance.trace() / N, near, chance, around, n_spikes * (N - 1))


def quantities(total: Sums) -> np.ndarray:
    return np.array(
        [total.spikes / total.seconds, total.covariance / total.variance, total.near / max(total.chance, 1e-9)]
    )


def correlogram_hz(total: Sums) -> np.ndarray:
    """Rate of another cell at each lag after a spike."""
    return 1000 * total.around_l / total.bins


def added(trials: list[Sums], chosen: np.ndarray) -> Sums:
    return Sums(*(sum(trials[i][at] for i in chosen) for at in range(len(Sums._fields))))


def intervals(trials: list[Sums], of) -> tuple[np.ndarray, np.ndarray]:
    """A value and its 95 % interval over trials (2, …), by bootstrap; NaN where trials are too few for one."""
    random, n = np.random.default_rng(0), len(trials)
    value = of(added(trials, np.arange(n)))
    if not enough_trials(n):
        return value, np.full((2, *value.shape), np.nan)
    values = [of(added(trials, random.integers(n, size=n))) for _ in range(RESAMPLES)]
    return value, np.percentile(values, [2.5, 97.5], axis=0)


def by_network(rows: list[dict[str, str]]) -> dict[tuple[str, bool], list[Sums]]:
    found: dict[tuple[str, bool], dict[int, list[str]]] = {}
    for row in rows:
        of = found.setdefault((row["network"], row["synapses"] != "0"), {})
        of.setdefault(int(row["trial"]), []).append(row["spikes"])
    return {key: [sums(of[trial]) for trial in sorted(of)] for key, of in found.items()}


ORDER = ((NEURON, True), (SURROGATE, True), (FLOOR, True), (NEURON, False), (SURROGATE, False))
COLOURS = {NEURON: style.BLACK, SURROGATE: style.PALETTE[1], FLOOR: style.GREY}


def told(network: str, coupled: bool) -> str:
    return network if coupled else f"{network}, not coupled"


def table(found: dict[tuple[str, bool], list[Sums]]) -> str:
    lines = [f"|  | {' | '.join(QUANTITIES)} |", "| --- | --- | --- | --- |"]
    for key in ORDER:
        value, (low, high) = intervals(found[key], quantities)
        cells = [
            f"{v:.2f}" + ("" if np.isnan(a) else f" ({a:.2f} to {b:.2f})")
            for v, a, b in zip(value, low, high, strict=True)
        ]
        lines.append(f"| {told(*key)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def draw(rows: list[dict[str, str]], out: Path) -> None:
    found = by_network(rows)
    n_trials, synapses = len(found[NEURON, True]), next(row["synapses"] for row in rows if row["synapses"] != "0")
    with style.style():
        figure = style.figure(3.6)
        upper, lower = figure.subfigures(2, 1, height_ratios=(1, 1.25))
        raster(upper, rows)
        axes = lower.subplots(1, 4, width_ratios=(1, 1, 1, 1.9))
        for at, label in enumerate(LABELS):
            for place, key in enumerate(ORDER):
                value, between = intervals(found[key], quantities)
                mark = {"color": COLOURS[key[0]], "marker": "o" if key[1] else "s", "mfc": None if key[1] else "white"}
                error = np.abs(between[:, at : at + 1] - value[at])
                axes[at].errorbar([place], value[at : at + 1], error, ms=4, lw=1, label=told(*key), **mark)
            axes[at].set(xticks=[], xlim=(-0.7, len(ORDER) - 0.3), ylabel=label)
            axes[at].axhline((0, 0, 1)[at], color=style.PALE, lw=0.6, zorder=0)
        for key in ORDER:
            value, between = intervals(found[key], correlogram_hz)
            smooth = [np.convolve(each, np.ones(5) / 5, "valid") for each in (value, *between)]
            lags = np.arange(2, LONGEST_MS - 1)
            axes[3].plot(lags, smooth[0], color=COLOURS[key[0]], ls="-" if key[1] else ":", lw=1)
            if key[0] != FLOOR and key[1]:
                axes[3].fill_between(lags, *smooth[1:], color=COLOURS[key[0]], alpha=0.15, lw=0)
        axes[3].set(xlabel="lag after a spike (ms)", ylabel="rate of another cell (Hz)", ylim=(0, None))
        handles, labels = axes[0].get_legend_handles_labels()
        legend = figure.legend(handles, labels, loc="outside lower left", ncols=len(ORDER))
        intervals_are = "Bars and bands: 95 % intervals over trials (bootstrap)."
        text = (
            f"Three cells, {synapses} excitatory synapses of weight 1 from each to each other, delays of "
            f"{DELAYS_MS[0]} to {DELAYS_MS[1]} ms; trials of {DURATION_MS / 1000:g} s, {n_trials} so far, with input "
            f"of their own, the first {BURN_IN_MS} ms left out. Above: the first trial, one draw of the surrogate; "
            f"below: {DRAWS} draws. Correlation: of counts in bins of {COUNT_MS} ms. Coincidences: pairs of spikes of "
            f"two cells within {NEAR_MS} ms, as a multiple of those of independent cells. Lags are means of 5 ms. "
            + (intervals_are if enough_trials(n_trials) else "Too few trials for intervals.")
        )
        style.caption(figure, text, [legend])
        style.save_figure(figure, out)


def raster(panel, rows: list[dict[str, str]]) -> None:
    """Spikes of the first trial, coupled and not."""
    axes = panel.subplots(1, 2, sharey=True)
    first = min(int(row["trial"]) for row in rows)
    for ax, coupled in zip(axes, (True, False), strict=True):
        for row in rows:
            shown = int(row["trial"]) == first and row["draw"] == "0" and (row["synapses"] != "0") == coupled
            if not shown or row["network"] == FLOOR:
                continue
            trains = [[int(ms) / 1000 for ms in bins.split()] for bins in row["spikes"].split("|")]
            below = N + 0.6 if row["network"] == SURROGATE else 0
            ax.eventplot(
                trains, lineoffsets=below + np.arange(N), linelengths=0.8, colors=COLOURS[row["network"]], lw=0.8
            )
        ax.set(xlabel="time (s)", xlim=(0, DURATION_MS / 1000), title="coupled" if coupled else "not coupled")
        ax.set_yticks([1, N + 1.6], [NEURON, SURROGATE])
        ax.tick_params(axis="y", length=0)
        ax.axvspan(0, BURN_IN_MS / 1000, color=style.SHADED, lw=0, zorder=0)
    axes[0].invert_yaxis()  # and so the other, which shares it


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="nmda-ttpc1")
    parser.add_argument("--morphology", help="in place of the preset's")
    parser.add_argument("--biophysics", help="in place of the preset's")
    parser.add_argument("--model", default="ttpc1-nmda", help="a surrogate of that cell")
    parser.add_argument("--synapses", type=int, default=40, help="from each cell to each other one")
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--seed", type=int, default=20, help="of the input")
    parser.add_argument("--out", type=Path, default=Path("population_truth.csv"))
    parser.add_argument("--figure", type=Path)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    ranges = {f"excitatory_{tree}": EXCITATORY for tree in ("basal", "apical")} | {
        f"inhibitory_minus_excitatory_{tree}": INHIBITORY_MINUS_EXCITATORY for tree in ("basal", "apical")
    }
    changes = {"statistics": InputStatistics.model_validate(ranges), "seed": asked.seed, "seconds": DURATION_MS / 1000}
    changes |= {name: getattr(asked, name) for name in ("morphology", "biophysics") if getattr(asked, name)}
    config = presets.preset(asked.preset).model_copy(update=changes)
    measure(config, Surrogate.load(asked.model), asked.synapses, asked.trials, asked.out)
    rows = read(asked.out)
    print(table(by_network(rows)))
    if asked.figure is not None:
        draw(rows, asked.figure)


if __name__ == "__main__":
    main()
