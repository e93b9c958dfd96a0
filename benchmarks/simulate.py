"""How fast and how exact each way of integrating a trial is: one run, one core, the same input spikes.

    python benchmarks/simulate.py --morphology ../shared/data/hay2011/cell1.asc
    python benchmarks/simulate.py --morphology ttpc1 --preset nmda-ttpc1 --seed 0 --trials 2,5

For each engine, step and order in time: wall seconds per simulated second, the ratio to the published way (plain
NEURON, variable step at its default tolerance, mechanisms one by one), what the replayed trials lose against the
converged solution (variable step, 1e-6), and whether the way passes: every trial has the converged number of spikes,
and every check of the published physiology holds (`apical validate --only dendrites --only steps`; told only of the
published morphology). Each way has a process of its own. Run it where nothing else does; it takes about 8 minutes.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np

from apical.simulate import config
from apical.simulate.engine.base import Integration
from apical.simulate.trial import Experiment
from apical.simulate.validation import validate

CONVERGED = Integration(engine="neuron", dt_ms=None, tolerance=1e-6, fused=False)
WAYS = {
    "NEURON, variable step, tolerance 1e-3 (published way)": Integration(
        engine="neuron", dt_ms=None, tolerance=1e-3, fused=False
    ),
    "NEURON, dt 0.025, second order, single mechanisms": Integration(engine="neuron", fused=False),
    "CoreNEURON, dt 0.025, second order, single mechanisms": Integration(fused=False),
} | {
    f"CoreNEURON, dt {dt_ms:g}, {'second' if second else 'first'} order": Integration(dt_ms=dt_ms, second_order=second)
    for second, steps in ((True, (0.0125, 0.025, 0.03125, 0.05)), (False, (0.025, 0.05)))
    for dt_ms in steps
}
CLIP_MV = -55.0  # as scored, Beniaguev et al. 2021


def replay(
    chosen: config.Simulation, integration: Integration, trials: list[int], seconds: float
) -> tuple[float, list[tuple[np.ndarray, np.ndarray]]]:
    """Wall seconds per simulated second, and of each trial the spike times in ms and the voltage at whole ms."""
    experiment = Experiment(chosen.model_copy(update={"integration": integration}))
    found, wall_s = [], 0.0
    for number in trials:
        spikes = experiment.input_spikes(number)[:, : round(seconds * 1000)]
        experiment.replay(spikes[:, :20])  # the first use of an engine loads its libraries
        began = time.perf_counter()
        trial = experiment.replay(spikes)
        wall_s += time.perf_counter() - began
        found.append((trial.output_spike_times_ms(), trial.sampled_mv(1)))
    return wall_s / (len(trials) * seconds), found


def alone(function, *arguments):
    """Run a function in a process of its own: NEURON's state is global."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def failures(morphology: str, integration: Integration) -> str:
    """What the published physiology says: '' where all of it holds, 'no reference' where nothing is published."""
    found = validate(morphology, integration=integration, only=["dendrites", "steps"])
    judged = [each for each in found.checks if each.passed is not None]
    if not judged:
        return "no reference"
    return "; ".join(f"{each.group}: {each.name}" for each in found.failed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--morphology", default="ttpc1")
    parser.add_argument("--preset", default="nmda")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--trials", default="5", help="numbers of the trials that are replayed")
    parser.add_argument("--seconds", type=float, default=2.2, help="of each trial, from its start")
    options = parser.parse_args()

    chosen = config.preset(options.preset).model_copy(update={"morphology": options.morphology, "seed": options.seed})
    trials = [int(number) for number in options.trials.split(",")]
    truth_pace, truth = alone(replay, chosen, CONVERGED, trials, options.seconds)
    counts = [len(times_ms) for times_ms, _ in truth]
    print(
        f"{options.morphology}, {options.preset}, seed {options.seed}: {options.seconds:g} s of trial {options.trials}"
    )
    print(f"converged (variable step, 1e-6): {truth_pace:.1f} s per simulated s, output spikes {counts}\n")
    print(
        f"{'way':<55}{'s per s':>8}{'ratio':>7}{'spikes':>8}{'shift ms':>10}{'clipped RMSE mV':>17}  passes", flush=True
    )
    published_pace = None
    for name, integration in WAYS.items():
        pace, found = alone(replay, chosen, integration, trials, options.seconds)
        published_pace = published_pace or pace
        spikes = [len(times_ms) for times_ms, _ in found]
        pairs = list(zip(found, truth, strict=True))
        shift_ms = max(_shift_ms(ours, theirs) for (ours, _), (theirs, _) in pairs)
        error_mv = np.concatenate([np.minimum(v, CLIP_MV) - np.minimum(true, CLIP_MV) for (_, v), (_, true) in pairs])
        wrong = failures(options.morphology, integration)
        lost = "" if spikes == counts else f"spikes {spikes}"
        verdict = "; ".join(filter(None, (lost, wrong))) or "yes"
        print(
            f"{name:<55}{pace:>8.2f}{published_pace / pace:>7.1f}{sum(spikes):>8}{shift_ms:>10.2f}"
            f"{np.sqrt(np.mean(error_mv**2)):>17.4f}  {verdict}",
            flush=True,
        )


def _shift_ms(ours: np.ndarray, theirs: np.ndarray) -> float:
    return float(np.abs(ours - theirs).max(initial=0)) if len(ours) == len(theirs) else float("nan")


if __name__ == "__main__":
    main()
