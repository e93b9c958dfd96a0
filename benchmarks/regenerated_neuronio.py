"""Are simulated data NeuronIO's distribution? Published ELM checkpoints, which never saw them, predict them here.

    python benchmarks/regenerated_neuronio.py regenerated.zarr models/num_memory_5 models/num_memory_20

The dataset is one that apical made on the published reconstruction with the published statistics:

    apical simulate nmda --morphology hay2011 --out regenerated.zarr --trials 48 --seed 1

Prints each checkpoint's scores here; on NeuronIO's own test set num_memory_20 has ROC-AUC 0.9922 and rescaled RMSE
0.638 mV (Spieler et al. 2024, released models).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from apical.analysis.pages.inspect import summary
from apical.analysis.scores.evaluate import evaluate
from apical.analysis.scores.files import write_scores
from apical.cli.tables import print_scores
from apical.surrogate.use.checkpoint import load_published_elm
from apical.surrogate.use.predict import predict


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("checkpoints", type=Path, nargs="+")
    parser.add_argument("--scores", type=Path, help="write the scores here, as CSV")
    options = parser.parse_args()

    found = summary(options.data)
    rate, silent = found["output_rate_hz"], 1 - found["fraction_of_trials_with_spikes"]
    print(f"{found['n_trials']} trials of {found['duration_s']:g} s; per trial:")
    print(f"  {found['excitatory_spikes_per_trial']:,.0f} excitatory input spikes")
    print(f"  {found['inhibitory_spikes_per_trial']:,.0f} inhibitory input spikes")
    print(f"  output {rate['mean']:.2f} Hz ({rate['min']:.2f} to {rate['max']:.2f}), {silent:.0%} of trials silent")
    with TemporaryDirectory() as folder:
        predictions = [
            predict(load_published_elm(checkpoint), options.data, Path(folder) / f"{checkpoint.name}.zarr")
            for checkpoint in options.checkpoints
        ]
        scores = evaluate(options.data, predictions)
    print_scores(scores)
    if options.scores:
        write_scores(options.scores, scores)


if __name__ == "__main__":
    main()
