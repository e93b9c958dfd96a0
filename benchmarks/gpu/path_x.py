"""Path-X by every model of the paper's recipe, on a GPU: 300 epochs of batches of 768 sequences of 16,384 steps.

    apical tasks make pathfinder --pixels 128 --out path-x.zarr
    python benchmarks/gpu/path_x.py path-x.zarr --out runs/path-x
    python benchmarks/gpu/path_x.py path-x.zarr --out runs/path-x --models elm --set batch=96

A run that was stopped goes on where it was when the command is given again. An ELM of d_m up to 128 takes whole
sequences in one launch; a larger one, such as the recipe's 150, goes step by step in PyTorch, which is slow:
`--set size=100` is the quick one.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from apical.simulate.changes import parsed
from apical.tasks.fitting.fit import TaskProgress, fit_task
from apical.tasks.fitting.predict import answer
from apical.tasks.fitting.recipe import recipe


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="folder for a run of each model")
    parser.add_argument("--models", default="elm,lstm,chrono-lstm,transformer")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="replaces a setting")
    options = parser.parse_args()

    def report(progress: TaskProgress) -> None:
        if progress.step % 100 == 0:
            print(f"  {progress.step:,} of {progress.steps:,}: {progress.in_words()}", flush=True)

    for family in options.models.split(","):
        print(family, flush=True)
        config = recipe("paper-lra-path-x", family).changed(parsed(options.set))
        run = fit_task(config, options.task, options.out / family, device=options.device, resume=True, report=report)
        print(f"  test accuracy {answer(run, options.task, device=options.device).answers.accuracy:.4f}", flush=True)


if __name__ == "__main__":
    main()
