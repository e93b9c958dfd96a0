"""Where a dataset's segments lie in space: what it takes to draw the cell.

A process of its own reads the morphology into its NEURON, so that nothing of it stays in this one.
P points, N dendritic segments.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import xarray as xr

from ..processes import apart
from ..schema import InputError, config_of, read, source
from . import morphologies
from .biophysics import Axon
from .morphologies import Morphology

SOMA = -1  # in place of a segment's number
LENGTH_UM = 0.01  # as far as segments of the same morphology may differ in length: NeuronIO has them in float32
NEURONIO_MORPHOLOGY = "hay2011"  # Beniaguev et al. 2021: all of their data

Points = tuple[np.ndarray, np.ndarray]  # of which segment each is (P,); x, y, z and diameter in um (P, 4)


def outline(ds: xr.Dataset, morphology: str | Path | None = None) -> xr.Dataset:
    """The cell of an open simulation as polylines: x_um, y_um, z_um and diam_um, all (point).

    ds: what `open_dataset` returns. morphology: catalogue name or file, in place of the one that the dataset names; it
    must be the same cell.
    Points come in order, the soma's first, then each segment's from its end nearer the soma; coordinate segment
    (point) is the number of the segment, as the dataset counts them, -1 in the soma. The axon is left out.
    Raises InputError for a neuron without a morphology, a file that is not there or another one, and another cell.
    """
    expected_um = read(ds, "segment_length_um")
    found, made = _resolve(ds, morphology), json.loads(ds.attrs["provenance"]).get("biophysics", {})
    types = {int(number): region for number, region in made.get("types", {}).items()}
    axon = made.get("reconstructed_axon", "replace")
    (segment_p, point_p4), length_um = apart(_trace, found, axon, types)
    if len(length_um) != len(expected_um) or np.abs(length_um - expected_um).max() > LENGTH_UM:
        raise InputError(
            f"morphology {found.path}: its {len(length_um)} dendritic segments are not the {len(expected_um)} of "
            f"{source(ds)}; give the morphology that the dataset was made with"
        )
    names = {"x_um": "x", "y_um": "y", "z_um": "z", "diam_um": "diameter"}
    return xr.Dataset(
        {
            name: ("point", point_p4[:, at], {"units": "um", "long_name": about})
            for at, (name, about) in enumerate(names.items())
        },
        {"segment": ("point", segment_p, {"units": "1", "long_name": "index of the segment, -1 in the soma"})},
        {"morphology": found.name, "sha256": found.sha256, "licence": found.licence, "source": found.source},
    )


def _resolve(ds: xr.Dataset, given: str | Path | None) -> Morphology:
    """The morphology to read; of the content that the dataset says it was made with, where it does."""
    config = config_of(ds)
    made_from = config.get("morphology", NEURONIO_MORPHOLOGY if config.get("made_by") == "NeuronIO" else None)
    if config.get("lif") is not None or (given is None and made_from is None):
        raise InputError(f"{source(ds)}: its neuron has no morphology, or does not name it")
    try:
        found = morphologies.resolve(str(given or made_from))
    except InputError as error:
        hint = "" if given or "--morphology" in str(error) else "; or give the file with --morphology"
        raise InputError(f"{error}{hint}") from error
    expected = json.loads(ds.attrs["provenance"]).get("morphology", {}).get("sha256")
    if expected not in (None, found.sha256):
        raise InputError(
            f"morphology {found.path}: has another content than the one that {source(ds)} was made with "
            f"(sha256 {found.sha256[:8]}…, not {expected[:8]}…)" + ("" if given else "; give that with --morphology")
        )
    return found


def _trace(morphology: Morphology, axon: Axon, types: dict[int, str]) -> tuple[Points, np.ndarray]:
    """In a process of its own: points of the soma and of every dendritic segment, and the segments' lengths in um."""
    from .built import Cell

    cell = Cell(morphology, axon=axon, types=types)
    dendrites = [*cell.basal, *cell.apical]
    pieces = [(SOMA, _points(section, 0.0, 1.0)) for section in cell.sections()[: -len([*cell.axon, *dendrites])]]
    parts = [
        (section, at / section.nseg, (at + 1) / section.nseg) for section in dendrites for at in range(section.nseg)
    ]
    pieces += [(number, _points(*part)) for number, part in enumerate(parts)]
    segment_p = np.repeat([number for number, _ in pieces], [len(points) for _, points in pieces])
    length_um = np.array([segment.length_um for segment in cell.segments])
    return (segment_p, np.concatenate([points for _, points in pieces])), length_um


def _points(section, start: float, end: float) -> np.ndarray:
    """x, y, z and diameter along a part of a section, in um: its traced points, and the part's ends between them."""
    n = section.n3d()
    along = np.array([section.arc3d(i) for i in range(n)]) / section.arc3d(n - 1)
    traced = np.array([[section.x3d(i), section.y3d(i), section.z3d(i), section.diam3d(i)] for i in range(n)])
    inner = along[(along > start) & (along < end)]
    where = np.concatenate([[start], inner, [end]])
    return np.stack([np.interp(where, along, column) for column in traced.T], axis=1)
