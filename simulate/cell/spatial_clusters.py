"""Spatial clusters of dendritic segments, by path length along the tree."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .built import Segment


def clusters(segments: Sequence[Segment], n: int) -> np.ndarray:
    """Cluster number of each segment, shape (N,), in 0 to n - 1; fewer clusters where there are fewer segments.

    Complete linkage on the path length between segments, so that no cluster is long; the same for the same cell.
    """
    from neuron import h
    from scipy.cluster.hierarchy import fcluster, linkage

    if len(segments) < 2:
        return np.zeros(len(segments), int)
    sites = [segment.neuron for segment in segments]
    apart_um = np.array([h.distance(a, b) for i, a in enumerate(sites) for b in sites[i + 1 :]])
    return fcluster(linkage(apart_um, "complete"), n, "maxclust") - 1
