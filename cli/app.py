"""`apical` itself: each command parses its options, calls one function of a stage, and prints what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .commands import (
    cell,
    comparison,
    data,
    elsewhere,
    engine,
    generalise,
    look,
    mechanisms,
    models,
    noise_floor,
    population,
    report,
    surrogate,
    sweep,
    tasks,
)
from .options import Device, examples

app = typer.Typer(
    name="apical",
    help="Simulate a detailed neuron, fit small networks that replace it, and compare what each parameter buys.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"apical {version('apical')}")
        raise typer.Exit


@app.callback(
    invoke_without_command=True, epilog=examples("apical quickstart", "apical cells", "apical simulate --help")
)
def apical(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


for part in (
    cell,
    mechanisms,
    data,
    elsewhere,
    engine,
    noise_floor,
    models,
    surrogate,
    population,
    sweep,
    comparison,
    generalise,
    look,
    report,
    tasks,
):
    app.add_typer(part.commands)


@app.command(
    short_help="Go the whole way, start to figure.",
    epilog=examples("apical quickstart", "apical quickstart --tiny --out /tmp/first"),
)
def quickstart(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for everything it makes.")] = Path("quickstart"),
    tiny: Annotated[
        bool, typer.Option("--tiny", help="Smallest size that runs every stage: for a first check.")
    ] = False,
    device: Device = "auto",
) -> None:
    """Go the whole way: simulate, fit five surrogates, predict and score held-out trials, draw the figure.

    What is already there from an earlier start is kept, so a stopped quickstart goes on where it was.
    """
    from .quickstart import run

    run(out, tiny=tiny, device=device)
