"""What a metric is: sums over the bins of each trial, and a score of their total.

A metric of this form is exact for any choice of trials: a trial that is drawn twice counts its sums twice. So a dataset
is read once, in blocks, and 1,000 resamples of its trials cost one product of matrices.

B trials, n sums, m values of a metric that is a curve.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

    from .pair import Pair


class Axis(NamedTuple):
    """What a curve runs along: the coordinate's name, its values and their unit."""

    name: str
    values: np.ndarray
    unit: str


class Metric(ABC):
    """A score of predictions, or a curve; called with two datasets it gives its value, labelled.

    name: as in score files. unit: '1' for a plain number. title: for people. axis: of a curve, else None.
    """

    name: ClassVar[str]
    unit: ClassVar[str]
    title: ClassVar[str]
    axis: Axis | None = None

    @abstractmethod
    def trial_sums(self, pair: Pair) -> np.ndarray:
        """The sums of each trial, (B, n), over its scored bins; 0 for a trial that is not scored (`pair.kept_b`)."""

    @abstractmethod
    def score(self, total: np.ndarray) -> np.ndarray:
        """The score of total sums, (…, n) → (…), of a curve (…, m); NaN where there is nothing to score."""

    def columns(self, name: str, total: np.ndarray) -> dict[str, np.ndarray]:
        """The score of total sums as columns of a score file: (…, n) → (…); a curve has one for each value."""
        value = self.score(total)
        if self.axis is None:
            return {name: value}
        return {f"{name}_{x:g}{self.axis.unit}": value[..., at] for at, x in enumerate(self.axis.values)}

    def __call__(self, truth: xr.Dataset, prediction: xr.Dataset) -> xr.DataArray:
        """The metric of a prediction of this truth, over the trials that are scored, with its unit.

        Raises InputError as `pair.pair_of` does.
        """
        import xarray as xr

        from .pair import pair_of

        value = self.score(self.trial_sums(pair_of(truth, prediction)).sum(axis=0))
        attrs = {"units": self.unit, "long_name": self.title}
        if self.axis is None:
            return xr.DataArray(value, name=self.name, attrs=attrs)
        along = xr.DataArray(self.axis.values, dims=self.axis.name, attrs={"units": self.axis.unit})
        return xr.DataArray(value, {self.axis.name: along}, [self.axis.name], name=self.name, attrs=attrs)
