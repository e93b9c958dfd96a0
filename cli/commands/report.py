"""The command that writes a comparison as one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..options import Out, Overwrite, examples

commands = typer.Typer()


@commands.command(
    short_help="Write a comparison as one page.",
    epilog=examples(
        "apical report scores.csv --out report.html",
        "apical report scores.csv --data data.zarr --prediction elm-20.zarr --prediction tcn-2x32.zarr -o report.html",
    ),
)
def report(
    scores: Annotated[list[Path], typer.Argument(metavar="SCORES…", help="Score files.")],
    out: Out,
    data: Annotated[
        Path | None, typer.Option(metavar="DATA", help="The truth: for its provenance, and for its trials.")
    ] = None,
    prediction: Annotated[
        list[Path] | None,
        typer.Option(metavar="PREDICTION", help="Of DATA, to show its trials against the truth. Repeatable."),
    ] = None,
    trials: Annotated[
        int | None, typer.Option(min=1, help="How many trials to show [default: 12 worst, 4 typical].")
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Write scores, figures, provenance and commands as one page that opens from disk and loads nothing.

    With DATA and predictions of it, trials are there to look at, the worst first. Scores on a task of sequences are a
    page of their own kind.
    """
    from ...analysis.report.report import write_report
    from ...analysis.scores.files import read_scores
    from ...analysis.sequences.rows import are_task_scores
    from ..again.report import report_again
    from ..on_tasks import report_on_tasks
    from ..progress import console

    if any(map(are_task_scores, scores)):
        others = {"--data": data, "--prediction": prediction, "--trials": trials}
        report_on_tasks(scores, out, [name for name, value in others.items() if value], overwrite=overwrite)
        return
    found, predictions = read_scores(scores), prediction or []
    again = report_again(scores, data, predictions, trials, out)
    write_report(found, out, data=data, predictions=predictions, commands=again, trials=trials, overwrite=overwrite)
    console.print(f"report: {out} ({out.stat().st_size / 1e6:.1f} MB)")
