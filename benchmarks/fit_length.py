"""What a fit to much data costs beside one to little: seconds a step and peak memory, turn by turn in one run.

    python benchmarks/fit_length.py hour.zarr ten.zarr
    python benchmarks/fit_length.py hour.zarr ten.zarr --steps 40000 --turns 1

Each fit is a process of one thread: a Branch-ELM of 20 memory units by the published recipe, with as many validation
trials in both. The seconds are of the whole fit, loading included; memory is the most that was resident. Run it where
nothing else does.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from apical.simulate.schema import open_dataset
from apical.surrogate.fitting.windows import finished_trials

ONE = """
import resource, sys, time
import torch
from apical.surrogate import fit, paper
torch.set_num_threads(1)
data, out, steps, share = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
config = paper("elm", 20, steps=steps, validate_every=steps, validation_fraction=share, test_fraction=share)
began = time.perf_counter()
fit(config, data, out, device="cpu")
seconds = time.perf_counter() - began
print(seconds / steps * 1e3, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def fitted(data: Path, steps: int, validation_trials: int) -> tuple[float, float]:
    """Milliseconds a step and peak MB of a fit in a process of its own."""
    share = validation_trials / len(finished_trials(open_dataset(data, "simulation")))
    with tempfile.TemporaryDirectory(dir=data.absolute().parent) as folder:
        given = [str(data), str(Path(folder) / "run"), str(steps), str(share)]
        said = subprocess.run([sys.executable, "-c", ONE, *given], check=True, capture_output=True, text=True).stdout
    ms, mb = map(float, said.split())
    return ms, mb


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("short", type=Path)
    parser.add_argument("long", type=Path)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--validation-trials", type=int, default=60)
    options = parser.parse_args()
    found: dict[Path, list[tuple[float, float]]] = {options.short: [], options.long: []}
    for turn in range(options.turns):
        for data, costs in found.items():
            costs.append(fitted(data, options.steps, options.validation_trials))
            print(f"turn {turn + 1}: {data.name}: {costs[-1][0]:.3f} ms a step, {costs[-1][1]:.0f} MB", flush=True)
    (ms, mb), (long_ms, long_mb) = ([median(each) for each in zip(*costs, strict=True)] for costs in found.values())
    print(f"{options.long.name} by {options.short.name}: time a step {long_ms / ms:.3f}, memory {long_mb / mb:.3f}")


if __name__ == "__main__":
    main()
