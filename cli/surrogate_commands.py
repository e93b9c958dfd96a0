"""Commands that fit a surrogate and use it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from .options import Device, Out, Overwrite, Resume, examples

commands = typer.Typer()


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
    model: Annotated[str, typer.Option(help="Family: elm, tcn, lstm or gru.")] = "elm",
    size: Annotated[
        str | None, typer.Option(help="elm: memory units (20); tcn: depth x width (7x128); lstm, gru: cells (50).")
    ] = None,
    recipe: Annotated[str, typer.Option(help="quick (a laptop) or paper (published settings).")] = "quick",
    steps: Annotated[int | None, typer.Option(min=1, help="Training steps [default: the recipe's].")] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Windows per step [default: the recipe's].")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Initial weights and order of batches.")] = 0,
    dendrites: Annotated[int, typer.Option(min=0, help="tcn: components of the dendrites' voltages to fit.")] = 0,
    device: Device = "auto",
    resume: Resume = False,
    overwrite: Overwrite = False,
) -> None:
    """Fit a surrogate to a dataset. Trials are split, never windows; the model is chosen on validation RMSE."""
    from ..simulate.names import nearest
    from ..surrogate.fit import FitProgress, fit
    from ..surrogate.models import check_family
    from ..surrogate.recipe import DEFAULT_SIZE, paper, quick
    from .progress import bar, console, errors

    check_family(model)
    changes = {"seed": seed, "dendrite_components": dendrites}
    changes |= {name: value for name, value in (("steps", steps), ("batch", batch)) if value is not None}
    make = {"quick": quick, "paper": paper}[nearest("recipe", recipe, ("quick", "paper"))]
    config = make(model, size or DEFAULT_SIZE[model], **changes)
    with bar(f"Fitting {config.family} {config.size}", config.steps) as show:

        def report(progress: FitProgress) -> None:
            note = f"loss {progress.loss:.3f}"
            if progress.validation_rmse_mv == progress.validation_rmse_mv:
                note += f"  val {progress.validation_rmse_mv:.2f} mV  AUC {progress.validation_roc_auc:.3f}"
            show(progress.step, progress.steps, note)

        fit(config, data, out, device=device, resume=resume, overwrite=overwrite, report=report, say=errors.print)
    console.print(f"{out}: fitted; `apical predict {out} {data} --out prediction.zarr` predicts the held-out trials")


@commands.command(
    short_help="Predict a dataset with a surrogate.",
    epilog=examples(
        "apical predict runs/elm-20 data.zarr --out elm-20.zarr",
        "apical predict --elm-checkpoint models/num_memory_20 neuronio.zarr --out published.zarr",
    ),
)
def predict(
    paths: Annotated[list[Path], typer.Argument(metavar="[RUN] DATA", help="A run's folder, and a simulation.")],
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
    from ..simulate.schema import InputError
    from ..surrogate.checkpoint import load_published_elm, load_run
    from ..surrogate.predict import predict
    from .progress import bar, console

    if len(paths) != (1 if elm_checkpoint else 2):
        expected = "DATA alone with --elm-checkpoint" if elm_checkpoint else "RUN and DATA"
        raise InputError(f"predict takes {expected}, got {len(paths)} paths: {', '.join(map(str, paths))}")
    surrogate = load_published_elm(elm_checkpoint) if elm_checkpoint else load_run(paths[0])
    numbers = [number.strip() for number in trials.split(",")]
    chosen: Any = [int(number) for number in numbers] if all(map(str.isdecimal, numbers)) else trials
    with bar(f"Predicting with {surrogate.name}") as show:
        predict(surrogate, paths[-1], out, trials=chosen, mode=mode, device=device, overwrite=overwrite, report=show)
    console.print(f"{out}: written; `apical evaluate {paths[-1]} {out}` scores it")
