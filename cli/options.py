"""Options that several commands share, and how their examples are shown."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Out = Annotated[Path, typer.Option("--out", "-o", help="Where to write it.")]
OutOrResumed = Annotated[Path | None, typer.Option("--out", "-o", help="Where to write it.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is at --out.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with what is at --out.")]
MOST_PROCESSES = 1024  # more would take a machine down before they do anything
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines, and nothing else.")]
Workers = Annotated[
    int | None, typer.Option(min=1, max=MOST_PROCESSES, help="Processes, one cell each [default: all cores].")
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="FIELD=VALUE", help="Replace a setting; `apical presets fit` lists them. Repeatable."
    ),
]
Device = Annotated[str, typer.Option(help="auto (CUDA where there is one), cpu, cuda, or cuda:N: one GPU of several.")]
RunOrName = Annotated[
    str, typer.Argument(metavar="RUN", help="A run, a model that ships, a published ELM, or owner/name on a hub.")
]
MorphologyName = Annotated[str, typer.Option(metavar="NAME|PATH", help="Catalogue name, or an .asc or .swc file.")]

Preset = Annotated[
    str | None, typer.Argument(metavar="[PRESET]", help="`apical presets` lists them [default: nmda-ttpc1].")
]
OtherMorphology = Annotated[
    str | None,
    typer.Option(metavar="NAME|PATH", help="Catalogue name, or an .asc or .swc file [default: the preset's]."),
]
ModelCell = Annotated[
    str | None,
    typer.Option(
        "--cell",
        metavar="MODEL",
        help="A cell as its model makes it, MODEL.hoc:TEMPLATE or MODULE.py:FUNCTION, whose code is run; with "
        "--mechanisms for its NMODL.",
    ),
]
Celsius = Annotated[
    float | None,
    typer.Option(min=-273.15, help="Temperature of a model's cell [default: what the model sets, else NEURON's 6.3]."),
]
Regions = Annotated[
    list[str] | None,
    typer.Option("--region", metavar="REGION=NAMES", help="Sections of a model's cell: basal=dend*,d2. Repeatable."),
]
OtherBiophysics = Annotated[
    str | None,
    typer.Option(metavar="NAME|PATH", help="Parameter set, or a .toml or .json file [default: the preset's]."),
]
Mechanisms = Annotated[
    str | None,
    typer.Option(metavar="FOLDER", help="Your own NMODL, in place of the folder that the parameter file names."),
]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", metavar="FILE.toml", help="Fields that replace those of the preset.")
]
Fields = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=VALUE", help="Replace a field; `apical presets` lists them. Repeatable."),
]


def places(
    context: typer.Context, data: list[Path] | None, out: Path | None, resume: bool, live: bool = False
) -> tuple[list[Path] | None, Path]:
    """Datasets and folder; with --resume the folder may stand alone, and knows its data."""
    if resume and out is None and data and len(data) == 1:
        (out,), data = data, None
    if out is None:
        context.fail("Missing option '--out' / '-o'.")
    if not data and not resume and not live:
        context.fail("Missing argument 'DATA…'.")
    if data and live:
        context.fail("Only one of argument 'DATA…' and option '--live' can be given.")
    return data or None, out


def regions_told(words: list[str] | None) -> dict[str, str]:
    """Region -> names of sections, from REGION=NAMES. Raises InputError for a word without =."""
    from ..simulate.schema import InputError

    found = {}
    for word in words or ():
        region, equals, names = word.partition("=")
        if not equals:
            raise InputError(f"--region {word}: expected REGION=NAMES, such as basal=dend*")
        found[region.strip()] = names
    return found


def whole_numbers(text: str) -> list[int] | None:
    """The numbers in a list such as 0,3,7; None where it is none, or one does not fit into 64 bits."""
    numbers = [number.strip() for number in text.split(",")]
    if not all(number.isascii() and number.isdecimal() and len(number) < 19 for number in numbers):
        return None
    return [int(number) for number in numbers]


def examples(*lines: str) -> str:
    """What `--help` ends with."""
    return "Examples:\n\n\b\n" + "\n".join(f"  {line}" for line in lines)
