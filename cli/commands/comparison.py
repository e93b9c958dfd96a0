"""Commands that compare surrogates with the cell."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..options import Json, Overwrite, examples

commands = typer.Typer()


@commands.command(
    short_help="Score predictions against the truth.",
    epilog=examples(
        "apical evaluate data.zarr elm-20.zarr tcn-2x32.zarr --out scores.csv",
        "apical evaluate data.zarr elm-20.zarr --figure fidelity.png",
        "apical evaluate data.zarr elm-20.zarr --json",
        "apical evaluate fashion.zarr runs/fashion-elm runs/fashion-lstm --out fashion.csv",
    ),
)
def evaluate(
    truth: Annotated[Path, typer.Argument(metavar="TRUTH", help="The simulation, or a task.")],
    predictions: Annotated[
        list[Path], typer.Argument(metavar="PREDICTION…", help="What surrogates made of it; of a task, runs.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Scores, as CSV [default: scores.csv; with --json, none].")
    ] = None,
    exact_spikes: Annotated[
        bool, typer.Option("--exact-spikes", help="NeuronIO: score the exact spike times, not the published ones.")
    ] = False,
    every_trial: Annotated[
        bool, typer.Option("--every-trial", help="Score all trials of a prediction, those of the fit too.")
    ] = False,
    spike_threshold: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Spike probability of an event [default: chosen on validation trials]."),
    ] = None,
    published_only: Annotated[
        bool, typer.Option("--published-only", help="The published metrics alone, which is faster.")
    ] = False,
    figure: Annotated[
        Path | None, typer.Option(help="Draw what the numbers leave out: calibration, events, errors by time and rate.")
    ] = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Score predictions against the truth: the published metrics, the plain voltage figures beside them, and events.

    Held-out test trials are scored where a prediction says which they are; the spike threshold of events is chosen on
    its validation trials. With intervals by bootstrap over trials, what tells each model from the best of them, and the
    spread over seeds.

    Of a task, the classifiers of runs are asked about its test sequences: accuracy, with an interval by bootstrap over
    sequences and seeds. Of text, bits per character, of which fewer are better, by bootstrap over blocks of it.
    """
    from ...analysis.pages.fidelity import fidelity_figure
    from ...analysis.scores.evaluate import Evaluation, evaluate
    from ...analysis.scores.files import write_scores
    from ...analysis.style import check_suffix
    from ...simulate.schema import InputError
    from ...tasks.schema import is_task
    from ..on_tasks import evaluate_on_task
    from ..progress import bar, console
    from ..tables import print_intervals, print_json, print_scores, print_seeds, score_json

    if out is None and not as_json:
        out = Path("scores.csv")
    if out is not None and out.exists() and not overwrite:
        raise InputError(f"{out}: exists already; give --overwrite to replace it, or another path")
    if figure is not None:
        check_suffix(figure)
    if is_task(truth):
        others = {
            "--exact-spikes": exact_spikes,
            "--every-trial": every_trial,
            "--spike-threshold": spike_threshold is not None,
            "--published-only": published_only,
        }
        not_for_tasks = [name for name, given in others.items() if given]
        evaluate_on_task(truth, predictions, out, not_for_tasks, as_json=as_json, figure=figure)
        return
    how = Evaluation(
        published_spike_times=False if exact_spikes else None,
        every_trial=every_trial,
        spike_threshold=spike_threshold,
        only_published=published_only,
    )
    with bar("Scoring", len(predictions)) as show:
        scores = evaluate(truth, predictions, how, report=show)
        if figure is not None:  # before the scores, which keep the command from being given again
            fidelity_figure(truth, predictions, figure, how)
        if out is not None:
            write_scores(out, scores)
    if as_json:
        print_json([score_json(score) for score in scores])
        return
    print_scores(scores)
    print_intervals(scores)
    print_seeds(scores)
    console.print(f"scores: {out}")
    if figure is not None:
        console.print(f"figure: {figure}")


@commands.command(
    short_help="Draw fidelity against parameters.",
    epilog=examples(
        "apical compare scores.csv --out figure.png",
        "apical compare a.csv b.csv --out figure.svg --out figure.pdf --target 0.98",
        "apical compare scores.csv floor.csv --out figure.png --table table.md",
        "apical compare scores.csv --out figure.png --table differences.md --against elm-20",
    ),
)
def compare(
    scores: Annotated[list[Path], typer.Argument(metavar="SCORES…", help="Score files.")],
    out: Annotated[list[Path], typer.Option("--out", "-o", help="Figure: .png, .svg or .pdf. Repeatable.")],
    target: Annotated[float, typer.Option(min=0.5, max=1, help="ROC-AUC that is good enough.")] = 0.991,
    table: Annotated[
        Path | None, typer.Option(metavar="FILE.md", help="Every size with its intervals, as a table in Markdown.")
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="--table: what each has more than this model."),
    ] = None,
) -> None:
    """Draw what a model costs against what it is worth, with published results behind, and say what is good enough.

    ROC-AUC, RMSE and average precision against trainable parameters and multiply-accumulates, and against training
    trials where they differ; intervals, Pareto front, and the noise floor where `apical noise-floor` was evaluated too.

    Of scores on a task of sequences: accuracy, or bits per character, against bin width or parameters, learning curves,
    and what the best model takes for what, or where in the text bits are.
    """
    from ...analysis.comparison.claim import claim
    from ...analysis.comparison.compare import compare
    from ...analysis.comparison.comparison_table import comparison_table, difference_table
    from ...analysis.scores.files import read_scores
    from ...analysis.scores.uncertainty import too_few
    from ...analysis.sequences.rows import are_task_scores
    from ...analysis.style import check_suffix
    from ...simulate.schema import InputError, writing_whole
    from ..on_tasks import compare_scores_of_tasks
    from ..progress import console
    from ..tables import print_smallest

    if against is not None and table is None:
        raise InputError("--against: is for a table; give --table FILE.md too")
    for path in out:
        check_suffix(path)
    if any(map(are_task_scores, scores)):
        if against is not None:
            raise InputError("--against: is for scores of a neuron, which have trials in common; leave it out")
        compare_scores_of_tasks(scores, out, table)
        return
    found = read_scores(scores)
    told = "" if table is None else comparison_table(found) if against is None else difference_table(found, against)
    for path in out:
        compare(found, path, target=target)
    if not too_few(found):
        print_smallest(found, target)
    console.print(claim(found, target), soft_wrap=True)
    for path in out:
        console.print(f"figure: {path}")
    if table is not None:
        with writing_whole(table) as growing:
            growing.write_text(told, encoding="utf-8")
        console.print(f"table: {table}")
