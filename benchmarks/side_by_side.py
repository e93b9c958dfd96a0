"""Throughput as a function of the trials side by side: engine 'batched' on one core, or on the GPU, beside CoreNEURON.

    python benchmarks/side_by_side.py --morphology ../shared/data/hay2011/cell1.asc --out docs/side_by_side.png
    python benchmarks/side_by_side.py --morphology cell1.asc --device cuda --out gpu.png

Simulated seconds per second of wall time, at dt 0.025, second order, all trials with input of their own. Draws the
figure and prints its numbers. Run it where nothing else does; it takes about 3 minutes.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from apical.analysis import style
from apical.simulate import config, presets
from apical.simulate.engine.interface import Integration
from apical.simulate.trial.experiment import Experiment

DRAWN = 64  # so many trials' input is drawn; more side by side get the same again
WAYS = {
    "batched, 32-bit": Integration(engine="batched"),
    "batched, 64-bit": Integration(engine="batched", precision="float64"),
    "CoreNEURON": Integration(engine="coreneuron"),
}
COUNTS = {"cpu": (1, 2, 4, 8, 16, 32, 64), "cuda": (32, 128, 512, 1024, 2048, 4096, 8192, 16384)}


def measure(
    chosen: config.Simulation, integration: Integration, counts: tuple[int, ...], seconds: float, device: str
) -> list[float]:
    """Simulated seconds per second for each number of trials."""
    experiment = Experiment(chosen.model_copy(update={"integration": integration}), device)
    ms = round(seconds * 1000)
    drawn = [
        [np.flatnonzero(row) for row in experiment.input_spikes(number)[:, :ms]]
        for number in range(min(max(counts), DRAWN))
    ]
    paces = []
    for n in counts:
        events_ms = [drawn[number % len(drawn)] for number in range(n)]
        list(experiment.neuron.respond_to_events([[each[:0] for each in events_ms[0]]] * n, 20))
        began = time.perf_counter()
        list(experiment.neuron.respond_to_events(events_ms, ms))
        paces.append(n * seconds / (time.perf_counter() - began))
    return paces


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--morphology", default="ttpc1")
    parser.add_argument("--preset", default="nmda")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--device", choices=tuple(COUNTS), default="cpu")
    parser.add_argument("--counts", type=int, nargs="+", help="trials side by side, in place of the device's")
    parser.add_argument("--out", type=Path, default=Path("side_by_side.png"))
    options = parser.parse_args()
    chosen = presets.preset(options.preset).model_copy(update={"morphology": options.morphology, "seed": options.seed})
    found: dict[str, tuple[tuple[int, ...], list[float]]] = {}
    print(f"{'way':<34}{'trials':>8}{'simulated s per s':>20}")
    for name, integration in WAYS.items():
        device = options.device if integration.engine == "batched" else "cpu"
        counts = tuple(options.counts or COUNTS[device]) if integration.engine == "batched" else (1,)
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:  # NEURON's state is global
            paces = pool.submit(measure, chosen, integration, counts, options.seconds, device).result()
        found[f"{name}, {'GPU' if device == 'cuda' else 'one core'}"] = counts, paces
        for n, pace in zip(counts, paces, strict=True):
            print(f"{name:<34}{n:>8}{pace:>20.2f}", flush=True)
    draw(found, options.out)


def draw(found: dict[str, tuple[tuple[int, ...], list[float]]], out: Path) -> None:
    with style.style():
        figure = style.figure(2.4)
        figure.set_size_inches(0.5 * style.WIDTH_INCHES, 2.6)
        axes = figure.subplots()
        for colour, marker, (name, (counts, paces)) in zip(style.PALETTE, "osD", found.items(), strict=False):
            if len(counts) == 1:
                axes.axhline(paces[0], color=style.GREY, dashes=(4, 2), label=name)
            else:
                axes.plot(counts, paces, color=colour, marker=marker, markersize=3, label=name)
        axes.set(
            xscale="log",
            yscale="log",
            xlabel="trials side by side",
            ylabel="simulated seconds\nper second of computing",
        )
        ticks = next(counts for counts, _ in found.values() if len(counts) > 1)
        axes.set_xticks(ticks, [f"{n:,}" for n in ticks])
        values = [pace for _, paces in found.values() for pace in paces]
        rounds = [step * 10.0**power for power in range(-2, 6) for step in (1, 2, 5)]
        rounds = [value for value in rounds if min(values) / 2 < value < 2 * max(values)]
        axes.set_yticks(rounds, [f"{value:,g}" for value in rounds])
        axes.minorticks_off()
        figure.legend(loc="outside upper left")
        style.save_figure(figure, out)


if __name__ == "__main__":
    main()
