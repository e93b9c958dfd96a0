"""What Jupyter shows of a dataset and of scores: tables in place of text, escaped whatever they hold."""

from __future__ import annotations

import json
from collections.abc import Sequence
from io import StringIO
from typing import TYPE_CHECKING

import numpy as np

from ..simulate.schema import DONE, config_of, read
from .inspect import dataset_title, typical_trial
from .plots import plot_trial
from .report.markup import Markup, definitions, element, joined
from .scores import Score
from .uncertainty import interval

if TYPE_CHECKING:
    import xarray as xr

# Column of a score, heading, decimals
COLUMNS = (
    ("roc_auc", "ROC-AUC", 4),
    ("average_precision", "average precision", 3),
    ("f1_2ms", "F1 ±2 ms", 3),
    ("rmse_mv", "RMSE (mV)", 3),
    ("rmse_rescaled_mv", "rescaled (mV)", 3),
    ("explained_variance", "explained variance", 3),
)


def scores_html(scores: Sequence[Score]) -> str:
    """Scores as a table, 95 % intervals below the values that have one; columns without a value are left out."""
    columns = [each for each in COLUMNS if any(getattr(score, each[0]) is not None for score in scores)]
    heads = ("model", "seed", "parameters", "scored on", *(title for _, title, _ in columns))
    rows = [element("tr", *(element("th", head) for head in heads))]
    for score in scores:
        cells = [element("td", _number(score, name, decimals)) for name, _, decimals in columns]
        named = (score.name, "" if score.seed is None else score.seed, f"{score.n_parameters:,}", score.dataset)
        rows.append(element("tr", *(element("td", each) for each in named), *cells))
    return element("table", *rows)


def _number(score: Score, name: str, decimals: int) -> Markup:
    value, bounds = getattr(score, name), interval(score, name)
    if value is None:
        return Markup("")
    told = None if bounds is None else element("small", f"{bounds.low:.{decimals}f} to {bounds.high:.{decimals}f}")
    return joined(f"{value:.{decimals}f}", None if told is None else Markup("<br>"), told)


def dataset_html(ds: xr.Dataset) -> str:
    """What a dataset is, and a typical trial of a simulation; of its trials nothing but that one is read."""
    status, config = read(ds, "trial_status"), config_of(ds)
    finished = int((status == DONE).sum())
    licence = json.loads(ds.attrs["provenance"]).get("morphology") or {}
    told: dict[str, object] = {
        "kind": ds.attrs["kind"],
        "trials": f"{finished} of {status.size} finished, {ds.sizes['time_ms'] / 1000:g} s each",
        "model": config.get("name") if ds.attrs["kind"] == "prediction" else None,
        "predicts": ds.attrs.get("truth_id"),
        "id": ds.attrs["dataset_id"],
        "licence": licence.get("licence") if isinstance(licence, dict) else None,
    }
    if "synapse_sign" in ds:
        sign = np.asarray(ds["synapse_sign"])
        told["synapses"] = f"{(sign > 0).sum():,} excitatory, {(sign < 0).sum():,} inhibitory"
    picture = _picture(ds) if finished and ds.attrs["kind"] == "simulation" else None
    return element("div", element("strong", dataset_title(ds)), definitions(told), picture)


def _picture(ds: xr.Dataset) -> Markup:
    from .look import METADATA, style

    figure, drawn = plot_trial(ds, (), typical_trial(ds)), StringIO()
    with style():
        figure.savefig(drawn, format="svg", metadata=METADATA[".svg"])
    svg = drawn.getvalue()
    return Markup(svg[svg.index("<svg") :])
