"""A dataset made with a GPU, end to end, and how long each stage of the host took.

    python benchmarks/gpu/stages.py --trials 2048 --seconds 1

As `apical simulate` does it, in this process: drawing, sorting, integrating, output spikes, writing. Prints simulated
seconds per second of wall time and of the kernel, and of each stage calls, seconds (of all its threads), and when it
began first and ended last. Stages that do not overlap lie one after another there.
"""

from __future__ import annotations

import tempfile
import threading
import time
from pathlib import Path

import specimen
from distributed import LocalCluster

from apical.simulate.engine.batched import trials
from apical.simulate.engine.interface import Integration
from apical.simulate.run import dataset, worker
from apical.simulate.trial.experiment import Experiment

STAGES = (
    (Experiment, "__init__", "build the cell"),
    (Experiment, "_events", "draw"),
    (trials._Part, "__init__", "sort the input"),
    (trials._Part, "integrate", "integrate"),
    (trials._Part, "_take", "  of it: take what is there"),
    (Experiment, "_arrays", "find spikes, sample"),
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


def main() -> None:
    parser = specimen.options(__doc__)
    parser.add_argument("--trials", type=int, default=2048)
    parser.add_argument("--seconds", type=float, default=1.0)
    given = parser.parse_args()
    spent = Spent()
    for stage in STAGES:
        spent.watch(*stage)
    chosen = specimen.chosen(given, seconds=given.seconds, integration=Integration(engine="batched"))
    local = {"n_workers": 1, "threads_per_worker": 1, "processes": False, "memory_limit": 0, "protocol": "tcp"}
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalCluster(**local, dashboard_address=None) as cluster,
        specimen.launches() as pairs,
    ):
        out, began_s = Path(folder, "made.zarr"), time.perf_counter()
        address = cluster.scheduler_address
        dataset.simulate(chosen, out, given.trials, scheduler=address, device="cuda", note=print)
        wall_s, kernel_s = time.perf_counter() - began_s, sum(specimen.kernel_s(pairs))
        n_bytes = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
    simulated_s = given.trials * given.seconds
    print(f"{'stage':<30}{'calls':>8}{'s':>9}{'from':>9}{'to':>9}")
    for stage, (calls, s, first_s, last_s) in spent.of.items():
        print(f"{stage:<30}{calls:>8}{s:>9.2f}{first_s - began_s:>9.2f}{last_s - began_s:>9.2f}")
    print(
        f"{given.trials} trials of {given.seconds:g} s, {n_bytes / given.trials / 1000:.1f} kB each: "
        f"{simulated_s / wall_s:.1f} simulated s per s, kernel {simulated_s / kernel_s:.1f}, "
        f"kernel {100 * kernel_s / wall_s:.0f} % of {wall_s:.1f} s"
    )


if __name__ == "__main__":
    main()
