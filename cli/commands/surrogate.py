"""Commands that fit a surrogate and use it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ...surrogate.models.sizes import sizes_in_words
from ..options import (
    MOST_PROCESSES,
    Device,
    Out,
    OutOrResumed,
    Overwrite,
    Resume,
    RunOrName,
    Settings,
    examples,
    places,
    whole_numbers,
)

if TYPE_CHECKING:
    from ...surrogate.fitting.recipe import FitConfig

commands = typer.Typer()


def _fit_settings(out: Path, recipe: str | None, given: dict[str, Any], fields: list[str], resume: bool) -> FitConfig:
    """What is fitted: the settings of the run that is resumed, else those of the recipe with what is given."""
    from ...simulate.changes import parsed
    from ...simulate.names import nearest
    from ...surrogate.fitting.recipe import DEFAULT_SIZE, paper, quick
    from ...surrogate.fitting.run_folder import CARD, own_settings
    from ...surrogate.models.families import check_family

    given = given | parsed(fields)
    check_family(str(given.get("family", "elm")))
    if resume and recipe is None and (out / CARD).exists():
        return own_settings(out, given)
    family = str(given.pop("family", "elm"))
    make = {"quick": quick, "paper": paper}[nearest("recipe", recipe or "quick", ("quick", "paper"))]
    return make(family, given.pop("size", None) or DEFAULT_SIZE[family], **given)


@commands.command(
    short_help="Fit a surrogate to a dataset.",
    epilog=examples(
        "apical fit data.zarr --model elm --size 20 --out runs/elm-20",
        "apical fit data.zarr --model tcn --size 2x32 --steps 800 --out runs/tcn-2x32",
        "apical fit data.zarr --model elm --size 20 --recipe paper --out runs/paper",
        "apical fit monday.zarr tuesday.zarr --model elm --size 20 --out runs/both",
        "apical fit --live nmda --live-set morphology=hay2011 --model elm --size 20 --recipe paper --out runs/live",
        "apical fit fashion.zarr --model lstm --set epochs=5 --out runs/fashion-lstm",
        "apical fit book.zarr --model elm-network --recipe paper-network-enwik8 --out runs/book",
        "apical fit --resume runs/paper",
    ),
)
def fit(
    context: typer.Context,
    data: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="DATA…",
            help="A simulation, several of one cell, or a task of sequences. With --resume a run, which knows them.",
        ),
    ] = None,
    out: OutOrResumed = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Family: elm, tcn, lstm, gru, ln, lif or alif; of a task elm, branch-elm, elm-network, lstm, "
            "chrono-lstm, gru, transformer or snn [default: elm]."
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(help=f"Of the family, with its default: {sizes_in_words()}."),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            help="quick (a laptop) or paper (published settings); of a task also paper-shd, paper-shd-adding, "
            "paper-network-shd-adding, paper-network-enwik8, paper-lra-image and others [default: quick]."
        ),
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Training steps [default: the recipe's].")] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Windows per step [default: the recipe's].")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Initial weights and order of batches [default: 0].")] = None,
    fields: Settings = None,
    dendrites: Annotated[
        int | None, typer.Option(min=0, help="tcn: components of the dendrites' voltages to fit [default: 0].")
    ] = None,
    patience: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many validations without a better one [default: never].")
    ] = None,
    live: Annotated[
        str | None,
        typer.Option(metavar="PRESET|FILE.toml", help="Simulate trials while the model is fitted to them, not DATA."),
    ] = None,
    live_set: Annotated[
        list[str] | None,
        typer.Option("--live-set", metavar="FIELD=VALUE", help="Replace a field of what is simulated. Repeatable."),
    ] = None,
    window: Annotated[
        int | None, typer.Option(min=1, help="--live: trials in memory at a time [default: 480].")
    ] = None,
    seen: Annotated[int | None, typer.Option(min=1, help="--live: how often each trial is seen [default: 16].")] = None,
    validation_trials: Annotated[
        int | None, typer.Option(min=1, help="--live: simulated first, to choose the model on [default: 40].")
    ] = None,
    test_trials: Annotated[
        int | None, typer.Option(min=1, help="--live: simulated first, to test with [default: 80].")
    ] = None,
    keep: Annotated[Path | None, typer.Option(metavar="DATA.zarr", help="--live: write the trials there too.")] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=MOST_PROCESSES, help="--live: processes that simulate [default: all cores]."),
    ] = None,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Write a log for TensorBoard too.")] = False,
    device: Device = "auto",
    resume: Resume = False,
    overwrite: Overwrite = False,
) -> None:
    """Fit a surrogate to a dataset. Trials are split, never windows; the model is chosen on validation RMSE.

    Several datasets of one cell and layout are fitted to as one; trials of each are held out. With --live there is no
    dataset: trials are simulated meanwhile, and those that are held out first, into OUT-held-out.zarr.

    A run that is resumed knows its settings and its dataset; one that is given again must be the same.

    Of a task (`apical tasks`), a classifier of its sequences is fitted, and chosen on validation accuracy; of text, a
    model of which character comes next, chosen on bits per character.

    On several GPUs: torchrun --nproc-per-node 2 -m apical.cli fit …, each takes its share of every batch.
    """
    from contextlib import nullcontext

    from ...surrogate.fitting.fit import fit
    from ...surrogate.fitting.run_folder import read_card
    from ...surrogate.processes import started
    from ..live_fit import simulating, told
    from ..on_tasks import fit_to_task, of_task
    from ..progress import bar, console, errors

    data, out = places(context, data, out, resume, live is not None)
    given = {
        "family": model,
        "size": size,
        "seed": seed,
        "dendrite_components": dendrites,
        "steps": steps,
        "batch": batch,
        "patience": patience,
    }
    given = {name: value for name, value in given.items() if value is not None}
    if live is None and of_task(data, out, resume):
        not_for_tasks = {
            "--dendrites": dendrites,
            "--tensorboard": tensorboard or None,
            "--live-set": live_set,
            "--window": window,
            "--seen": seen,
            "--validation-trials": validation_trials,
            "--test-trials": test_trials,
            "--keep": keep,
            "--workers": workers,
        }
        fit_to_task(
            data,
            out,
            recipe,
            given,
            fields or [],
            device=device,
            resume=resume,
            overwrite=overwrite,
            not_for_tasks=[name for name, value in not_for_tasks.items() if value is not None],
        )
        return
    plan = {"window": window, "seen": seen, "validation_trials": validation_trials, "test_trials": test_trials}
    plan = {name: value for name, value in plan.items() if value is not None}
    of_live = told(live, live_set or [], plan, out, keep, workers, device, resume=resume, overwrite=overwrite)
    config = _fit_settings(out, recipe, given, fields or [], resume)
    making = nullcontext() if of_live is None else simulating(of_live)
    with making as trials, bar(f"Fitting {config.family} {config.size}", config.steps) as show:
        fit(
            config,
            data if of_live is None else of_live.held_out,
            out,
            device=device,
            resume=resume,
            overwrite=overwrite,
            tensorboard=tensorboard,
            report=lambda progress: show(progress.step, progress.steps, progress.in_words()),
            say=errors.print,
            live=trials,
            plan=None if of_live is None else of_live.plan,
        )
    if not started().first:
        return
    first, *others = [of_live.held_out] if of_live else data or read_card(out).datasets
    alike = f", and so of {', '.join(map(str, others))}" if others else ""
    console.print(
        f"{out}: fitted; `apical predict {out} {first} --out prediction.zarr` predicts the held-out trials{alike}"
    )


@commands.command(
    short_help="Predict a dataset with a surrogate.",
    epilog=examples(
        "apical predict runs/elm-20 data.zarr --out elm-20.zarr",
        "apical predict --elm-checkpoint models/num_memory_20 neuronio.zarr --out published.zarr",
        "apical predict owner/elm-20@main data.zarr --out elm-20.zarr",
    ),
)
def predict(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="[RUN] DATA", help="A run, a model that ships, or owner/name on a hub; a simulation."),
    ],
    out: Out,
    elm_checkpoint: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Published ELM checkpoint, in place of RUN."),
    ] = None,
    trials: Annotated[str, typer.Option(help="auto, all, train, validation, test, or numbers: 0,3,7.")] = "auto",
    mode: Annotated[Literal["windows", "stream"], typer.Option(help="windows as published, or one pass.")] = "windows",
    device: Device = "auto",
    overwrite: Overwrite = False,
) -> None:
    """Predict a dataset's trials with a surrogate; by default the ones it was not fitted on."""
    from ...simulate.schema import InputError
    from ...surrogate.use.checkpoint import Surrogate, load_published_elm
    from ...surrogate.use.predict import predict
    from ..progress import bar, console

    if len(paths) != (1 if elm_checkpoint else 2):
        expected = "DATA alone with --elm-checkpoint" if elm_checkpoint else "RUN and DATA"
        raise InputError(f"predict takes {expected}, got {len(paths)} paths: {', '.join(map(str, paths))}")
    surrogate = load_published_elm(elm_checkpoint) if elm_checkpoint else Surrogate.load(str(paths[0]))
    chosen: Any = whole_numbers(trials) or trials
    with bar(f"Predicting with {surrogate.name}") as show:
        predict(surrogate, paths[-1], out, trials=chosen, mode=mode, device=device, overwrite=overwrite, report=show)
    console.print(f"{out}: written by {surrogate.run}; `apical evaluate {paths[-1]} {out}` scores it")


@commands.command(
    short_help="Write a surrogate to a file that runs without apical.",
    epilog=examples(
        "apical export runs/elm-10 --to onnx --out elm-10.onnx",
        "apical export runs/elm-10 --to torch-export --out elm-10.pt2",
        "apical export models/num_memory_20 --to onnx --out published.onnx --overwrite",
    ),
)
def export(
    run: RunOrName,
    to: Annotated[str, typer.Option(metavar="FORMAT", help="torch-export (.pt2) or onnx (.onnx).")],
    out: Out,
    overwrite: Overwrite = False,
) -> None:
    """Write a surrogate to a file that runs without apical, a bin of 1 ms at a time; of a task an elm-network, a step
    at a time.

    The file is loaded again and run on random spikes; it is kept only where it gives the surrogate's own numbers.
    """
    from ...surrogate.use.checkpoint import Surrogate
    from ...surrogate.use.export import export
    from ...tasks.fitting.network_export import export_network
    from ...tasks.fitting.run_folder import is_task_run
    from ..progress import console

    if is_task_run(run):
        name, unit, done = run, "steps", export_network(run, out, to, overwrite=overwrite)
    else:
        surrogate = Surrogate.load(run)
        name, unit, done = surrogate.run, "ms", export(surrogate, out, to, overwrite=overwrite)
    console.print(
        f"{out}: written; over {done.checked_ms} {unit} of random spikes it differs from {name} "
        f"by {done.largest_difference:.1e} of scale at most"
    )
