"""Principal components of the dendritic voltages: the target of the TCN's third head.

N segments, T ms, P components. Source: Beniaguev, Segev & London 2021, Neuron 109:2727.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray as xr

from ...simulate import schema
from ...simulate.schema import InputError

CLIP_MV = 2.0  # dendritic spikes are cut here, as published
CLIP_SD = 3.0  # and the whitened components here


class DendriteComponents(NamedTuple):
    """A whitened principal component analysis, fitted on training trials."""

    mean_mv_n: np.ndarray
    whitening_pn: np.ndarray  # one over mV: each row a principal direction divided by its standard deviation

    def project(self, v_mv_nt: np.ndarray) -> np.ndarray:
        """Components (T, P) of dendritic voltages, in standard deviations, as float32."""
        centred_tn = np.minimum(v_mv_nt, CLIP_MV).T - self.mean_mv_n
        return np.clip(centred_tn @ self.whitening_pn.T, -CLIP_SD, CLIP_SD).astype(np.float32)

    def to_bytes(self) -> bytes:
        """They as a file of safetensors."""
        from safetensors.numpy import save

        return save({name: np.ascontiguousarray(array) for name, array in self._asdict().items()})

    @classmethod
    def load(cls, path: Path) -> DendriteComponents:
        """Read such a file."""
        from safetensors.numpy import load_file

        return cls(**load_file(path))


def fit_components(chosen: Iterable[tuple[xr.Dataset, np.ndarray]], n_components: int) -> DendriteComponents:
    """The first `n_components` whitened principal components over all bins of trials.

    chosen: datasets, and the positions of the trials in each.

    One trial is in memory at a time: only the sums for the covariance are kept.
    Raises InputError where the dataset has no dendritic voltages, not those of all segments, or fewer independent
    components.
    """
    n, shift, total, products = 0, np.zeros(1), np.zeros(1), np.zeros(1)
    for ds, position in ((ds, position) for ds, positions in chosen for position in positions):
        v_tn = np.minimum(schema.read(ds, "dendrite_v_mv", position).T.astype(np.float64), CLIP_MV)
        if not np.isfinite(v_tn).all():
            raise InputError(
                f"{schema.source(ds)}: dendrite_v_mv lacks the voltage of some segments: simulate with "
                "--set record_dendrites=all"
            )
        if n == 0:
            shift = v_tn.mean(axis=0)  # near the mean, so that the covariance does not cancel
        n += len(v_tn)
        total = total + (v_tn - shift).sum(axis=0)
        products = products + (v_tn - shift).T @ (v_tn - shift)
    mean = total / n
    variance, directions = np.linalg.eigh((products - n * np.outer(mean, mean)) / (n - 1))
    variance, directions_pn = variance[::-1], directions.T[::-1]
    independent = int((variance > variance[0] * len(variance) * np.finfo(np.float32).eps).sum())
    if n_components > independent:
        raise InputError(f"dendrite_components is {n_components}: these trials have {independent} independent ones")
    directions_pn = directions_pn[:n_components]
    largest = np.abs(directions_pn).argmax(axis=1, keepdims=True)
    directions_pn = directions_pn * np.sign(np.take_along_axis(directions_pn, largest, axis=1))  # the sign is free
    return DendriteComponents(mean + shift, directions_pn / np.sqrt(variance[:n_components, None]))
