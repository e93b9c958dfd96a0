"""The columns of scores as the page shows them: title, unit and decimals."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..families import FAMILY_TITLES
from ..scores.rows import COLUMNS, Score

TITLES = {
    "name": "model",
    "n_parameters": "parameters",
    "macs_per_ms": "MACs per ms",
    "train_trials": "training trials",
    "dataset_id": "dataset id",
    "trained_on": "fitted to",
    "n_trials": "trials",
    "n_output_spikes": "output spikes",
    "roc_auc": "ROC-AUC",
    "tp_at_fp_0025": "TP at 0.25 % FP",
    "tp_at_fp_01": "TP at 1 % FP",
    "auc_at_fp_0025": "AUC up to 0.25 % FP",
    "auc_at_fp_01": "AUC up to 1 % FP",
    "rmse_mv": "RMSE",
    "rmse_rescaled_mv": "RMSE, rescaled",
    "mae_mv": "MAE",
    "mae_rescaled_mv": "MAE, rescaled",
    "explained_variance_rescaled": "explained variance, rescaled",
    "brier": "Brier score",
    "van_rossum": "van Rossum distance",
    "victor_purpura": "Victor–Purpura distance",
    "spike_distance": "SPIKE distance",
    "rmse_subthreshold_mv": "RMSE, subthreshold",
}
UNITS = (("_mv", "mV"), ("_hz", "Hz"))  # as names end
COSTS = ("n_parameters", "macs_per_ms", "train_trials")  # what a model's fidelity is bought with
SHOWN = (  # at first; the others on demand
    "name",
    "family",
    "seed",
    "n_parameters",
    "macs_per_ms",
    "roc_auc",
    "average_precision",
    "rmse_mv",
    "rmse_rescaled_mv",
    "explained_variance",
)


class Column(NamedTuple):
    """One column of the scores. about: in a sentence. is_fraction: its values lie in 0 to 1. is_score: not a label."""

    name: str
    title: str
    unit: str
    about: str
    is_number: bool
    is_fraction: bool
    is_score: bool
    decimals: int

    def told(self, value: Any) -> str:
        """A value as the table prints it."""
        if value is None:
            return ""
        if self.name == "family":
            return FAMILY_TITLES.get(value, value)
        if isinstance(value, float):
            return f"{value:.{self.decimals}f}".replace("-", "−")
        return f"{value:,}" if self.name != "seed" and isinstance(value, int) else str(value)


def columns_of(scores: Sequence[Score]) -> list[Column]:
    """The columns in which any of the scores has a value, first those that are shown at first."""
    names = [name for name in COLUMNS if name != "scores_schema"]
    names.sort(key=lambda name: SHOWN.index(name) if name in SHOWN else len(SHOWN))
    return [_column(name, scores) for name in names if any(getattr(row, name) not in (None, "") for row in scores)]


def _column(name: str, scores: Sequence[Score]) -> Column:
    values = [value for value in (getattr(row, name) for row in scores) if value is not None]
    is_number = all(isinstance(value, int | float) for value in values)
    is_score = any(isinstance(value, float) for value in values)
    is_fraction = is_score and all(0 <= value <= 1 for value in values) and not name.endswith(UNITS[0][0])
    unit = next((unit for end, unit in UNITS if name.endswith(end)), "")
    title = TITLES.get(name) or _title(name)
    about = Score.model_fields[name].description or title
    return Column(name, title, unit, about, is_number, is_fraction, is_score, 4 if is_fraction else 3)


def _title(name: str) -> str:
    """
    >>> _title("f1_2ms"), _title("calibration_error")
    ('F1 within 2 ms', 'calibration error')
    """
    within = re.fullmatch(r"(f1|precision|recall)_(\d+)ms", name)
    if within:
        return f"{within[1].replace('f1', 'F1')} within {within[2]} ms"
    return name.removesuffix("_mv").removesuffix("_hz").replace("_", " ")


def run_label(score: Score) -> str:
    """A run's name and seed."""
    return score.name if score.seed is None else f"{score.name}, seed {score.seed}"
