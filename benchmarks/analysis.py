"""Scoring a model on many trials: time of one core, and memory, against the same with every bin in memory.

    apical predict --elm-checkpoint num_memory_20 hour.zarr --out p.zarr
    python benchmarks/analysis.py hour.zarr p.zarr

The baseline is what a straightforward evaluation does: all voltages and probabilities as arrays, scikit-learn's ROC
curve over all bins, the published scores from these. Ours gives the same scores (their largest difference is printed)
from blocks of trials; then with 1,000 resamples of the trials for intervals, and with everything else that a score file
holds. Each runs in a process of its own on one core; peak memory is the process's, less what its imports take. Run it
where nothing else does.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from apical.analysis import metrics
from apical.analysis.metrics.pair import pair_of
from apical.analysis.scores.evaluate import Evaluation, evaluate
from apical.simulate.schema import open_dataset

PUBLISHED = Evaluation(only_published=True, resamples=0)
WAYS = {
    "all bins in memory, scikit-learn": None,
    "in blocks, published scores": PUBLISHED,
    "  with 1,000 resamples": Evaluation(only_published=True),
    "  and events, calibration, distances": Evaluation(spike_threshold=0.05),
}


def in_memory(truth: Path, prediction: Path) -> dict[str, float]:
    """The published scores, from every bin at once."""
    pair = pair_of(open_dataset(truth), open_dataset(prediction))
    rescaled_bt = metrics.rescale_per_file(pair.v_bt, pair.predicted_bt, pair.file_b)
    spikes, probability, v, plain, rescaled = (
        values[pair.kept_b][:, pair.scored_t]
        for values in (pair.spikes_bt, pair.probability_bt, pair.v_bt, pair.predicted_bt, rescaled_bt)
    )
    curve = metrics.roc(spikes, probability)
    found = {"roc_auc": metrics.roc_auc(curve)}
    for name, fp in (("0025", 0.0025), ("01", 0.01)):
        found |= {f"tp_at_fp_{name}": metrics.tp_at_fp(curve, fp), f"auc_at_fp_{name}": metrics.auc_at_fp(curve, fp)}
    for name, value in (("", plain), ("_rescaled", rescaled)):
        found[f"rmse{name}_mv"] = metrics.rmse_mv(v, value)
        found[f"mae{name}_mv"] = metrics.mae_mv(v, value)
        found[f"explained_variance{name}"] = metrics.explained_variance(v, value)
    return found


def measure(way: str, truth: Path, prediction: Path) -> None:
    """Print one way's time, peak memory and scores as JSON."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    how = WAYS[way]
    if how is None:
        import sklearn.metrics as _  # so that imports count in no way's time
    else:
        import dask as _  # noqa: F401
    before_kb, began = peak_kb(), time.perf_counter()
    found = in_memory(truth, prediction) if how is None else evaluate(truth, [prediction], how)[0].model_dump()
    seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "mb": (peak_kb() - before_kb) / 1024, "scores": found}))


def peak_kb() -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("truth", type=Path)
    parser.add_argument("prediction", type=Path)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.way:
        measure(given.way, given.truth, given.prediction)
        return
    environment = os.environ | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "BLOSC_NTHREADS"), "1")
    found = {}
    for way in WAYS:
        command = [sys.executable, __file__, given.truth, given.prediction, "--way", way]
        told = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
        found[way] = json.loads(told)
    base = found[next(iter(WAYS))]
    trials = found["in blocks, published scores"]["scores"]["n_trials"]
    print(f"{trials} scored trials of {open_dataset(given.truth).sizes['time_ms']} bins, one core\n")
    print(f"{'way':<38}{'s':>7}{'ratio':>8}{'peak MB':>10}{'largest difference':>21}")
    for way, each in found.items():
        apart = max(abs(each["scores"][name] - value) for name, value in base["scores"].items())
        numbers = f"{each['seconds']:>7.2f}{base['seconds'] / each['seconds']:>8.2f}{each['mb']:>10.0f}"
        print(f"{way:<38}{numbers}{np.format_float_scientific(apart, 1):>21}")


if __name__ == "__main__":
    main()
