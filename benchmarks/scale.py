"""What more workers bring: whole runs of the same trials with 1 worker and with N, everything counted.

    python benchmarks/scale.py --workers 2 --trials 8

Prints one line per run, with the ratio of the wall times; run it where nothing else does. First comes a run of one
trial of 10 ms, which is little but a run's start: Dask, and the cell in its worker.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from apical.simulate.presets import preset
from apical.simulate.run.dataset import simulate
from apical.simulate.run.summary import Summary


def run(name: str, seconds: float, trials: int, workers: int, out: Path) -> tuple[float, Summary]:
    """Wall time of a whole run in s, and its summary."""
    summary, began = Summary(seconds), time.monotonic()
    simulate(preset(name).model_copy(update={"seconds": seconds}), out, trials, workers, report=summary.add)
    return time.monotonic() - began, summary


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--preset", default="nmda-ttpc1")
    options.add_argument("--seconds", type=float, default=6.0)
    options.add_argument("--trials", type=int, default=8)
    options.add_argument("--workers", type=int, default=2)
    given = options.parse_args()
    runs = [(0.01, 1, 1), (given.seconds, given.trials, 1), (given.seconds, given.trials, given.workers)]
    one_s = 0.0
    print("workers  trials      wall s  CPU s of trials  simulated s per core s  ratio")
    with tempfile.TemporaryDirectory() as folder:
        for number, (seconds, trials, workers) in enumerate(runs):
            wall_s, summary = run(given.preset, seconds, trials, workers, Path(folder, f"{number}.zarr"))
            one_s = wall_s if workers == 1 else one_s
            print(
                f"{workers:>7}  {trials:>3} x {seconds:<4g}  {wall_s:>6.1f}  {summary.cpu_s:>15.1f}  "
                f"{trials * seconds / summary.cpu_s:>22.2f}  {one_s / wall_s:>5.2f}"
            )


if __name__ == "__main__":
    main()
