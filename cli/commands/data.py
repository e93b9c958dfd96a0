"""Commands that make a dataset, and the one that looks at it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ..options import (
    MOST_PROCESSES,
    Celsius,
    ConfigFile,
    Fields,
    Json,
    Mechanisms,
    ModelCell,
    OtherBiophysics,
    OtherMorphology,
    Out,
    Overwrite,
    Preset,
    Regions,
    Resume,
    Workers,
    examples,
    regions_told,
)

commands = typer.Typer()

DEFAULT_TRIALS = 10


@commands.command(
    short_help="Simulate trials of the cell.",
    epilog=examples(
        "apical simulate --out data.zarr --trials 20 --workers 2",
        "apical simulate nmda --morphology hay2011 --out neuronio.zarr --trials 40 --seed 1",
        "apical simulate nmda --morphology cell1.asc --seconds 2 --dt 0.05 --out short.zarr",
        "apical simulate nmda --morphology mine.swc --biophysics mine.toml --out mine.zarr",
        "apical simulate nmda --morphology mine.swc --biophysics mine.toml --mechanisms mod --out mine.zarr",
        "apical simulate nmda --cell model.hoc:Pyramidal --mechanisms mod --out theirs.zarr",
        "apical simulate --out many.zarr --trials 600 --engine coreneuron",
        "apical simulate --out many.zarr --trials 6000 --engine batched --device cuda",
        "apical simulate --out data.zarr --trials 20 --workers 2 --resume",
        "apical simulate --out data.zarr --trials 20 --seed 1 --append",
        "apical simulate --out data.zarr --trials 1000 --scheduler tcp://10.0.0.1:8786",
        "apical simulate passive-dendrites --set statistics.excitatory_basal=[0,900] --trials 20 --out passive.zarr",
        "apical simulate --config mine.toml --input-spikes events.csv --trials 3 --out replayed.zarr",
    ),
)
def simulate(
    out: Out,
    preset: Preset = None,
    trials: Annotated[int | None, typer.Option(min=1, help="How many [default: 10; with --resume all].")] = None,
    seconds: Annotated[float | None, typer.Option(min=0.001, help="Length of a trial in s [default: 6].")] = None,
    workers: Workers = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Fixes the inputs, together with the trial number [default: 0].")
    ] = None,
    morphology: OtherMorphology = None,
    biophysics: OtherBiophysics = None,
    mechanisms: Mechanisms = None,
    cell: ModelCell = None,
    region: Regions = None,
    celsius: Celsius = None,
    engine: Annotated[
        str | None,
        typer.Option(
            help="coreneuron, neuron (plain), batched (many trials side by side), or auto, the fastest for the cell "
            "and so many trials [default: auto]."
        ),
    ] = None,
    device: Annotated[
        str,
        typer.Option(
            help="Where engine batched runs: cpu, cuda (all GPUs), cuda:N (one), or auto: GPUs where there are any."
        ),
    ] = "auto",
    dt: Annotated[
        float | None, typer.Option(help="Step in ms; 0 for plain NEURON's variable step [default: 0.025].")
    ] = None,
    fine: Annotated[bool, typer.Option("--fine", help="Keep the soma voltage at 8 samples per ms too.")] = False,
    input_spikes: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Replay these: a dataset, .npy, .npz or Zarr array, or a .csv of events."),
    ] = None,
    config_file: ConfigFile = None,
    fields: Fields = None,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS|FILE", help="A Dask cluster that is there, in place of --workers.")
    ] = None,
    append: Annotated[bool, typer.Option("--append", help="Add the trials to the dataset at --out.")] = False,
    resume: Resume = False,
    overwrite: Overwrite = False,
) -> None:
    """Simulate trials of the cell under random synaptic input and write them to one Zarr store.

    `apical presets` lists the presets and every field of the configuration that --set or --config can replace.
    """
    from ...simulate.cell.models import taking
    from ...simulate.cell.models.taken import OWN
    from ...simulate.changes import configured
    from ...simulate.run.dataset import available_cores, simulate
    from ...simulate.run.summary import Summary
    from ...simulate.schema import InputError
    from ..progress import bar, console, errors

    if cell is not None:
        if morphology or biophysics:
            raise InputError("--cell: the model makes a whole cell; leave --morphology and --biophysics out")
        morphology, biophysics = str(taking.take_cell(cell, mechanisms, regions_told(region), celsius)), OWN
        mechanisms = None
    elif region or celsius is not None:
        raise InputError("--region and --celsius are of a model's cell; give --cell too")
    given = {
        "morphology": morphology,
        "biophysics": biophysics,
        "mechanisms": mechanisms,
        "seconds": seconds,
        "seed": seed,
        "record_fine": fine or None,
        "input_spikes": None if input_spikes is None else str(input_spikes),
        "integration": _given({"engine": engine, "dt_ms": dt}) | ({"dt_ms": None} if dt == 0 else {}),
    }
    config = configured(preset, config_file, _given(given), fields or ())
    summary = Summary(config.seconds)
    with bar("Simulating", trials) as show:

        def so_far(done: float, total: int) -> None:
            show(done, total, f"{summary.rate_hz:.2f} Hz out" if summary.trials else "")

        simulate(
            config,
            out,
            trials or (None if resume else DEFAULT_TRIALS),
            workers or available_cores(),
            scheduler=scheduler,
            device=device,
            resume=resume,
            append=append,
            overwrite=overwrite,
            busy=show.waiting,
            report=summary.add,
            so_far=so_far,
            dashboard=lambda address: errors.print(f"dashboard: {address}"),
            note=errors.print,
        )
    for line in summary.lines() if summary.trials else ["all its trials are there already"]:
        console.print(f"{out}: {line}")


@commands.command(
    "import-neuronio",
    short_help="Read published NeuronIO pickles.",
    epilog=examples(
        "apical import-neuronio nmda_4_trials.p --out nmda.zarr",
        "apical import-neuronio *.p -o all.zarr --workers 4",
        "apical import-neuronio *.p -o all.zarr --workers 4 --resume",
    ),
)
def import_neuronio(
    files: Annotated[list[Path], typer.Argument(metavar="FILE.p…", help="Published pickles.")],
    out: Out,
    workers: Annotated[
        int | None, typer.Option(min=1, max=MOST_PROCESSES, help="Files read at a time [default: all cores].")
    ] = None,
    resume: Resume = False,
    overwrite: Overwrite = False,
) -> None:
    """Read published NeuronIO pickles into a dataset; nothing in them is run. An import that was stopped can go on.

    A worker takes about 0.5 GB of memory for a published file, with dendrites or without.
    """
    from contextlib import ExitStack

    from ...simulate.neuronio.importing import import_neuronio
    from ...simulate.run.dataset import available_cores
    from ..progress import bar, console

    shown: dict[str, Any] = {}
    with ExitStack() as bars:

        def report(what: str, done: int, total: int) -> None:
            if what not in shown:
                bars.close()  # the bar before
                shown[what] = bars.enter_context(bar(what))
            shown[what](done, total)

        workers = workers or available_cores()
        import_neuronio(files, out, workers=workers, resume=resume, overwrite=overwrite, report=report)
    console.print(f"{out}: written; `apical inspect {out}` shows it")


@commands.command(
    short_help="Summarise and draw a dataset.",
    epilog=examples("apical inspect data.zarr", "apical inspect data.zarr --trial 3 --out trial3.pdf"),
)
def inspect(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="A dataset: simulation or prediction.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Picture [default: DATA with .png].")] = None,
    trial: Annotated[int | None, typer.Option(help="Trial to draw [default: a typical one].")] = None,
    as_json: Json = False,
) -> None:
    """Summarise a dataset, and draw one trial and the rates of all. Flags a cell that is silent or never is, and
    trials that are numerically unstable.
    """
    from ...analysis.pages.inspect import inspect_figure, summary
    from ...analysis.pages.scan import scan
    from ..progress import bar, console
    from ..tables import print_json, print_summary

    picture = None
    with bar("Reading") as show:
        scanned = scan(data, show)
        found = summary(data, scanned)
        if not as_json or out or trial is not None:
            picture = inspect_figure(data, out or data.with_suffix(".png"), trial, scanned)
    if as_json:
        print_json(found | ({"picture": str(picture)} if picture else {}))
        return
    print_summary(found)
    console.print(f"picture: {picture}")


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}
