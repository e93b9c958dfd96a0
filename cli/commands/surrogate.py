"""Commands that fit a surrogate and use it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ..options import MOST_PROCESSES, Device, Out, Overwrite, Resume, examples, trial_numbers

commands = typer.Typer()
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Replace a setting of the fit. Repeatable.")
]


@commands.command(
    short_help="Fit a surrogate to a dataset.",
    epilog=examples(
        "apical fit data.zarr --model elm --size 20 --out runs/elm-20",
        "apical fit data.zarr --model tcn --size 2x32 --steps 800 --out runs/tcn-2x32",
        "apical fit data.zarr --model elm --size 20 --recipe paper --out runs/paper --resume",
    ),
)
def fit(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="A simulation.")],
    out: Out,
    model: Annotated[str, typer.Option(help="Family: elm, tcn, lstm, gru, ln, lif or alif.")] = "elm",
    size: Annotated[
        str | None,
        typer.Option(
            help="elm: memory units (20), or simplest; tcn: depth x width (7x128); lstm, gru: cells (50); "
            "ln: time constants (3); lif, alif: 1."
        ),
    ] = None,
    recipe: Annotated[str, typer.Option(help="quick (a laptop) or paper (published settings).")] = "quick",
    steps: Annotated[int | None, typer.Option(min=1, help="Training steps [default: the recipe's].")] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Windows per step [default: the recipe's].")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Initial weights and order of batches.")] = 0,
    fields: Settings = None,
    dendrites: Annotated[int, typer.Option(min=0, help="tcn: components of the dendrites' voltages to fit.")] = 0,
    patience: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many validations without a better RMSE [default: never].")
    ] = None,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Write a log for TensorBoard too.")] = False,
    device: Device = "auto",
    resume: Resume = False,
    overwrite: Overwrite = False,
) -> None:
    """Fit a surrogate to a dataset. Trials are split, never windows; the model is chosen on validation RMSE.

    On several GPUs: torchrun --nproc-per-node 2 -m apical.cli fit …, each takes its share of every batch.
    """
    from ...simulate.changes import parsed
    from ...simulate.names import nearest
    from ...surrogate.fitting.fit import FitProgress, fit
    from ...surrogate.fitting.recipe import DEFAULT_SIZE, paper, quick
    from ...surrogate.models.families import check_family
    from ...surrogate.processes import started
    from ..progress import bar, console, errors

    check_family(model)
    changes = {"seed": seed, "dendrite_components": dendrites}
    given = {"steps": steps, "batch": batch, "patience": patience}
    changes |= {name: value for name, value in given.items() if value is not None} | parsed(fields or ())
    make = {"quick": quick, "paper": paper}[nearest("recipe", recipe, ("quick", "paper"))]
    chosen: dict[str, Any] = {"family": model, "size": size or DEFAULT_SIZE[model]}
    config = make(**chosen | changes)
    with bar(f"Fitting {config.family} {config.size}", config.steps) as show:

        def report(progress: FitProgress) -> None:
            note = f"loss {progress.loss:.3f}"
            if progress.validation_rmse_mv == progress.validation_rmse_mv:
                note += f"  val {progress.validation_rmse_mv:.2f} mV  AUC {progress.validation_roc_auc:.3f}"
            show(progress.step, progress.steps, note)

        fit(
            config,
            data,
            out,
            device=device,
            resume=resume,
            overwrite=overwrite,
            tensorboard=tensorboard,
            report=report,
            say=errors.print,
        )
    if not started().first:
        return
    console.print(f"{out}: fitted; `apical predict {out} {data} --out prediction.zarr` predicts the held-out trials")


@commands.command(
    short_help="Fit, predict and score many surrogates.",
    epilog=examples(
        "apical sweep parameter-efficiency data.zarr --out sweeps/parameters",
        "apical sweep data-efficiency data.zarr --out sweeps/data --set steps=20000 --workers 2",
        "apical sweep my-sweep.toml data.zarr --out sweeps/mine --resume",
    ),
)
def sweep(
    sweep: Annotated[str, typer.Argument(metavar="SWEEP", help="parameter-efficiency, data-efficiency, or a .toml.")],
    data: Annotated[Path, typer.Argument(metavar="DATA", help="A simulation.")],
    out: Out,
    fields: Settings = None,
    workers: Annotated[
        int,
        typer.Option(
            min=0, max=MOST_PROCESSES, help="Processes of one core that share the runs; 0: one run after another here."
        ),
    ] = 0,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS|FILE", help="Share the runs among the workers of a Dask scheduler.")
    ] = None,
    device: Device = "auto",
    resume: Resume = False,
    overwrite: Overwrite = False,
) -> None:
    """Fit, predict and score every model of a sweep: models × sizes × seeds × amounts of data.

    A run that fails is noted in runs.csv and stops no other. scores.csv has a row for each that is done; `apical
    compare` draws it. Seeds of one ELM are fitted together.
    """
    from ...analysis.scores.evaluate import write_score
    from ...analysis.scores.files import join_scores
    from ...simulate.changes import parsed
    from ...surrogate.sweep.sweep import SCORES, Scoring, run_sweep
    from ...surrogate.sweep.sweep_config import read_sweep
    from ..progress import bar, console, errors
    from ..spreading import spread_over

    config = read_sweep(sweep).changed(parsed(fields or ()))
    with bar("Runs") as show, spread_over(workers, scheduler) as spread:
        outcomes = run_sweep(
            config,
            data,
            out,
            Scoring(write_score, join_scores),
            device=device,
            resume=resume,
            overwrite=overwrite,
            spread=spread,
            report=show,
        )
    failed = [outcome for outcome in outcomes if outcome.error]
    for outcome in failed:
        errors.print(f"{outcome.run}: {outcome.error}", soft_wrap=True)
    done = f"{len(outcomes) - len(failed)} of {len(outcomes)} runs done"
    console.print(f"{out}: {done}; `apical compare {out / SCORES} --out figure.png` draws them")
    if failed:
        raise typer.Exit(1)


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
        list[Path], typer.Argument(metavar="[RUN] DATA", help="A run (folder, or owner/name on a hub), a simulation.")
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
    chosen: Any = trial_numbers(trials) or trials
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
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run, a published ELM, or owner/name on a hub.")],
    to: Annotated[str, typer.Option(metavar="FORMAT", help="torch-export (.pt2) or onnx (.onnx).")],
    out: Out,
    overwrite: Overwrite = False,
) -> None:
    """Write a surrogate to a file that runs without apical, a bin of 1 ms at a time.

    The file is loaded again and run on random spikes; it is kept only where it gives the surrogate's own numbers.
    """
    from ...surrogate.use.checkpoint import Surrogate
    from ...surrogate.use.export import export
    from ..progress import console

    surrogate = Surrogate.load(run)
    done = export(surrogate, out, to, overwrite=overwrite)
    console.print(
        f"{out}: written; over {done.checked_ms} ms of random spikes it differs from {surrogate.run} "
        f"by {done.largest_difference:.1e} of scale at most"
    )
