"""The command that looks at a folder of a user's own NMODL."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..options import MOST_PROCESSES, Json, examples

if TYPE_CHECKING:
    from ...simulate.validation.own_mechanisms import Survey

commands = typer.Typer()


@commands.command(
    short_help="Check your own NMODL files, engine by engine.",
    epilog=examples("apical mechanisms mod", "apical mechanisms mod --json"),
)
def mechanisms(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="With .mod files.")],
    workers: Annotated[
        int | None, typer.Option(min=1, max=MOST_PROCESSES, help="Files tried at a time [default: all cores].")
    ] = None,
    as_json: Json = False,
) -> None:
    """List which engines take each .mod file of a folder, why not, by file and line, and how far they are from plain
    NEURON, in one compartment over a second of current steps and noise, in the worse of both orders of accuracy.

    Each file is compiled and run in a process of its own, which takes up to half a minute, once. The exit status is 1
    when no engine takes one of the files, or an engine that takes it differs by more than 0.001 mV.
    """
    from ...simulate.cores import available_cores
    from ...simulate.validation.own_mechanisms import survey
    from ..progress import bar, errors
    from ..tables import print_json

    with bar("Trying") as show:
        found = list(survey(folder, show, workers or available_cores()))
    if as_json:
        print_json([each.plain() for each in found])
    else:
        _print(found)
    faults = [each.fault for each in found if each.fault]
    for fault in faults:
        errors.print(f"apical mechanisms: {fault}", soft_wrap=True, markup=False)
    if faults:
        raise typer.Exit(1)


def _print(found: list[Survey]) -> None:
    from ...simulate.validation.own_mechanisms import ENGINES
    from ..progress import console
    from ..tables import print_table

    rows = [(each.file, _name(each), *(_told(each, engine) for engine in ENGINES)) for each in found]
    print_table("Engines, and how far from plain NEURON", ["file", "mechanism", *ENGINES], rows, numbers_from=2)
    for each in found:
        reasons: dict[str, list[str]] = {}
        for engine in ENGINES:
            if engine in each.refusals:
                reasons.setdefault(each.refusals[engine], []).append(engine)
        for reason, engines in reasons.items():
            console.print(f"{', '.join(engines)}: {reason}", markup=False)
        for remark in each.remarks:
            console.print(f"remark: {remark}", markup=False)


def _name(each: Survey) -> str:
    return f"{each.mechanism}, ARTIFICIAL_CELL" if each.kind == "ARTIFICIAL_CELL" else each.mechanism or "none"


def _told(each: Survey, engine: str) -> str:
    if engine not in each.taken_by:
        return "no" if each.mechanism else ""
    return f"{max(each.differences_mv[engine].values()):.1g} mV" if engine in each.differences_mv else "yes"
