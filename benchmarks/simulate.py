"""How fast and how exact each way of integrating a trial is: one run, one core, the same input spikes.

    python benchmarks/simulate.py --morphology hay2011 --seconds 1 --trial 2

Prints, for each engine and step: wall seconds per simulated second, the ratio to the published way (plain NEURON,
variable step at its default tolerance), and the error against the converged solution (variable step, 1e-6).
Run it on an idle machine.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from apical.simulate import config, stimulus
from apical.simulate.engine.base import Integration
from apical.simulate.trial import Experiment, Trial

CONVERGED = Integration(engine="neuron", dt_ms=None, tolerance=1e-6)
WAYS = {
    "neuron, variable step, tolerance 1e-3 (published)": Integration(engine="neuron", dt_ms=None, tolerance=1e-3),
    "neuron, dt 0.025, Crank-Nicolson": Integration(engine="neuron"),
    "coreneuron, dt 0.025, Euler": Integration(second_order=False),
    "coreneuron, dt 0.025, Crank-Nicolson (default)": Integration(),
    "coreneuron, dt 0.05, Euler": Integration(dt_ms=0.05, second_order=False),
    "coreneuron, dt 0.05, Crank-Nicolson": Integration(dt_ms=0.05),
}


def timed(experiment: Experiment, spikes: np.ndarray, integration: Integration) -> tuple[Trial, float]:
    began = time.perf_counter()
    trial = experiment.replay(spikes, integration)
    return trial, (time.perf_counter() - began) / (spikes.shape[1] / 1000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--morphology", default="ttpc1")
    parser.add_argument("--preset", default="nmda")
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--trial", type=int, default=0)
    options = parser.parse_args()

    chosen = config.preset(options.preset).model_copy(
        update={"morphology": options.morphology, "seconds": options.seconds, "seed": options.seed}
    )
    experiment = Experiment(chosen)
    spikes = stimulus.draw(
        chosen.statistics, experiment.tree, experiment.length_um, chosen.duration_ms, options.seed, options.trial
    )
    experiment.replay(spikes[:, :20])  # the first use of an engine loads its libraries
    truth, truth_pace = timed(experiment, spikes, CONVERGED)
    truth_ms, truth_mv = truth.output_spike_times_ms(), truth.sampled_mv(1)
    print(
        f"{experiment.cell.name}: {spikes.sum():,} input spikes, {len(truth_ms)} output spikes in {options.seconds:g} s"
    )
    print(f"converged (variable step, 1e-6): {truth_pace:.1f} s per simulated s\n")
    print(f"{'way':<52}{'s per s':>8}{'ratio':>7}{'spikes':>8}{'shift ms':>10}{'median mV':>11}{'clipped RMSE mV':>17}")
    published_pace = None
    for name, integration in WAYS.items():
        trial, pace = timed(experiment, spikes, integration)
        published_pace = published_pace or pace
        times_ms, v_mv = trial.output_spike_times_ms(), trial.sampled_mv(1)
        shift = np.abs(times_ms - truth_ms).max(initial=0) if len(times_ms) == len(truth_ms) else np.nan
        rmse = np.sqrt(np.mean((np.minimum(v_mv, -55) - np.minimum(truth_mv, -55)) ** 2))
        print(
            f"{name:<52}{pace:>8.2f}{published_pace / pace:>7.1f}{len(times_ms):>8}{shift:>10.2f}"
            f"{np.median(np.abs(v_mv - truth_mv)):>11.4f}{rmse:>17.4f}"
        )


if __name__ == "__main__":
    main()
