"""What 32-bit arithmetic loses against 64-bit, engine 'batched', on the same input spikes.

    python benchmarks/precision.py --morphology ../shared/data/hay2011/cell1.asc --workers 2
    python benchmarks/precision.py --morphology ttpc1 --preset nmda-ttpc1 --trials 20

Over all trials: how many output spikes of the one have one of the other within 1 ms, in how many trials the counts are
equal, and the RMSE of the voltage clipped at -55 mV, at 1 sample per ms. 100 trials take about 4 minutes on 2 cores.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

from apical.simulate import config, presets, schema
from apical.simulate.run import dataset

CLIP_MV = -55.0  # as scored, Beniaguev et al. 2021
WITHIN_MS = 1.0


def simulated(chosen: config.Simulation, precision: str, folder: Path, trials: int, workers: int):
    """The dataset at one precision."""
    integration = chosen.integration.model_copy(update={"engine": "batched", "precision": precision})
    path = folder / f"{precision}.zarr"
    dataset.simulate(chosen.model_copy(update={"integration": integration}), path, trials, workers)
    return schema.open_dataset(path)


def matched(ours_ms: np.ndarray, theirs_ms: np.ndarray) -> int:
    """How many of `ours_ms` have one of `theirs_ms` within 1 ms, each taken once, both ascending."""
    found, at = 0, 0
    for time_ms in ours_ms:
        while at < len(theirs_ms) and theirs_ms[at] < time_ms - WITHIN_MS:
            at += 1
        if at < len(theirs_ms) and theirs_ms[at] <= time_ms + WITHIN_MS:
            found, at = found + 1, at + 1
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--morphology", default="ttpc1")
    parser.add_argument("--preset", default="nmda")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--workers", type=int, default=dataset.available_cores())
    options = parser.parse_args()
    chosen = presets.preset(options.preset).model_copy(update={"morphology": options.morphology, "seed": options.seed})
    with tempfile.TemporaryDirectory() as folder:
        single, double = (
            simulated(chosen, precision, Path(folder), options.trials, options.workers)
            for precision in ("float32", "float64")
        )
        spikes, same, equal_counts, squares = 0, 0, 0, 0.0
        for trial in range(options.trials):
            ours, theirs = (schema.read(ds, "output_spike_time_ms", trial) for ds in (single, double))
            ours, theirs = ours[np.isfinite(ours)], theirs[np.isfinite(theirs)]
            spikes, same = spikes + max(len(ours), len(theirs)), same + matched(ours, theirs)
            equal_counts += len(ours) == len(theirs)
            v, w = (np.minimum(schema.read(ds, "soma_v_mv", trial), CLIP_MV) for ds in (single, double))
            squares += float(np.mean((v.astype(float) - w) ** 2))
    n = options.trials
    print(f"{options.morphology}, {options.preset}, seed {options.seed}: {n} trials of {chosen.seconds:g} s")
    print(f"spikes within {WITHIN_MS:g} ms: {same} of {spikes}, {100 * same / max(spikes, 1):.2f} %")
    print(f"trials with equal counts: {equal_counts} of {n}")
    print(f"RMSE of clipped voltage: {np.sqrt(squares / n):.4f} mV")


if __name__ == "__main__":
    main()
