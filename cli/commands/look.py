"""The command that looks inside a surrogate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ..options import Device, Json, RunOrName, examples

commands = typer.Typer()

SHOWN_TRIALS = 10  # of the table; --json has them all


@commands.command(
    short_help="Look inside a surrogate.",
    epilog=examples(
        "apical look runs/elm-20 data.zarr --out look",
        "apical look runs/tcn-2x32 data.zarr --prediction tcn-2x32.zarr --format pdf",
        "apical look models/num_memory_20 neuronio.zarr --morphology cell1.asc --trial 3 --out look",
    ),
)
def look(
    run: RunOrName,
    data: Annotated[Path, typer.Argument(metavar="DATA", help="A simulation.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for the figures [default: look; with --json, none].")
    ] = None,
    trial: Annotated[int | None, typer.Option(help="Whose memory is drawn [default: a typical trial].")] = None,
    prediction: Annotated[
        Path | None,
        typer.Option(metavar="PREDICTION", help="What the surrogate made of DATA [default: predicted now]."),
    ] = None,
    morphology: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="The cell's morphology, where the dataset's own is not there any more."),
    ] = None,
    suffix: Annotated[Literal["png", "svg", "pdf"], typer.Option("--format", help="Of the figures.")] = "png",
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Look inside a surrogate: where it does worst, what input its spikes follow, and what its parts do.

    Of any surrogate the worst trials and the spike-triggered input; of an ELM its memory over a trial, which time
    constants its outputs are read from, and the learned synapse weights on the cell; of a TCN its first layer.
    Predicted are the trials that it was not fitted on.
    """
    from ...analysis.style import save_figure
    from ...simulate.schema import InputError, open_dataset
    from ...surrogate.use.checkpoint import Surrogate
    from ..look_inside import look_inside, prediction_of
    from ..progress import console, errors
    from ..tables import print_json, print_table

    folder = out or (None if as_json else Path("look"))
    if folder is not None and folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file, and several figures are written; name a folder")
    surrogate, truth = Surrogate.load(run), open_dataset(data, "simulation")
    surrogate.check_inputs(truth.sizes["synapse"], data)
    figures: dict[str, str] = {}
    with prediction_of(surrogate, truth, prediction, device) as predicted:
        found = look_inside(surrogate, truth, predicted, trial, morphology)
        if folder is not None:
            for name, draw in found.figures.items():
                figure = draw()
                try:
                    folder.mkdir(parents=True, exist_ok=True)
                except OSError as error:
                    raise InputError(f"{folder}: cannot be made a folder ({error.strerror})") from error
                figures[name] = str(save_figure(figure, folder / f"{name}.{suffix}"))
    for note in found.notes:
        errors.print(note, soft_wrap=True)
    if as_json:
        told = {"model": surrogate.name, "run": surrogate.run, "dataset_id": truth.attrs["dataset_id"]}
        print_json(told | {"trial": found.trial, "figures": figures} | found.numbers)
        return
    header = ["trial", "RMSE (mV)", "spikes", "expected", "missed", "invented"]
    rows = [
        (e.trial, f"{e.rmse_mv:.3f}", e.n_spikes, f"{e.expected_spikes:.1f}", e.n_missed, f"{e.invented:.1f}")
        for e in found.errors[:SHOWN_TRIALS]
    ]
    print_table(
        f"{surrogate.name}, worst first of its scored trials ({len(found.errors)})", header, rows, numbers_from=0
    )
    for name, path in figures.items():
        console.print(f"{name.replace('_', ' ') + ':':<17}{path}")
