"""`apical fit` with the published recipe: steps per second, and how much of a step the GPU computes.

    python benchmarks/gpu/fit_pace.py data.zarr --device cuda --steps 2000
    python benchmarks/gpu/fit_pace.py data.zarr --device cuda --processes 2

Steps are timed by `report`, the first tenth left out, no validation among them. Then a few steps under PyTorch's
profiler: the sum of the kernels' time in a step is what it would take if the GPU never waited. With --processes, as
many fits at the same time on the one device; the pace is of all together.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile

from apical.surrogate import fit
from apical.surrogate.fitting.recipe import paper


def timed(given: argparse.Namespace, seed: int, steps: int, profiled: bool = False) -> tuple[float, float]:
    """Steps per second, and ms a step in which a GPU computes (0 where it was not profiled)."""
    changes = {"batch": given.batch, "precision": given.precision, "seed": seed}
    config = paper(given.model, given.size, steps=steps, validate_every=steps, **changes)
    ended_s: list[float] = []
    torch.set_num_threads(given.threads)
    kind = ProfilerActivity.CUDA if given.device == "cuda" else ProfilerActivity.CPU
    with tempfile.TemporaryDirectory() as folder:
        run = profile(activities=[kind]) if profiled else None

        def report(progress) -> None:
            if progress.step == 1 + steps // 10 and run:
                run.start()
            if progress.step == steps - 1 and run:
                run.stop()
            ended_s.append(time.perf_counter())

        fit(config, given.data, Path(folder, "run"), device=given.device, report=report, say=print)
    ended_s = ended_s[steps // 10 : -1]  # the last one validates
    pace = (len(ended_s) - 1) / (ended_s[-1] - ended_s[0])
    if run is None:
        return pace, 0.0
    averages = run.key_averages()
    order = "self_device_time_total" if given.device == "cuda" else "self_cpu_time_total"
    print(averages.table(sort_by=order, row_limit=25, max_name_column_width=70))
    return pace, sum(each.self_device_time_total for each in averages) / 1000 / len(ended_s)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="elm")
    parser.add_argument("--size", default="20")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--profiled", type=int, default=100, help="steps under the profiler; 0: none")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    given = parser.parse_args()
    with ProcessPoolExecutor(given.processes, get_context("spawn")) as pool:
        fits = [pool.submit(timed, given, seed, given.steps) for seed in range(given.processes)]
        paces = [each.result()[0] for each in fits]
    whole = 350_000 / sum(paces) / 60
    name = f"{given.model}-{given.size}, batch {given.batch}, {given.precision}, {given.processes} at a time"
    told = f"{name}: {sum(paces):.1f} steps per s, 350,000 in {whole:.1f} minutes"
    if given.profiled:
        _, busy_ms = timed(given, 0, given.profiled, profiled=True)
        told += f"; the GPU computes {busy_ms:.3f} ms a step, {100 * sum(paces) * busy_ms / 1000:.0f} % of the time"
    print(told)


if __name__ == "__main__":
    main()
