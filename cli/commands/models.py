"""The command that lists the models that come with the package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ..options import Json, examples

if TYPE_CHECKING:
    from ...surrogate.use.shipped import Measured

commands = typer.Typer()


@commands.command(
    short_help="List the fitted models that ship.",
    epilog=examples(
        "apical models",
        "apical models ttpc1-nmda",
        "apical predict ttpc1-nmda data.zarr --out predicted.zarr",
        "apical export ttpc1-nmda --to onnx --out ttpc1.onnx",
    ),
)
def models(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Print the card of this one.")] = None,
    as_json: Json = False,
) -> None:
    """List the fitted models that come with apical, and what they score on trials that they never saw.

    Whatever takes a run takes their names. They need no network.
    """
    from ...surrogate.use.shipped import about, card_of, names
    from ..progress import console
    from ..tables import print_json, print_table

    if name is not None:
        print_json(about(name).model_dump()) if as_json else print(card_of(name), end="")
        return
    there = [about(each) for each in names()]
    if as_json:
        print_json([each.model_dump() for each in there])
        return
    rows = [
        (
            each.name,
            f"{each.n_parameters:,}",
            f"{each.n_inputs:,}",
            _with_interval(each.roc_auc, 4),
            _with_interval(each.rmse_mv, 3),
            _with_interval(each.average_precision, 3),
        )
        for each in there
    ]
    print_table("Models", ["name", "parameters", "inputs", "ROC-AUC", "RMSE (mV)", "AP"], rows)
    for each in there:
        other = f" --morphology {each.morphology}" if each.morphology else ""
        console.print(
            f"{each.name}: {each.dataset}; fitted to {each.train_trials} trials, scored on {each.n_trials} others "
            f"({each.n_output_spikes:,} output spikes); `apical simulate {each.preset}{other}` makes more",
            soft_wrap=True,
        )
    console.print("In brackets: 95 %, by bootstrap over trials.")


def _with_interval(score: Measured, digits: int) -> str:
    return f"{score.value:.{digits}f} ({score.low:.{digits}f}–{score.high:.{digits}f})"
