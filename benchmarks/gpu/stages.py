"""A dataset made with a GPU, end to end, and how long each stage of the host took.

    python benchmarks/gpu/stages.py --side-by-side 2048 --batches 6 --seconds 1
    python benchmarks/gpu/stages.py --side-by-side 2048 --batches 6 --seconds 1 --in-hand 1 3
    python benchmarks/gpu/stages.py --side-by-side 2048 --batches 6 --seconds 1 --processes 2

As `apical simulate` does it, in one process: drawing, sorting, integrating, output spikes, writing, three batches in
hand, each in another stage; with --in-hand 1 one after another. Prints of each stage calls, seconds (of all its
threads), and when it began first and ended last, and last simulated seconds per second from the first trial drawn to
the last one written, beside those of the kernel. --processes makes as many datasets at the same time. --launch-s takes
that long for a launch and computes nothing: what is left is the host.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
import specimen
from distributed import LocalCluster

from apical.simulate.cores import batches_beside
from apical.simulate.engine.batched import gpu, trials
from apical.simulate.engine.interface import Integration, Together
from apical.simulate.run import dataset, worker
from apical.simulate.trial.experiment import Experiment

STAGES = (
    (Experiment, "__init__", "build the cell"),
    (Experiment, "_events", "draw"),
    (trials._Part, "__init__", "sort the input"),
    (trials._Part, "integrate", "integrate"),
    (trials._Part, "_take", "  of it: take what is there"),
    (Experiment, "arrays", "find spikes, sample"),
    (worker.chunks, "write", "write"),
)


class Spent:
    """Calls, seconds, first begin and last end of each stage."""

    def __init__(self) -> None:
        self.of: dict[str, list[float]] = {}
        self._lock = threading.Lock()

    def watch(self, owner, name: str, stage: str) -> None:
        function = getattr(owner, name)

        def timed(*given, **options):
            began_s = time.perf_counter()
            try:
                return function(*given, **options)
            finally:
                ended_s = time.perf_counter()
                with self._lock:
                    calls, spent_s, first_s, _ = self.of.get(stage, (0, 0.0, began_s, 0.0))
                    self.of[stage] = [calls + 1, spent_s + ended_s - began_s, min(first_s, began_s), ended_s]

        setattr(owner, name, timed)


@contextmanager
def kernel_of(launch_s: float | None) -> Iterator[None]:
    """Launches that take so long and compute nothing; the kernel itself for None."""
    real = gpu.Gpu.launch, gpu.Gpu.fetch
    if launch_s is not None:
        gpu.Gpu.launch = lambda *_: time.sleep(launch_s)
        gpu.Gpu.fetch = lambda self, array, n: lambda: np.full(n, -70.0, array.dtype)
    try:
        yield
    finally:
        gpu.Gpu.launch, gpu.Gpu.fetch = real


class Made(NamedTuple):
    """A dataset. from_s, to_s: when its first trial was drawn and its last one written, of the machine's clock."""

    simulated_s: float
    start_s: float
    from_s: float
    to_s: float
    kernel_s: float
    n_bytes: int
    table: str


def made(given: argparse.Namespace, in_hand: int, process: int) -> Made:
    """Make one, in a process that is there for it."""
    spent = Spent()
    for stage in STAGES:
        spent.watch(*stage)
    together = dataset.trials_together
    dataset.trials_together = lambda *asked: Together(min(given.side_by_side, together(*asked).trials), "as asked for")
    changes = {"seconds": given.seconds, "integration": Integration(engine="batched"), "seed": given.seed + process}
    chosen = specimen.chosen(given).model_copy(update=changes)
    local = {"n_workers": 1, "threads_per_worker": in_hand, "processes": False, "memory_limit": 0, "protocol": "tcp"}
    n = given.side_by_side * given.batches
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalCluster(**local, dashboard_address="127.0.0.1:0") as cluster,
        kernel_of(given.launch_s),
        specimen.launches() as pairs,
    ):
        out, began_s = Path(folder, "made.zarr"), time.perf_counter()
        dataset.simulate(chosen, out, n, scheduler=cluster.scheduler_address, device="cuda", note=print)
        kernel_s = sum(specimen.kernel_s(pairs))
        n_bytes = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
    first_s, last_s = spent.of["draw"][2], spent.of["write"][3]
    rows = [f"{'stage':<30}{'calls':>8}{'s':>9}{'from':>9}{'to':>9}"]
    for stage, (calls, s, *between_s) in spent.of.items():
        rows.append(f"{stage:<30}{calls:>8}{s:>9.2f}" + "".join(f"{at_s - began_s:>9.2f}" for at_s in between_s))
    return Made(n * given.seconds, first_s - began_s, first_s, last_s, kernel_s, n_bytes, "\n".join(rows))


def told(given: argparse.Namespace, in_hand: int, all_made: list[Made]) -> str:
    """What datasets that were made at the same time came to."""
    simulated_s, kernel_s = (sum(getattr(each, name) for each in all_made) for name in ("simulated_s", "kernel_s"))
    wall_s = max(each.to_s for each in all_made) - min(each.from_s for each in all_made)
    kb = sum(each.n_bytes for each in all_made) / simulated_s * given.seconds / 1000
    at_once = f"{len(all_made)} processes, each with " if len(all_made) > 1 else ""
    return (
        f"{at_once}{given.batches} batches of {given.side_by_side} trials of {given.seconds:g} s, {kb:.1f} kB each, "
        f"{in_hand} in hand: {simulated_s / wall_s:.1f} simulated s per s, kernel {simulated_s / kernel_s:.1f}, so "
        f"{100 * kernel_s / wall_s:.0f} % of it; {wall_s / given.batches:.2f} s a batch, kernel "
        f"{kernel_s / given.batches:.2f}, {all_made[0].start_s:.1f} s before the first"
    )


def main() -> None:
    parser = specimen.options(__doc__)
    parser.add_argument("--side-by-side", type=int, default=2048, metavar="TRIALS")
    parser.add_argument("--batches", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--in-hand", type=int, nargs="+", default=[batches_beside("cuda")], metavar="BATCHES")
    parser.add_argument("--processes", type=int, default=1, help="at the same time")
    parser.add_argument("--launch-s", type=float, help="in place of the kernel")
    given = parser.parse_args()
    lines = []
    for in_hand in given.in_hand:
        with ProcessPoolExecutor(given.processes, get_context("spawn")) as pool:
            all_made = list(pool.map(made, *zip(*((given, in_hand, n) for n in range(given.processes)), strict=True)))
        print(*(each.table for each in all_made), sep="\n")
        lines.append(told(given, in_hand, all_made))
    print(*lines, sep="\n")


if __name__ == "__main__":
    main()
