"""`apical fit` with the published recipe: steps per second, the share in which the GPU computes, waits of the host.

    python benchmarks/gpu/fit_pace.py data.zarr --device cuda --steps 2000
    python benchmarks/gpu/fit_pace.py data.zarr --device cuda --way kernels
    python benchmarks/gpu/fit_pace.py data.zarr --device cuda --processes 2

Ways: graph, as `apical fit` does it, trials on the GPU and a step one CUDA graph; kernels, the same step launched
kernel by kernel; host, batches drawn by the processor and handed over. Steps are timed by `report`, the first tenth
left out, no validation among them. Then some steps under PyTorch's profiler: the sum of the kernels' time in a step is
what it would take if the GPU never waited. There, PyTorch also tells whenever the host waits for the GPU. With
--processes, as many fits at the same time on the one device; the pace is of all together.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import torch
from torch.profiler import ProfilerActivity, profile

from apical.surrogate import fit
from apical.surrogate.fitting import advance
from apical.surrogate.fitting import fit as fitting
from apical.surrogate.fitting import steps as taking
from apical.surrogate.fitting.recipe import FitConfig, paper
from apical.surrogate.fitting.resident import Resident
from apical.surrogate.fitting.windows import Trials

WAIT = "called a synchronizing CUDA operation"  # PyTorch's words


class Pace(NamedTuple):
    """Of a fit; of one that was not profiled, the pace alone."""

    steps_per_s: float
    busy_ms: float = 0.0  # of a step, in which a GPU computes
    waits: int = 0  # of the host for the GPU
    waited_steps: int = 0  # in so many steps


def on_the_host(*given: object) -> None:
    """In place of the trials on the GPU."""


def on_the_processor(train: Trials, device: torch.device, config: FitConfig, share: slice) -> Resident:
    """The same without a GPU, for a dry run."""
    return Resident(train, device, window_ms=config.window_ms, batch=config.batch)


def timed(given: argparse.Namespace, seed: int, steps: int, profiled: bool = False) -> Pace:
    """Fit once. A report stands for all steps since the one before."""
    changes = {"batch": given.batch, "precision": given.precision, "seed": seed}
    config = paper(given.model, given.size, steps=steps, validate_every=steps, **changes)
    torch.set_num_threads(given.threads)
    on_gpu = given.device == "cuda"
    if not on_gpu:
        taking.AT_ONCE = taking.DeviceSteps.at_once = 2  # of a dry run's few steps
    if given.way == "kernels":
        taking.Replay = lambda function, say: function
    if given.way == "host" or not on_gpu:
        fitting._resident = on_the_host if given.way == "host" else on_the_processor
    run = profile(activities=[ProfilerActivity.CUDA if on_gpu else ProfilerActivity.CPU]) if profiled else None
    seen: list[tuple[int, float]] = []  # steps done, and when
    waits: list[warnings.WarningMessage] = []

    def report(progress) -> None:
        if progress.step == steps:
            return  # it has validated
        if not seen and progress.step > steps // 10 and run:
            run.start()
            if on_gpu:
                torch.cuda.set_sync_debug_mode("warn")
        if progress.step > steps // 10:
            seen.append((progress.step, time.perf_counter()))

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        stopping = advance.validate

        def validate(*values):
            if run and seen:
                run.stop()
                waits.extend(each for each in told if WAIT in str(each.message))
                if on_gpu:
                    torch.cuda.set_sync_debug_mode("default")
            return stopping(*values)

        advance.validate = validate
        try:
            fit(config, given.data, Path(folder, "run"), device=given.device, report=report, say=print)
        finally:
            advance.validate = stopping
    (first, began_s), (last, ended_s) = seen[0], seen[-1]
    pace = (last - first) / (ended_s - began_s)
    if run is None:
        return Pace(pace)
    averages = run.key_averages()
    order = "self_device_time_total" if on_gpu else "self_cpu_time_total"
    print(averages.table(sort_by=order, row_limit=25, max_name_column_width=70))
    busy_ms = sum(each.self_device_time_total for each in averages) / 1000 / (steps - first)
    return Pace(pace, busy_ms, len(waits), steps - first)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="elm")
    parser.add_argument("--size", default="20")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--profiled", type=int, default=400, help="steps of the profiled fit; 0: none")
    parser.add_argument("--way", choices=["graph", "kernels", "host"], default="graph")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    given = parser.parse_args()
    with ProcessPoolExecutor(given.processes, get_context("spawn")) as pool:
        fits = [pool.submit(timed, given, seed, given.steps) for seed in range(given.processes)]
        steps_per_s = sum(each.result().steps_per_s for each in fits)
    name = (
        f"{given.model}-{given.size}, batch {given.batch}, {given.precision}, {given.way}, {given.processes} at a time"
    )
    told = f"{name}: {steps_per_s:.1f} steps per s, 350,000 in {350_000 / steps_per_s / 60:.1f} minutes"
    if given.profiled:
        one = timed(given, 0, given.profiled, profiled=True)
        told += f"; the GPU computes {one.busy_ms:.3f} ms a step, {steps_per_s * one.busy_ms / 10:.0f} % of the time"
        told += f"; the host waits {one.waits} times in {one.waited_steps} steps"
    print(told)


if __name__ == "__main__":
    main()
