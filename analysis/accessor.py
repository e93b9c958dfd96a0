"""`ds.apical`: what a dataset can say of itself to those who work in xarray. `import apical.analysis` adds it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from ..simulate.schema import DONE, InputError, output_spike_times_ms, read, source

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from neo import SpikeTrain


@xr.register_dataset_accessor("apical")
class Accessor:
    """Of a dataset that `open_dataset` opened."""

    def __init__(self, ds: xr.Dataset) -> None:
        self._ds = ds

    def summary(self) -> dict[str, Any]:
        """The dataset in numbers: what `apical inspect` prints. Raises InputError where its store is gone."""
        from .pages.inspect import summary

        return summary(source(self._ds))

    def _repr_html_(self) -> str:
        from .display import dataset_html

        return dataset_html(self._ds)

    def plot_trial(self, trial: int | None = None, *predictions: xr.Dataset) -> Figure:
        """Soma voltage and output spikes of a trial, with what `predictions` made of it.

        trial: its number; None for a typical one. Raises InputError for an absent trial.
        """
        from .pages.inspect import typical_trial
        from .plots import plot_trial

        return plot_trial(self._ds, predictions, typical_trial(self._ds) if trial is None else trial)

    def spike_trains(self) -> list[SpikeTrain]:
        """The output spikes of each finished trial, in order, as Neo has them: in ms, `trial` among the annotations.

        Raises InputError for a dataset without output spikes, as a prediction is.
        """
        from neo import SpikeTrain

        ds = self._ds
        if "output_spike_time_ms" not in ds:
            raise InputError(f"{source(ds)}: is a {ds.attrs['kind']}, which holds no output spike times")
        times_ms, stop_ms = output_spike_times_ms(ds), float(ds["time_ms"][-1]) + 1
        return [
            SpikeTrain(times[np.isfinite(times)], units="ms", t_stop=stop_ms, trial=int(trial))
            for times, trial, status in zip(times_ms, ds["trial"].values, read(ds, "trial_status"), strict=True)
            if status == DONE
        ]
