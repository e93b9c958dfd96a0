"""A Branch-ELM fitted to hours that are simulated meanwhile, on the same GPU, and scored on trials of another seed.

    python benchmarks/gpu/live.py --preset nmda --morphology cell1.asc --hours 50 --out found/live
    python benchmarks/gpu/live.py --size 35 --hours 50 --out found/live-35

By the newer published recipe (v2, clip 1, spike bias -5, cosine from 5e-4; Spieler et al. 2026). Run folder, held-out
trials, prediction and scores stay in --out. Prints the hours a minute, and the score.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import time
from pathlib import Path

BATCH = 8
OPTIONS = {"version": 2}


def apical(*words: object) -> None:
    subprocess.run([sys.executable, "-m", "apical.cli", *map(str, words)], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="nmda-ttpc1")
    parser.add_argument("--morphology", default="ttpc1")
    parser.add_argument("--size", type=int, default=20)
    parser.add_argument("--hours", type=float, default=50.0)
    parser.add_argument("--seconds", type=float, default=6.0, help="of a trial")
    parser.add_argument("--seen", type=int, default=16, help="how often each trial is in a batch")
    parser.add_argument("--held-out", type=int, default=300, help="trials to test with")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    trials = max(round(options.hours * 3600 / options.seconds), options.seen)
    steps, window = trials * options.seen // BATCH, min(2112, trials) // options.seen * options.seen
    run, held_out, predicted = (options.out / name for name in ("run", "run-held-out.zarr", "predicted.zarr"))
    validation = max(options.held_out // 3, 2)
    began = time.monotonic()
    apical(
        *("fit", "--live", options.preset, "--live-set", f"morphology={options.morphology}"),
        *("--live-set", f"seconds={options.seconds}", "--out", run),
        *("--model", "elm", "--size", options.size, "--recipe", "paper", "--steps", steps, "--batch", BATCH),
        *("--set", f"options={json.dumps(OPTIONS)}", "--set", "gradient_clip=1", "--set", "spike_bias=-5"),
        *("--set", f"validate_every={max(steps // 12, 1)}", "--window", window, "--seen", options.seen),
        *("--validation-trials", validation, "--test-trials", options.held_out, "--device", options.device),
    )
    fitted_s = time.monotonic() - began
    apical("predict", run, held_out, "--trials", "test", "--out", predicted, "--device", options.device)
    apical("evaluate", held_out, predicted, "--out", options.out / "score.csv")
    (score,) = csv.DictReader((options.out / "score.csv").read_text(encoding="utf-8").splitlines())
    told = ", ".join(f"{name} {float(score[name]):.4f}" for name in ("roc_auc", "rmse_mv", "average_precision"))
    pace = f"{trials * options.seconds / 3600:.2f} hours in {fitted_s:.0f} s"
    print(f"live: Branch-ELM {options.size}, {pace}, {steps / fitted_s:.0f} steps per s: {told}")


if __name__ == "__main__":
    main()
