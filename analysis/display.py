"""What Jupyter shows of a dataset: a table and a picture in place of text, escaped whatever they hold."""

from __future__ import annotations

import json
from io import StringIO
from typing import TYPE_CHECKING

import numpy as np

from ..simulate.schema import DONE, config_of, read
from .dataset_title import dataset_title
from .markup import Markup, definitions, element
from .pages.inspect import typical_trial
from .plots import plot_trial

if TYPE_CHECKING:
    import xarray as xr


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
    from .style import METADATA, settle, style

    figure, drawn = plot_trial(ds, (), typical_trial(ds)), StringIO()
    with style():
        settle(figure)
        figure.savefig(drawn, format="svg", metadata=METADATA[".svg"])
    svg = drawn.getvalue()
    return Markup(svg[svg.index("<svg") :])
