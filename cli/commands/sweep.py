"""`apical sweep`: many fits with one command."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..options import MOST_PROCESSES, Device, OutOrResumed, Overwrite, Resume, Settings, examples, places

if TYPE_CHECKING:
    from ...surrogate.sweep.runs import Outcome

commands = typer.Typer()


@commands.command(
    short_help="Fit, predict and score many surrogates.",
    epilog=examples(
        "apical sweep parameter-efficiency data.zarr --out sweeps/parameters",
        "apical sweep data-efficiency monday.zarr tuesday.zarr --out sweeps/data --set steps=20000 --workers 2",
        "apical sweep classifiers.toml digits.zarr --out sweeps/digits --workers 2",
        "apical sweep elm-network digits.zarr --budget 20000,77000 --set steps=4000 --out sweeps/networks",
        "apical sweep elm-network book.zarr --budget 100000 --set steps=20000 --out sweeps/book",
        "apical sweep my-sweep.toml data.zarr --test other.zarr --out sweeps/mine",
        "apical sweep --resume sweeps/mine",
    ),
)
def sweep(
    context: typer.Context,
    sweep: Annotated[
        str | None,
        typer.Argument(
            metavar="SWEEP",
            help="parameter-efficiency, data-efficiency, elm-network, or a .toml. With --resume the folder of one.",
        ),
    ] = None,
    data: Annotated[
        list[Path] | None,
        typer.Argument(metavar="DATA…", help="A simulation, several of one cell, or a task of sequences."),
    ] = None,
    out: OutOrResumed = None,
    test: Annotated[
        Path | None,
        typer.Option(metavar="DATA", help="Score on all trials of this simulation, not on those held out."),
    ] = None,
    budget: Annotated[
        str | None, typer.Option(metavar="N,N…", help="elm-network: numbers of trainable parameters, met within 1 %.")
    ] = None,
    axis: Annotated[
        Literal["n-vs-ke", "n-vs-kc", "ke-vs-kc"] | None,
        typer.Option(help="elm-network: neurons against complexity or connections [default: n-vs-ke]."),
    ] = None,
    seeds: Annotated[
        str | None, typer.Option(metavar="N,N…", help="elm-network: of every network [default: 0,1].")
    ] = None,
    fields: Settings = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=MOST_PROCESSES,
            help="Processes of one core that share the runs, and the GPUs by turn; 0: one run after another here "
            "[default: as many as there are GPUs to use, if several, else 0].",
        ),
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS|FILE", help="Share the runs among the workers of a Dask scheduler.")
    ] = None,
    device: Device = "auto",
    resume: Resume = False,
    overwrite: Overwrite = False,
) -> None:
    """Fit, predict and score every model of a sweep: models × sizes × seeds × amounts of data.

    On a task of sequences: models × sizes × bins × seeds, each scored on the test sequences, or text. elm-network:
    networks of neurons that spend each budget of parameters in several ways.

    A sweep that is resumed knows its settings and its dataset; one that is given again must be the same. A run that
    fails is noted in runs.csv and stops no other. scores.csv has a row for each that is done; `apical
    compare` draws it. Seeds of one ELM are fitted together.
    """
    from ...simulate.schema import InputError
    from ...surrogate.device import count_of_gpus
    from ...surrogate.sweep.runs import SCORES
    from ..on_tasks import NETWORKS, sweep_of_task, sweep_on_task
    from ..progress import bar, console, errors
    from ..spreading import spread_over

    if resume and out is None and not data:
        sweep, out = None, None if sweep is None else Path(sweep)
    if sweep is None and not resume:
        context.fail("Missing argument 'SWEEP'.")
    data, out = places(context, data, out, resume)
    if workers is None and scheduler is None:
        workers = n_gpus if (n_gpus := count_of_gpus(device)) > 1 else 0
    of_networks = {"--budget": budget, "--axis": axis, "--seeds": seeds}
    given = {name: value for name, value in of_networks.items() if value is not None}
    if given and sweep != NETWORKS:
        raise InputError(f"{next(iter(given))}: is of sweep {NETWORKS}, which solves for sizes; leave it out")
    of_task = sweep_of_task(data, out, resume)
    if sweep == NETWORKS and not of_task:
        raise InputError(f"sweep {NETWORKS}: is of a task of sequences; `apical tasks --help` says how to make one")
    prepared = partial(sweep_on_task, of_networks=given) if of_task else _sweep_on_simulation
    run = prepared(sweep, data, out, test, fields or ())
    with bar("Runs") as show, spread_over(workers or 0, scheduler, show.waiting) as spread:
        outcomes = run(device=device, resume=resume, overwrite=overwrite, spread=spread, report=show)
    failed = [outcome for outcome in outcomes if outcome.error]
    for outcome in failed:
        errors.print(f"{outcome.run}: {outcome.error}", soft_wrap=True)
    n_done = len(outcomes) - len(failed)
    more = f"; `apical compare {out / SCORES} --out figure.png` draws them" if n_done else ""
    console.print(f"{out}: {n_done} of {len(outcomes)} runs done{more}")
    if failed:
        raise typer.Exit(1)


def _sweep_on_simulation(
    sweep: str | None, data: list[Path] | None, out: Path, test: Path | None, fields: Sequence[str]
) -> Callable[..., Sequence[Outcome]]:
    from ...analysis.scores.evaluate import write_score
    from ...analysis.scores.files import join_scores
    from ...simulate.changes import parsed
    from ...surrogate.sweep.sweep import Scoring, own_sweep, run_sweep
    from ...surrogate.sweep.sweep_config import read_sweep

    config = (own_sweep(out).config if sweep is None else read_sweep(sweep)).changed(parsed(fields))
    return partial(run_sweep, config, data, out, Scoring(write_score, join_scores), test=test)
