"""How fast and how exact each way of integrating a trial is: one run, one core, the same input spikes.

    python benchmarks/simulate.py --morphology ../shared/data/hay2011/cell1.asc
    python benchmarks/simulate.py --morphology ttpc1 --preset nmda-ttpc1 --seed 0 --trials 2,5
    python benchmarks/simulate.py --morphology cell1.asc --device cuda --side-by-side 2048 --only "published way" \
        --only "CoreNEURON, dt 0.025, second order" --only GPU

For each engine, step and order in time: wall seconds per simulated second; how many times faster than the published
way (plain NEURON, variable step at its default tolerance, mechanisms one by one), and than CoreNEURON of the same step
and order; what the replayed trials lose against the converged solution (variable step, 1e-6), and whether the way
passes: every trial has the converged number of spikes, and every check of the published physiology holds (`apical
validate --only dendrites --only steps`; told only of the published morphology).
Engine 'batched' integrates the replayed trials among others, as many as it takes side by side, and its seconds are
those of all of them together. Each way has a process of its own, and one core; --device cuda adds the GPU's, with the
most memory that it took of it. Run it where nothing else does; it takes about 10 minutes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, nullcontext
from multiprocessing import get_context
from threading import Event, Thread

import numpy as np

from apical.simulate import config, presets
from apical.simulate.engine.interface import Integration
from apical.simulate.trial.experiment import Experiment, Trial
from apical.simulate.validation.validate import validate

CONVERGED = Integration(engine="neuron", dt_ms=None, tolerance=1e-6, fused=False)
WAYS = {
    "NEURON, variable step, tolerance 1e-3 (published way)": Integration(
        engine="neuron", dt_ms=None, tolerance=1e-3, fused=False
    ),
    "NEURON, dt 0.025, second order, single mechanisms": Integration(engine="neuron", fused=False),
    "CoreNEURON, dt 0.025, second order, single mechanisms": Integration(engine="coreneuron", fused=False),
} | {
    f"CoreNEURON, dt {dt_ms:g}, {'second' if second else 'first'} order": Integration(
        engine="coreneuron", dt_ms=dt_ms, second_order=second
    )
    for second, steps in ((True, (0.0125, 0.025, 0.03125, 0.05)), (False, (0.025, 0.05)))
    for dt_ms in steps
}
BATCHED = {
    f"batched, dt {dt_ms:g}, {'second' if second else 'first'} order, {precision}": Integration(
        engine="batched", dt_ms=dt_ms, second_order=second, precision=precision
    )
    for second, dt_ms, precision in (
        (True, 0.025, "float32"),
        (True, 0.025, "float64"),
        (True, 0.05, "float32"),
        (False, 0.025, "float32"),
        (False, 0.05, "float32"),
    )
}
DRAWN = 64  # so many trials' input is drawn; more side by side get the same again
CLIP_MV = -55.0  # as scored, Beniaguev et al. 2021


Found = list[tuple[np.ndarray, np.ndarray]]


def replay(
    chosen: config.Simulation, integration: Integration, trials: list[int], seconds: float
) -> tuple[float, Found, str]:
    """Wall seconds per simulated second, of each trial the spike times in ms and the voltage at whole ms, and ''."""
    experiment = Experiment(chosen.model_copy(update={"integration": integration}))
    found, wall_s = [], 0.0
    for number in trials:
        spikes = experiment.input_spikes(number)[:, : round(seconds * 1000)]
        experiment.replay(spikes[:, :20])  # the first use of an engine loads its libraries
        began = time.perf_counter()
        trial = experiment.replay(spikes)
        wall_s += time.perf_counter() - began
        found.append((trial.output_spike_times_ms(), trial.sampled_mv(1)))
    return wall_s / (len(trials) * seconds), found, ""


def replay_among_others(
    chosen: config.Simulation, integration: Integration, trials: list[int], seconds: float, device: str, n: int | None
) -> tuple[float, Found, str]:
    """The same with `n` trials side by side, the replayed ones first, and a note: how many, and a GPU's memory."""
    experiment = Experiment(chosen.model_copy(update={"integration": integration}), device)
    n, ms = n or experiment.neuron.side_by_side().trials, round(seconds * 1000)
    others = [number for number in range(DRAWN) if number not in trials]
    drawn = [
        [np.flatnonzero(row) for row in experiment.input_spikes(number)[:, :ms]]
        for number in [*trials, *others][: min(n, DRAWN)]
    ]
    events_ms = [drawn[number % len(drawn)] for number in range(n)]
    first_ms = [[times_ms[times_ms < 20] for times_ms in each] for each in events_ms]
    list(experiment.neuron.respond_to_events(first_ms, 20))  # the first use loads the library
    with gpu_bytes() if device == "cuda" else nullcontext([]) as taken:
        began = time.perf_counter()
        responses = list(experiment.neuron.respond_to_events(events_ms, ms))
        wall_s = time.perf_counter() - began
    found: Found = []
    for response in responses[: len(trials)]:
        if isinstance(response, RuntimeError):
            raise response
        trial = Trial(np.zeros((1, ms), bool), np.round(response.time_ms, 6), response.v_mv[0])
        found.append((trial.output_spike_times_ms(), trial.sampled_mv(1)))
    return wall_s / (n * seconds), found, f"{n} side by side" + "".join(f", {each / 1e9:.2f} GB" for each in taken)


@contextmanager
def gpu_bytes() -> Iterator[list[int]]:
    """The most memory of the first GPU that was taken within it, in the list once it has ended."""
    import cupy

    def free_bytes() -> int:
        with cupy.cuda.Device(0):
            return int(cupy.cuda.runtime.memGetInfo()[0])

    def watch() -> None:
        while not ended.wait(0.02):
            least.append(min(least.pop(), free_bytes()))

    before, ended, taken = free_bytes(), Event(), []
    least, watcher = [before], Thread(target=watch)
    watcher.start()
    try:
        yield taken
    finally:
        ended.set()
        watcher.join()
        taken.append(before - least[0])


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
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--side-by-side", type=int, default=2048, help="trials on the GPU")
    parser.add_argument("--only", action="append", metavar="TEXT", help="ways whose name has it; may be repeated")
    options = parser.parse_args()

    chosen = presets.preset(options.preset).model_copy(update={"morphology": options.morphology, "seed": options.seed})
    trials = [int(number) for number in options.trials.split(",")]
    truth_pace, truth, _ = alone(replay, chosen, CONVERGED, trials, options.seconds)
    counts = [len(times_ms) for times_ms, _ in truth]
    print(
        f"{options.morphology}, {options.preset}, seed {options.seed}: {options.seconds:g} s of trial {options.trials}"
    )
    print(f"converged (variable step, 1e-6): {truth_pace:.1f} s per simulated s, output spikes {counts}\n")
    print(
        f"{'way':<55}{'s per s':>9}{'ratio':>8}{'to CoreNEURON':>15}{'spikes':>8}{'shift ms':>10}"
        f"{'clipped RMSE mV':>17}  passes",
        flush=True,
    )
    ways = {name: (integration, "cpu", None) for name, integration in (WAYS | BATCHED).items()}
    if options.device == "cuda":
        ways |= {f"{name}, GPU": (way, "cuda", options.side_by_side) for name, way in BATCHED.items()}
    ways = {name: way for name, way in ways.items() if not options.only or any(text in name for text in options.only)}
    published_pace, paces = None, {}
    for name, (integration, device, n) in ways.items():
        if integration.engine == "batched":
            pace, found, note = alone(replay_among_others, chosen, integration, trials, options.seconds, device, n)
        else:
            pace, found, note = alone(replay, chosen, integration, trials, options.seconds)
        if "published way" in name:
            published_pace = pace
        to_published = f"{published_pace / pace:.1f}" if published_pace else ""
        of_step = integration.dt_ms, integration.second_order
        if integration.engine == "coreneuron" and integration.fused:
            paces[of_step] = pace
        to_coreneuron = f"{paces[of_step] / pace:.1f}" if of_step in paces else ""
        spikes = [len(times_ms) for times_ms, _ in found]
        pairs = list(zip(found, truth, strict=True))
        shift_ms = max(_shift_ms(ours, theirs) for (ours, _), (theirs, _) in pairs)
        error_mv = np.concatenate([np.minimum(v, CLIP_MV) - np.minimum(true, CLIP_MV) for (_, v), (_, true) in pairs])
        wrong = failures(options.morphology, integration)
        lost = "" if spikes == counts else f"spikes {spikes}"
        verdict = "; ".join(filter(None, (lost, wrong))) or "yes"
        print(
            f"{name:<55}{pace:>9.4f}{to_published:>8}{to_coreneuron:>15}{sum(spikes):>8}{shift_ms:>10.2f}"
            f"{np.sqrt(np.mean(error_mv**2)):>17.4f}  {verdict}{f' ({note})' if note else ''}",
            flush=True,
        )


def _shift_ms(ours: np.ndarray, theirs: np.ndarray) -> float:
    return float(np.abs(ours - theirs).max(initial=0)) if len(ours) == len(theirs) else float("nan")


if __name__ == "__main__":
    main()
