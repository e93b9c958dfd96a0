"""Commands about the cell: which there are, and whether one is sound."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ..options import Celsius, Json, Mechanisms, MorphologyName, Out, Overwrite, Regions, examples, regions_told

commands = typer.Typer()


@commands.command(
    short_help="List morphologies and parameter sets.",
    epilog=examples("apical cells", "apical cells --json", "apical cells --print hay2011"),
)
def cells(
    as_json: Json = False,
    parameters: Annotated[
        str | None, typer.Option("--print", metavar="NAME", help="Print a parameter set, to start one's own from.")
    ] = None,
) -> None:
    """List the morphologies and parameter sets, where they come from, and whether they are there."""
    from ...simulate.cell import biophysics
    from ...simulate.cell.catalogue import catalogue
    from ...simulate.cell.morphologies import DEFAULT
    from ..progress import console
    from ..tables import print_json, print_table

    if parameters is not None:
        print(biophysics.text_of(parameters), end="")
        return
    rows = catalogue()
    sets = [{"name": name, "source": biophysics.load(name).source} for name in biophysics.available()]
    if as_json:
        print_json({"morphologies": rows, "biophysics": sets})
        return
    shown = [
        (
            row["name"],
            row["biophysics"],
            "yes" if row["present"] else "no",
            row["sections"],
            row["segments"],
            row["licence"],
        )
        for row in rows
    ]
    print_table(
        "Morphologies (--morphology)", ["name", "biophysics", "there", "sections", "segments", "licence"], shown
    )
    for row in rows:
        what = f"{row['kind']}; {row['source']}" if row["kind"] else row["source"]
        console.print(f"{row['name']}: {what}" + (" (the default)" if row["name"] == DEFAULT else ""))
        if not row["present"]:
            console.print(f"  fetched on first use; offline, put the file at {row['path']}")
    console.print()
    print_table("Parameter sets (--biophysics)", ["name", "source"], [tuple(s.values()) for s in sets], numbers_from=2)


@commands.command(
    "take-cell",
    short_help="Take over a cell from a hoc or Python model.",
    epilog=examples(
        "apical take-cell model.hoc:Pyramidal --mechanisms mod --out theirs.json",
        "apical take-cell 'template.hoc:cADpyr(0)' --mechanisms mechanisms --celsius 34 --out cadpyr.json",
        "apical take-cell cell.py:build --region basal='dend*' --region apical=trunk,tuft --out built.json",
        "apical simulate --morphology theirs.json --out data.zarr",
    ),
)
def take_cell(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="MODEL.hoc:TEMPLATE or MODULE.py:FUNCTION.")],
    out: Out,
    mechanisms: Mechanisms = None,
    region: Regions = None,
    celsius: Celsius = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Run a model's code, in a process of its own, and write the cell that it makes: sections, what stands in them, and
    the NMODL of it. The file is a morphology for every other command, and no code is in it.
    """
    from ...simulate.cell.models import taken, taking
    from ...simulate.schema import InputError
    from ..progress import bar, console
    from ..tables import print_json, print_table

    if out.suffix.lower() != taken.SUFFIX:
        raise InputError(f"{out}: a cell is written to a {taken.SUFFIX} file")
    if out.exists() and not overwrite:
        raise InputError(f"{out}: exists already; give --overwrite to replace it")
    regions = regions_told(region)
    with bar("Taking over") as show, show.waiting("Running the model"):
        taking.take_cell(model, mechanisms, regions, celsius, out)
    cell = taken.read(out)
    rows = []
    for name in taken.REGIONS:
        sections = [section for section in cell.sections if section.region == name]
        stand = sorted({mechanism for section in sections for mechanism in section.mechanisms})
        length_um = sum(section.length_um for section in sections)
        segments = sum(section.nseg for section in sections)
        rows.append((name, len(sections), segments, f"{length_um:,.0f}", ", ".join(stand)))
    if as_json:
        fields = ("region", "sections", "segments", "length_um", "mechanisms")
        print_json(
            {"name": cell.name, "celsius": cell.celsius, "regions": [dict(zip(fields, r, strict=True)) for r in rows]}
        )
        return
    print_table(f"{cell.name}, {cell.celsius:g} °C", ["region", "sections", "segments", "µm", "mechanisms"], rows)
    console.print(f"{out}: use it as --morphology", markup=False)


@commands.command(
    short_help="List presets and what can be varied.",
    epilog=examples("apical presets", "apical presets --json", "apical presets fit"),
)
def presets(
    of: Annotated[
        Literal["simulate", "fit"], typer.Argument(metavar="[COMMAND]", help="simulate or fit.")
    ] = "simulate",
    as_json: Json = False,
) -> None:
    """List the presets of `apical simulate`, and the fields of its configuration with their defaults; or the sizes,
    settings and options of `apical fit`.
    """
    if of == "fit":
        from ..fit_settings import print_fit_settings

        print_fit_settings(as_json)
        return
    from ...simulate.changes import fields
    from ...simulate.presets import PRESETS
    from ..progress import console
    from ..tables import print_json, print_table

    about = {name: (make.__doc__ or "").partition("\n")[0] for name, make in PRESETS.items()}
    if as_json:
        print_json({"presets": about, "fields": fields()})
        return
    print_table("Presets", ["name", "what it is"], list(about.items()), numbers_from=2)
    console.print()
    console.print("Fields of the configuration (--set FIELD=VALUE, or in a --config file)", style="bold")
    for field in fields():
        default = "" if field["default"] is None else str(field["default"])
        console.print(f"{field['name']:<46}{default:<14}{field['about']}", markup=False)


@commands.command(
    short_help="Check a cell's physiology and numerics.",
    epilog=examples(
        "apical validate --morphology hay2011",
        "apical validate --morphology cell1.asc --biophysics hay2011 --out figure.pdf",
        "apical validate --morphology hay2011 --quick --json",
        "apical validate --morphology hay2011 --only f-I --replay nmda_4_trials.p",
    ),
)
def validate(
    morphology: MorphologyName = "ttpc1",
    biophysics: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|PATH", help="Parameter set, or a .toml or .json file [default: the morphology's own]."
        ),
    ] = None,
    mechanisms: Mechanisms = None,
    engine: Annotated[
        str | None, typer.Option(help="coreneuron, neuron (plain), batched or auto [default: auto, so coreneuron].")
    ] = None,
    dt: Annotated[
        float | None, typer.Option(help="Step in ms; 0 for the variable step [default: as apical simulate].")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Figure [default: validation.png; with --json, none].")
    ] = None,
    replay: Annotated[
        Path | None, typer.Option(metavar="FILE.p", help="Replay the trials of a NeuronIO pickle too.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(help="dendrites, steps, f-I, rest, attenuation, convergence, engines or replay; may be repeated."),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Without 2 s steps and replay; fewer points.")] = False,
    as_json: Json = False,
) -> None:
    """Check a cell against published physiology and the theory of its integration; draw one page.

    Golden values are known of hay2011 with hay2011 or shai2015, and of ttpc1 and ttpc2 with bbp2015. What there is no
    reference for is measured, and the verdict on its protocol says so. The exit status is 1 when a check fails.
    """
    from ...analysis.pages.validation_figure import validation_figure
    from ...analysis.style import check_suffix
    from ...simulate.engine.interface import Integration
    from ...simulate.validation.validate import validate
    from ..progress import bar, errors
    from ..tables import print_checks, print_json

    picture = check_suffix(out or "validation.png") if out or not as_json else None
    chosen = {"engine": engine} if engine else {}
    integration = Integration.model_validate(chosen | ({} if dt is None else {"dt_ms": dt or None}))
    with bar("Validating") as show:
        found = validate(
            morphology,
            biophysics,
            integration,
            mechanisms=mechanisms,
            quick=quick,
            only=only or (),
            neuronio=replay,
            busy=show.waiting,
            report=show,
        )
    if picture:
        validation_figure(found.plain(), found.traces, picture)
    if as_json:
        print_json(found.plain())
    else:
        print_checks(found, picture)
    for each in found.failed:
        errors.print(f"apical validate: failed: {each}", soft_wrap=True)
    if found.failed:
        raise typer.Exit(1)
