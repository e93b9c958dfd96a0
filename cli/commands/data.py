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
    "import-arrays",
    short_help="Read arrays of your own from a .npz.",
    epilog=examples(
        "apical import-arrays mine.npz --out mine.zarr",
        "apical import-arrays mine.npz --sampling 20 --name 'slice 7, cell 2' --out mine.zarr",
    ),
)
def import_arrays(
    file: Annotated[Path, typer.Argument(metavar="FILE.npz", help="Named as the arguments of `from_arrays`.")],
    out: Out,
    sampling: Annotated[
        float | None, typer.Option(metavar="KHZ", help="Samples per ms of the voltage, where the file lacks it.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="What the dataset is called [default: own arrays].")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Read what was recorded or simulated elsewhere from a .npz into a dataset.

    The file holds input_spikes, soma_v_mv and sign, and sampling_khz or time_ms; if there are, output_spike_times_ms,
    segment, distance_um and tree. The guide "Your own data" says what each is.
    """
    from ...simulate.elsewhere.arrays import OWN_ARRAYS
    from ...simulate.elsewhere.npz import import_arrays
    from ..progress import console

    import_arrays(file, out, sampling_khz=sampling, name=name or OWN_ARRAYS, overwrite=overwrite)
    console.print(f"{out}: written; `apical inspect {out}` shows it")


@commands.command(
    "import-nwb",
    short_help="Read current clamp from an NWB file.",
    epilog=examples(
        "apical import-nwb mine.nwb --out mine.zarr",
        "apical import-nwb mine.nwb --input-spikes stimulus.npz --out mine.zarr",
    ),
)
def import_nwb(
    file: Annotated[Path, typer.Argument(metavar="FILE.nwb", help="With a CurrentClampSeries for each trial.")],
    out: Out,
    input_spikes: Annotated[
        Path | None,
        typer.Option(metavar="FILE.npz", help="Arrays input_spikes and sign [default: units that have a sign]."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="What the dataset is called [default: the file's name].")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Read current clamp and spike times from an NWB file into a dataset. It takes pynwb (apical[nwb]).

    Each CurrentClampSeries of the acquisition is a trial. Units with a column sign of +1 or -1 are the synapses; the
    one without has the output spikes.
    """
    from ...simulate.elsewhere.nwb import import_nwb
    from ..progress import console

    import_nwb(file, out, input_spikes=input_spikes, name=name, overwrite=overwrite)
    console.print(f"{out}: written; `apical inspect {out}` shows it")


@commands.command(
    "export-nwb",
    short_help="Write a dataset's trials as NWB.",
    epilog=examples("apical export-nwb data.zarr --out data.nwb"),
)
def export_nwb(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="A simulation.")],
    out: Out,
    overwrite: Overwrite = False,
) -> None:
    """Write the trials of a simulation as NWB: soma voltage as current clamp, input and output spikes as units.

    It takes pynwb (apical[nwb]).
    """
    from ...simulate.elsewhere.nwb_out import export_nwb
    from ..progress import console

    console.print(f"{export_nwb(data, out, overwrite=overwrite)}: written")


@commands.command(
    "import-sonata",
    short_help="Read spikes and a soma report of SONATA.",
    epilog=examples(
        "apical import-sonata input_spikes.h5 --report soma.h5 --signs signs.npz --out theirs.zarr",
        "apical import-sonata input_spikes.h5 --report soma.h5 --signs signs.npz --node 7 --output-spikes spikes.h5 "
        "--trial-ms 6000 --out theirs.zarr",
    ),
)
def import_sonata(
    spikes: Annotated[Path, typer.Argument(metavar="SPIKES.h5", help="Input spikes, a node for each synapse.")],
    report: Annotated[Path, typer.Option(metavar="FILE.h5", help="Report of the soma's voltage.")],
    signs: Annotated[Path, typer.Option(metavar="FILE.npz", help="Array sign: +1 or -1 of each node, from 0 on.")],
    out: Out,
    output_spikes: Annotated[
        Path | None, typer.Option(metavar="FILE.h5", help="The cell's spikes [default: found in the voltage].")
    ] = None,
    node: Annotated[int | None, typer.Option(min=0, help="The cell, where the report has several.")] = None,
    trial_ms: Annotated[
        int | None, typer.Option(min=1, help="Cut the time into trials so long [default: one].")
    ] = None,
    name: Annotated[str | None, typer.Option(help="What the dataset is called [default: the report's name].")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Read a simulation that is there as SONATA into a dataset. It takes libsonata (apical[sonata])."""
    from ...simulate.elsewhere.sonata import import_sonata
    from ..progress import console

    import_sonata(
        spikes,
        report,
        signs,
        out,
        output_spikes=output_spikes,
        node=node,
        trial_ms=trial_ms,
        name=name,
        overwrite=overwrite,
    )
    console.print(f"{out}: written; `apical inspect {out}` shows it")


@commands.command(
    "export-sonata",
    short_help="Write a dataset's trials as SONATA.",
    epilog=examples("apical export-sonata data.zarr --out sonata"),
)
def export_sonata(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="A simulation.")],
    out: Out,
    overwrite: Overwrite = False,
) -> None:
    """Write the trials of a simulation, end to end, as a folder of SONATA files.

    They are input spikes, output spikes and the soma's report. It takes h5py (apical[sonata]).
    """
    from ...simulate.elsewhere.sonata_out import export_sonata
    from ..progress import console

    console.print(f"{export_sonata(data, out, overwrite=overwrite)}: written")


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
