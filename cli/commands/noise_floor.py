"""The command that integrates a dataset's trials otherwise: the best that a surrogate can be expected to do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ..options import Out, Overwrite, Resume, Workers, examples, whole_numbers

commands = typer.Typer()


@commands.command(
    "noise-floor",
    short_help="Predict trials by integrating them otherwise.",
    epilog=examples(
        "apical noise-floor data.zarr --dt 0.0125 --out floor.zarr",
        "apical noise-floor data.zarr --engine neuron --dt 0 --tolerance 0.001 --trials 0,3,7 --out floor.zarr",
        "apical noise-floor data.zarr --dt 0.0125 --trials-of elm-20.zarr --workers 2 --out floor.zarr --resume",
        "apical noise-floor data.zarr --order 1 --morphology moved/cell1.asc --out floor.zarr",
    ),
)
def noise_floor(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="A simulation.")],
    out: Out,
    dt: Annotated[
        float | None, typer.Option(help="Step in ms; 0 for plain NEURON's variable step [default: DATA's].")
    ] = None,
    order: Annotated[
        Literal["1", "2"] | None, typer.Option(help="Of accuracy, with a fixed step [default: DATA's].")
    ] = None,
    engine: Annotated[
        str | None, typer.Option(help="coreneuron, neuron (plain), batched or auto [default: DATA's].")
    ] = None,
    tolerance: Annotated[float | None, typer.Option(help="Absolute, of the variable step [default: DATA's].")] = None,
    trials: Annotated[str | None, typer.Option(metavar="0,3,7", help="Numbers [default: all finished ones].")] = None,
    trials_of: Annotated[
        Path | None, typer.Option(metavar="PREDICTION", help="Take the trials of this prediction of DATA.")
    ] = None,
    morphology: Annotated[
        str | None, typer.Option(metavar="PATH", help="Where DATA's morphology is now, if it has moved.")
    ] = None,
    biophysics: Annotated[
        str | None, typer.Option(metavar="PATH", help="Where DATA's parameter set is now, if it has moved.")
    ] = None,
    mechanisms: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Where DATA's own NMODL is now, if it has moved.")
    ] = None,
    input_spikes: Annotated[
        str | None, typer.Option(metavar="PATH", help="Where DATA's given input spikes are now, if they have moved.")
    ] = None,
    workers: Workers = None,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS|FILE", help="A Dask cluster that is there, in place of --workers.")
    ] = None,
    resume: Resume = False,
    overwrite: Overwrite = False,
) -> None:
    """Integrate trials of a dataset again with another step, order, engine or tolerance, and write the outcome as a
    prediction. Its scores are the noise floor: no surrogate can be expected to do better.
    """
    from ...simulate.run.dataset import available_cores
    from ...simulate.run.noise_floor import noise_floor
    from ...simulate.schema import InputError, shown
    from ..progress import bar, console

    numbers = None if trials is None else whole_numbers(trials)
    if trials is not None and numbers is None:
        raise InputError(f"trials {shown(trials)}: give trial numbers, such as 0,3,7")
    integration: dict[str, Any] = {"engine": engine, "tolerance": tolerance}
    integration = {name: value for name, value in integration.items() if value is not None}
    if dt is not None:
        integration["dt_ms"] = dt or None
    if order is not None:
        integration["second_order"] = order == "2"
    moved = {"morphology": morphology, "biophysics": biophysics, "mechanisms": mechanisms, "input_spikes": input_spikes}
    with bar("Integrating") as show:
        noise_floor(
            data,
            out,
            integration,
            trials=numbers,
            trials_of=trials_of,
            moved={name: path for name, path in moved.items() if path is not None},
            workers=workers or available_cores(),
            scheduler=scheduler,
            resume=resume,
            overwrite=overwrite,
            busy=show.waiting,
            so_far=show,
        )
    console.print(f"{out}: written; `apical evaluate {data} {out}` scores it")
