"""The commands that look into an engine."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from ..options import ConfigFile, Fields, Mechanisms, OtherBiophysics, OtherMorphology, Preset, examples

commands = typer.Typer()
engine = typer.Typer(help="Look into how trials are integrated.", no_args_is_help=True)
commands.add_typer(engine, name="engine", short_help="Look into how trials are integrated.")


@engine.command(
    short_help="Print the code that engine batched generates.",
    epilog=examples(
        "apical engine show",
        "apical engine show nmda --morphology cell1.asc",
        "apical engine show ball-and-stick --dt 0.05 --precision float64",
        "apical engine show --where",
    ),
)
def show(
    preset: Preset = None,
    morphology: OtherMorphology = None,
    biophysics: OtherBiophysics = None,
    mechanisms: Mechanisms = None,
    dt: Annotated[float | None, typer.Option(help="Step in ms [default: 0.025].")] = None,
    order: Annotated[Literal["1", "2"] | None, typer.Option(help="Of accuracy [default: 2].")] = None,
    precision: Annotated[
        Literal["float32", "float64"] | None, typer.Option(help="Of the arithmetic [default: float32].")
    ] = None,
    config_file: ConfigFile = None,
    fields: Fields = None,
    where: Annotated[bool, typer.Option("--where", help="Print the folder of source and library instead.")] = False,
) -> None:
    """Print the time step that engine batched generates of a cell and its mechanisms' NMODL, as C++.

    It is compiled too, so that what is printed is known to work; source and library stay in the cache folder.
    """
    from ...simulate.changes import configured
    from ...simulate.trial.generated_source import generated

    integration = {
        "dt_ms": dt,
        "second_order": None if order is None else order == "2",
        "precision": precision,
    }
    given = {
        "morphology": morphology,
        "biophysics": biophysics,
        "mechanisms": mechanisms,
        "integration": {name: value for name, value in integration.items() if value is not None} or None,
    }
    config = configured(
        preset, config_file, {name: value for name, value in given.items() if value is not None}, fields or ()
    )
    found = generated(config)
    print(found.folder if where else found.text)
