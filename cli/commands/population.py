"""`apical population`: a network of fitted neurons, run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..options import Out, Overwrite, Resume, examples

commands = typer.Typer()


@commands.command(
    short_help="Run a network of fitted neurons.",
    epilog=examples(
        "apical population network.toml --out spikes.zarr",
        "apical population network.toml --out spikes.zarr --resume",
        "apical population network.toml --out spikes.zarr --sonata spikes.h5",
    ),
)
def population(
    network: Annotated[Path, typer.Argument(metavar="NETWORK.toml", help="Groups, connections and input.")],
    out: Out,
    sonata: Annotated[
        Path | None, typer.Option(metavar="FILE.h5", help="Write the spikes as SONATA too (apical[sonata]).")
    ] = None,
    resume: Resume = False,
    overwrite: Overwrite = False,
) -> None:
    """Run a network: groups of neurons with the weights of fitted models, coupled by spikes.

    The file says which groups, how they are connected (in tables, sparse matrices, SONATA edges, or at random), what
    reaches them, and how long. The guide "A network of fitted neurons" lists its fields.

    What was done is kept every ten seconds in OUT.partial. From there --resume goes on, to the same dataset bit for
    bit.
    """
    import json

    from ...surrogate.network.run import run_population
    from ...surrogate.population.spike_formats import check_sonata, spikes_to_sonata
    from ..progress import bar, console

    if sonata is not None:
        check_sonata()
    with bar("Running") as show:
        ds = run_population(network, out, resume=resume, overwrite=overwrite, report=show)
    n = sum(group["n"] for group in json.loads(ds.attrs["config"])["groups"])
    n_spikes, duration_ms = ds.sizes["spike"], ds.sizes["time_ms"]
    rate_hz = 1000 * n_spikes / n / duration_ms
    console.print(f"{out}: {n_spikes:,} spikes of {n:,} neurons in {duration_ms:,} ms ({rate_hz:.2f} Hz)")
    if sonata is not None:
        console.print(f"{spikes_to_sonata(ds, sonata)}: written")
