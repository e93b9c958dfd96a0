"""Commands that compare surrogates with the cell."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import Json, Out, Overwrite, examples

commands = typer.Typer()


@commands.command(
    short_help="Score predictions against the truth.",
    epilog=examples(
        "apical evaluate data.zarr elm-20.zarr tcn-2x32.zarr --out scores.csv",
        "apical evaluate data.zarr elm-20.zarr --json",
    ),
)
def evaluate(
    truth: Annotated[Path, typer.Argument(metavar="TRUTH", help="The simulation.")],
    predictions: Annotated[list[Path], typer.Argument(metavar="PREDICTION…", help="What surrogates made of it.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Scores, as CSV [default: scores.csv; with --json, none].")
    ] = None,
    exact_spikes: Annotated[
        bool, typer.Option("--exact-spikes", help="NeuronIO: score the exact spike times, not the published ones.")
    ] = False,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Score predictions against the truth: the published metrics, and the plain voltage figures beside them.

    With intervals by bootstrap over trials, and what tells each model from the best of them.
    """
    from ..analysis.evaluate import scored_pairs
    from ..analysis.scores import write_scores
    from ..analysis.trial_sums import trial_sums
    from ..analysis.uncertainty import intervals
    from ..simulate.schema import InputError
    from .progress import console
    from .tables import print_intervals, print_json, print_scores

    if out is None and not as_json:
        out = Path("scores.csv")
    if out is not None and out.exists() and not overwrite:
        raise InputError(f"{out}: exists already; give --overwrite to replace it, or another path")
    pairs = scored_pairs(truth, predictions, published_spike_times=False if exact_spikes else None)
    scores, sums = zip(*((score, trial_sums(pair)) for score, pair in pairs), strict=True)
    if out is not None:
        write_scores(out, scores)
    several = all(each.kept_b.sum() > 1 for each in sums)
    if as_json:
        found = [intervals(each) if several else None for each in sums]
        print_json([s.model_dump() | {"intervals": each} for s, each in zip(scores, found, strict=True)])
        return
    print_scores(scores)
    if several:
        print_intervals(scores, sums)
    else:
        console.print("fewer than two trials can be scored: no intervals")
    console.print(f"scores: {out}")


@commands.command(
    short_help="Draw fidelity against parameters.",
    epilog=examples("apical compare scores.csv --out figure.png", "apical compare a.csv b.csv --out figure.svg"),
)
def compare(
    scores: Annotated[list[Path], typer.Argument(metavar="SCORES…", help="Score files.")],
    out: Out,
) -> None:
    """Draw ROC-AUC and RMSE against trainable parameters, with published results behind."""
    from ..analysis.compare import compare
    from ..analysis.scores import read_scores
    from .progress import console

    console.print(f"figure: {compare(read_scores(scores), out)}")
