"""The kernel of engine `batched` alone: seconds of each launch, by how many trials are side by side.

    python benchmarks/gpu/kernel.py --counts 2048 8192 20000
    python benchmarks/gpu/kernel.py --counts 2048 --ms 50      # two launches: for a profiler
    python benchmarks/gpu/kernel.py --counts 2048 --layouts chosen streamed 4x128x1 1x256x4

A launch is 25 ms. Prints simulated seconds per second of the kernel's own time, of all trials one step, and beside it
with copies and the sorting of input (not drawing, not writing). Input is drawn for 64 trials, and repeated. A layout
is what engine `batched` chooses, its kernel for cells that do not fit into a multiprocessor, or trials of a block x
threads of a trial x blocks of a multiprocessor.
"""

from __future__ import annotations

import argparse
import re
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager

import specimen

from apical.simulate.engine.batched import gpu
from apical.simulate.engine.batched.layout import Layout, streamed
from apical.simulate.engine.batched.pieces import PIECE_MS


def main() -> None:
    parser = specimen.options(__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=[2048, 8192, 20000])
    parser.add_argument("--ms", type=int, default=100)
    parser.add_argument("--precision", nargs="+", default=["float32"], choices=("float32", "float64"))
    parser.add_argument("--layouts", nargs="+", default=["chosen"])
    given = parser.parse_args()
    of_launch = f"{'ms a launch':>13}{'us a step':>11}{'kernel, s per s':>17}{'with copies':>13}"
    print(f"{'precision':<11}{'layout':<12}{'trials':>8}{of_launch}")
    for precision in given.precision:
        for name in given.layouts:
            with laid_out(name):
                timed(given, precision, name)


def timed(given: argparse.Namespace, precision: str, name: str) -> None:
    """Prints a line for each number of trials."""
    experiment = specimen.experiment(given, "cuda", precision)
    neuron = experiment.neuron
    print(f"{precision}, {name}: {neuron.side_by_side().trials} trials side by side at most", flush=True)
    for n in given.counts:
        events_ms = specimen.drawn(experiment, n, given.ms)
        list(neuron.respond_to_events(events_ms[:1], round(PIECE_MS)))  # the first launch loads the kernel
        with specimen.launches() as pairs:
            began = time.perf_counter()
            for _ in neuron.respond_to_events(events_ms, given.ms):
                pass
            wall_s = time.perf_counter() - began
            took_s = specimen.kernel_s(pairs)
        step_us = 1e6 * sum(took_s) * neuron.integration.dt_ms / given.ms
        times = f"{1000 * statistics.median(took_s):>13.2f}{step_us:>11.2f}"
        simulated_s = n * given.ms / 1000
        print(
            f"{precision:<11}{name:<12}{n:>8}{times}{simulated_s / sum(took_s):>17.1f}{simulated_s / wall_s:>13.1f}",
            flush=True,
        )
    experiment.close()


@contextmanager
def laid_out(name: str) -> Iterator[None]:
    """Within it, tiles lie on a GPU as `name` says."""
    choose, numbers = gpu.layout, re.fullmatch(r"(\d+)x(\d+)x(\d+)", name)
    gpu.gpus.cache_clear()
    if name == "streamed":
        gpu.layout = lambda trial_bytes, *of_gpu: streamed(*of_gpu)
    elif numbers:
        gpu.layout = lambda *of_gpu: Layout(*map(int, numbers.groups()), on_chip=True)
    elif name != "chosen":
        raise SystemExit(f"--layouts {name}: expected chosen, streamed, or as 2x256x2")
    try:
        yield
    finally:
        gpu.layout = choose
        gpu.gpus.cache_clear()


if __name__ == "__main__":
    main()
