"""The published scores, and average precision, as metrics of two datasets: what depends on all trials together.

A rank among the bins of other trials, or a gain per file, is no sum over a trial's own bins, so these are no `Metric`;
they are called alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class Scored:
    """A column of a score file; called with two datasets it gives its value, labelled.

    name: as in score files. unit: '1' for a plain number. title: for people.
    """

    name: str
    unit: str
    title: str

    def __call__(self, truth: xr.Dataset, prediction: xr.Dataset) -> xr.DataArray:
        """The score of a prediction of this truth, over the trials that are scored, with its unit.

        Raises InputError as `pair.paired` and `trial_sums` do.
        """
        import xarray as xr

        from .pair import paired
        from .trial_sums import totals, trial_sums

        value = totals(trial_sums(paired(truth, prediction)))[self.name]
        return xr.DataArray(value, name=self.name, attrs={"units": self.unit, "long_name": self.title})


RocAuc = Scored("roc_auc", "1", "area under the ROC curve")
AveragePrecision = Scored("average_precision", "1", "average precision")
TpAtFp0025 = Scored("tp_at_fp_0025", "1", "true positives at 0.25 % false positives")
TpAtFp01 = Scored("tp_at_fp_01", "1", "true positives at 1 % false positives")
AucAtFp0025 = Scored("auc_at_fp_0025", "1", "mean true positives below 0.25 % false positives")
AucAtFp01 = Scored("auc_at_fp_01", "1", "mean true positives below 1 % false positives")
Rmse = Scored("rmse_mv", "mV", "RMSE as predicted")
RmseRescaled = Scored("rmse_rescaled_mv", "mV", "RMSE, rescaled per file")
Mae = Scored("mae_mv", "mV", "mean absolute error as predicted")
MaeRescaled = Scored("mae_rescaled_mv", "mV", "mean absolute error, rescaled per file")
ExplainedVariance = Scored("explained_variance", "1", "explained variance as predicted")
ExplainedVarianceRescaled = Scored("explained_variance_rescaled", "1", "explained variance, rescaled per file")
