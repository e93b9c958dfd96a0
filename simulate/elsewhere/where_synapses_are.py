"""Where synapses are, as far as it is told: each on a segment; trees and distances unknown where they are not given.

S synapses, N segments.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..schema import UNKNOWN_TREE, InputError


def coordinates(where: str, sign_s: np.ndarray, segment: Any, distance_um: Any, tree: Any) -> dict[str, np.ndarray]:
    """Of synapses and segments, as in the schema; without `segment` each synapse is on one of its own.

    segment: a whole number of each synapse. distance_um: of each synapse to the soma. tree: of each, basal or apical.
    Raises InputError for another length or value, and where synapses of one segment differ.
    """
    n = sign_s.size
    number = np.arange(n) if segment is None else _of_synapses(where, "segment", segment, "iu", n)
    distance = np.full(n, np.nan) if distance_um is None else _of_synapses(where, "distance_um", distance_um, "iuf", n)
    trees = np.full(n, UNKNOWN_TREE) if tree is None else _of_synapses(where, "tree", tree, "UTO", n)
    if distance_um is not None and not (np.isfinite(distance) & (distance >= 0)).all():
        raise InputError(f"{where}: 'distance_um' is expected to be 0 or more of every synapse, or left out")
    if tree is not None and not np.isin(trees, ("basal", "apical")).all():
        raise InputError(f"{where}: 'tree' is expected to be basal or apical of every synapse, or left out")
    _, first, segment_s = np.unique(number, return_index=True, return_inverse=True)
    for name, values in (("distance_um", distance), ("tree", trees)):
        differs = np.flatnonzero((values != values[first][segment_s]) & (values == values))  # NaN is not itself
        if differs.size:
            raise InputError(f"{where}: '{name}' differs between synapses of segment {number[differs[0]]}; give it one")
    unknown = np.full(first.size, np.nan)
    return {
        "synapse_sign": sign_s.astype("i1"),
        "synapse_receptor": np.full(n, "unknown"),
        "synapse_segment": segment_s,
        "segment_type": trees[first],
        "segment_section": np.arange(first.size),
        "segment_x": unknown,
        "segment_distance_um": distance[first].astype(float),
        "segment_length_um": unknown,
    }


def _of_synapses(where: str, name: str, given: Any, kinds: str, n: int) -> np.ndarray:
    found = np.asarray(given)
    if found.dtype.kind in "TO":  # text, as xarray has it
        found = np.array([str(each) for each in found.tolist()])
    if found.shape != (n,) or found.dtype.kind not in kinds:
        what = {"iu": "whole numbers", "iuf": "numbers"}.get(kinds, "words")
        raise InputError(f"{where}: '{name}' is {found.dtype} of shape {found.shape}, expected {what} of {n} synapses")
    return found
