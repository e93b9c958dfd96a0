"""Put a run of a sweep among the models that ship: surrogate/shipped/NAME, with what it scored and how it was made.

    python benchmarks/ship_model.py sweeps/ttpc1/runs/elm-20-seed0 --name ttpc1-nmda --preset nmda-ttpc1 \\
        --command "apical simulate nmda-ttpc1 --trials 600 --seed 1 --out ttpc1.zarr" \\
        --command "apical sweep results/cell_types.toml ttpc1.zarr --out sweeps/ttpc1"

Takes the run's configuration, its weights (tables of indices in the fewest bytes that hold them), its card and its
score on the held-out trials, which a sweep keeps beside it.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from apical.analysis.scores.files import read_scores
from apical.analysis.scores.rows import Score
from apical.analysis.scores.uncertainty import interval
from apical.surrogate.fitting.run_folder import CARD, README, WEIGHTS, read_card
from apical.surrogate.use.shipped import ABOUT, SHIPPED, Measured, Shipped

MEASURES = {"roc_auc": ("ROC-AUC", 4), "rmse_mv": ("RMSE (mV)", 3), "average_precision": ("average precision", 3)}


def packed(tensor: torch.Tensor) -> torch.Tensor:
    """Whole numbers in 16 bits where these hold them; loading makes 64 of them again."""
    fits = tensor.dtype == torch.int64 and tensor.abs().max() < 2**15
    return tensor.to(torch.int16).contiguous() if fits else tensor.contiguous()


def card_of(text: str, fitted: str, name: str, score: Score, measured: dict[str, Measured], commands: list[str]) -> str:
    """The run's card, under the model's name, with its scores and the commands that made it."""
    scored = f"on {score.n_trials} held-out trials ({score.n_output_spikes:,} output spikes)"
    rows = []
    for column, (title, digits) in MEASURES.items():
        value, low, high = (f"{each:.{digits}f}" for _, each in measured[column])
        rows.append(f"| {title} {scored} | {value} ({low} to {high}) |")
    made = "\n".join(["## How it was made", "", "```bash", *commands, "```", "", "## Limits"])
    for there, instead in {
        f"# {fitted}: a surrogate": f"# {name}: a surrogate",
        f'Surrogate.load("{fitted}")  # the folder that this file is in, or owner/name@commit on a hub': (
            f'Surrogate.load("{name}")'
        ),
        "\n\n## Units": "\n".join(["", *rows, "", "## Units"]),
        "## Limits": made,
    }.items():
        assert there in text, there
        text = text.replace(there, instead, 1)
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--name", required=True)
    parser.add_argument("--preset", required=True, help="that simulates trials of its kind")
    parser.add_argument("--morphology", help="with which it does, in place of the preset's")
    parser.add_argument("--command", action="append", required=True, dest="commands", help="that made it; repeatable")
    options = parser.parse_args()
    card, (score,) = read_card(options.run), read_scores([options.run / "score.csv"])
    out = SHIPPED / options.name
    out.mkdir(parents=True, exist_ok=True)
    measured = {}
    for column in MEASURES:
        bounds = interval(score, column)
        assert bounds is not None, f"{column}: too few trials for an interval"
        measured[column] = Measured(value=getattr(score, column), low=bounds.low, high=bounds.high)
    save_file({name: packed(each) for name, each in load_file(options.run / WEIGHTS).items()}, out / WEIGHTS)
    (out / WEIGHTS).chmod(0o644)
    (out / CARD).write_bytes((options.run / CARD).read_bytes())
    text, fitted = (options.run / README).read_text(encoding="utf-8"), f"{card.fit.family}-{card.fit.size}"
    text = card_of(text, fitted, options.name, score, measured, options.commands)
    (out / README).write_text(text, encoding="utf-8")
    about = Shipped(
        name=options.name,
        dataset=score.dataset,
        preset=options.preset,
        morphology=options.morphology,
        n_inputs=card.model.n_inputs,
        n_parameters=card.n_parameters,
        train_trials=len(card.split.train),
        n_trials=score.n_trials,
        n_output_spikes=score.n_output_spikes,
        commands=options.commands,
        sha256={file: hashlib.sha256((out / file).read_bytes()).hexdigest() for file in (CARD, WEIGHTS, README)},
        **measured,
    )
    (out / ABOUT).write_text(about.model_dump_json(indent=1) + "\n", encoding="utf-8")
    print(f"{out}: {sum(path.stat().st_size for path in out.iterdir()) / 1024:.0f} KB")


if __name__ == "__main__":
    main()
