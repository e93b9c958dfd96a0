"""`apical tasks …`: long-horizon tasks, made, read and looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..options import Json, examples
from .task_sources import GROUP, make, read

commands = typer.Typer()
tasks = typer.Typer(help="Long-horizon tasks: make them, read them, look at them.", **GROUP)  # type: ignore[arg-type]
tasks.add_typer(make, name="make", short_help="Make a task.")
tasks.add_typer(read, name="import", short_help="Read published files into a task.")
commands.add_typer(tasks, name="tasks", short_help="Long-horizon tasks: make, read, look at them.")


@tasks.command(
    short_help="Summarise a task, and draw some of it.",
    epilog=examples("apical tasks show digits.zarr", "apical tasks show digits.zarr --json"),
)
def show(
    data: Annotated[Path, typer.Argument(metavar="TASK", help="A task.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Picture [default: TASK with .png].")] = None,
    as_json: Json = False,
) -> None:
    """Summarise a task: classes, splits and lengths; and draw a training sequence of each class."""
    from ...analysis.pages.sequences import sequences_figure
    from ...tasks.schema import open_task
    from ...tasks.summary import summary
    from ..progress import bar, console
    from ..tables import print_json, print_task

    picture = None
    with bar("Reading"):
        found = summary(data)
        if not as_json or out:
            picture = sequences_figure(open_task(data), out or data.with_suffix(".png"))
    if as_json:
        print_json(found | ({"picture": str(picture)} if picture else {}))
        return
    print_task(found)
    console.print(f"picture: {picture}")
