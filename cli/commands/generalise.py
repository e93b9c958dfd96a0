"""The command that takes runs to other cells, receptors and inputs, and tells how they do there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..options import Device, OutOrResumed, examples

commands = typer.Typer()


@commands.command(
    short_help="Score surrogates on data of other cells and inputs.",
    epilog=examples(
        "apical generalise runs/elm-20 runs/tcn-2x32 --on data.zarr --on ood.zarr --on ampa.zarr --out scores.csv",
        "apical generalise ttpc1/elm-20 ttpc2/elm-20 --on ttpc1.zarr --on ttpc2.zarr --out cells.csv",
        "apical generalise --resume cells.csv",
    ),
)
def generalise(
    context: typer.Context,
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN…",
            help="Runs, or what else `predict` takes for one. With --resume the scores' file alone.",
        ),
    ] = None,
    on: Annotated[
        list[Path] | None, typer.Option("--on", metavar="DATA", help="A simulation to predict. Repeatable.")
    ] = None,
    out: OutOrResumed = None,
    predictions: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where predictions are kept [default: OUT without .csv, -predictions]."),
    ] = None,
    device: Device = "auto",
    resume: Annotated[bool, typer.Option("--resume", help="Take the predictions that are there.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Make predictions and scores again.")] = False,
) -> None:
    """Predict every dataset with every run, score it, and print one table: of the data that a run was fitted on, its
    held-out trials; where the inputs do not fit, why.

    With --resume, what was predicted of what is known from the folder of the predictions.
    """
    from ...analysis.comparison.generalisation import Model, generalisation, unscored
    from ...analysis.scores.evaluate import evaluate
    from ...analysis.scores.files import write_scores
    from ...analysis.scores.rows import Score
    from ...simulate.schema import InputError
    from ...surrogate.sweep.generalise import generalise
    from ..progress import bar, console
    from ..tables import print_generalisation

    alone = runs[0] if runs and len(runs) == 1 and not on else None
    if resume and out is None and alone is not None:
        runs, out = None, Path(alone)
    if out is None:
        context.fail("Missing option '--out' / '-o'.")
    if not resume and not runs:
        context.fail("Missing argument 'RUN…'.")
    if not resume and not on:
        context.fail("Missing option '--on'.")
    if out.exists() and not (resume or overwrite):
        raise InputError(f"{out}: exists already; --resume and --overwrite replace it, or give another path")
    folder = predictions or out.with_name(f"{out.stem}-predictions")

    def score(truth: Path, prediction: Path) -> Score:
        return evaluate(truth, [prediction])[0]

    with bar("Predicting") as show:
        found = generalise(runs, on, folder, score, device=device, resume=resume, overwrite=overwrite, report=show)
    scores = [each.score for each in found if each.score is not None]
    if scores:
        write_scores(out, scores)
    print_generalisation(
        generalisation(
            each.score
            or unscored(
                Model(each.surrogate.name, each.surrogate.seed, each.surrogate.trained_on), each.data, each.reason
            )
            for each in found
        )
    )
    console.print(f"scores: {out}; predictions: {folder}" if scores else "nothing could be scored")
    if not scores:
        raise typer.Exit(1)
