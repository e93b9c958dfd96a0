"""Commands that read what was recorded or simulated elsewhere, and write datasets for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..options import Out, Overwrite, examples

commands = typer.Typer()


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

    import_arrays(file, out, sampling_khz=sampling, name=name or OWN_ARRAYS, overwrite=overwrite)
    _written(out)


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

    import_nwb(file, out, input_spikes=input_spikes, name=name, overwrite=overwrite)
    _written(out)


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
    _written(out)


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


def _written(out: Path) -> None:
    from ..progress import console

    console.print(f"{out}: written; `apical inspect {out}` shows it")
