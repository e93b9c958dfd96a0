"""An ELM's branches as the cell has them: which of its dendrites each input is on."""

from __future__ import annotations

import numpy as np
import xarray as xr

from ...simulate.schema import UNKNOWN_TREE, InputError, read, source


def branches_of(ds: xr.Dataset, n_branches: int) -> tuple[int, ...]:
    """For each input of a simulation the branch that it is on: whole dendritic sections, neighbours together.

    Returns numbers from 0 to at most n_branches - 1, all of them there. Branches have about as many inputs each; there
    are fewer where a section has more than that.
    Raises InputError where the data do not tell where synapses are.
    """
    tree, section = read(ds, "segment_type"), read(ds, "segment_section")
    if (tree == UNKNOWN_TREE).all():
        raise InputError(f"{source(ds)}: does not tell where its synapses are, so there is no routing by dendrites")
    is_first = (tree[1:] != tree[:-1]) | (section[1:] != section[:-1])
    section_s = np.concatenate([[0], np.cumsum(is_first)])[read(ds, "synapse_segment")]
    return tuple(together(section_s, n_branches).tolist())


def together(section_s: np.ndarray, n_branches: int) -> np.ndarray:
    """The branch of each input (S,), from the section that it is on: numbers that grow along the cell."""
    _, section_s, size = np.unique(section_s, return_inverse=True, return_counts=True)
    centre = np.cumsum(size) - size / 2
    return np.unique((centre * n_branches / len(section_s)).astype(int), return_inverse=True)[1][section_s]
