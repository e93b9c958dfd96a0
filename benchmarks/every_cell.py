"""Every cell of the catalogue that has input ranges of its own: engine 'batched' beside CoreNEURON, on one core.

    python benchmarks/every_cell.py
    python benchmarks/every_cell.py --cells ttpc1 stpc --seconds 2

Processor seconds per simulated second of each cell's own preset, at dt 0.025, second order: CoreNEURON with one trial
after another, batched with 16 side by side in 32 bits. Prints a table in Markdown. Run it where nothing else does; all
thirteen cells take 3 minutes, and longer where they are compiled for the first time.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np

from apical.simulate import presets
from apical.simulate.engine.interface import Integration
from apical.simulate.trial.experiment import Experiment

WAYS = {"coreneuron": 4, "batched": 16}  # engine -> trials, the first one after another
WARMING_MS = 20


def measure(preset: str, engine: str, n_trials: int, seconds: float) -> tuple[int, float]:
    """Segments with synapses, and processor seconds per simulated second of the preset on the engine."""
    integration = Integration(engine=engine)
    experiment = Experiment(presets.preset(preset).model_copy(update={"integration": integration, "seed": 1}))
    ms = round(seconds * 1000)
    trials = [[np.flatnonzero(row) for row in experiment.input_spikes(n)[:, :ms]] for n in range(n_trials)]
    silent = [[each[:0] for each in trial] for trial in trials]
    list(experiment.neuron.respond_to_events(silent, WARMING_MS))
    began_s = time.process_time()
    list(experiment.neuron.respond_to_events(trials, ms))
    return len(trials[0]) // 2, (time.process_time() - began_s) / (n_trials * seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    there = [
        name.removeprefix("nmda-") for name in presets.PRESETS if name.startswith("nmda-") and name != "nmda-basal"
    ]
    parser.add_argument("--cells", nargs="+", choices=there, default=there, metavar="NAME", help="default: all")
    parser.add_argument("--seconds", type=float, default=1.0, help="of each trial")
    options = parser.parse_args()
    print("| cell | segments | CoreNEURON | batched | times |\n| --- | --- | --- | --- | --- |")
    for cell in options.cells:
        took_s = {}
        for engine, n_trials in WAYS.items():
            with ProcessPoolExecutor(1, get_context("spawn")) as pool:  # NEURON's state is global
                segments, took_s[engine] = pool.submit(
                    measure, f"nmda-{cell}", engine, n_trials, options.seconds
                ).result()
        ratio = took_s["coreneuron"] / took_s["batched"]
        print(
            f"| {cell} | {segments} | {took_s['coreneuron']:.2f} | {took_s['batched']:.3f} | {ratio:.1f} |", flush=True
        )


if __name__ == "__main__":
    main()
