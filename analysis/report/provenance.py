"""Where it all comes from: the datasets, the models that predicted them, and what score files know of both."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...simulate.schema import config_of, source
from ..dataset_title import dataset_title
from ..markup import Markup, definitions, element, joined
from ..plots import UNTOLD, untold
from ..scores.rows import Score

if TYPE_CHECKING:
    import xarray as xr

LONG = 40  # characters of a cell that is broken into lines
TOLD_APART = ("git_commit", "created", "machine", "device", "source", "sources", "morphology", "biophysics", "files")


def scored_datasets(scores: Sequence[Score]) -> Markup:
    """A table of the datasets that the score files name."""
    head = ("dataset", "id", "runs", "trials scored", "output spikes", "spike times", "fitted to")
    rows = []
    for dataset_id in dict.fromkeys(score.dataset_id for score in scores):
        here = [score for score in scores if score.dataset_id == dataset_id]
        rows.append(
            [
                here[0].dataset,
                element("code", dataset_id),
                len(here),
                _span(score.n_trials for score in here),
                _span(score.n_output_spikes for score in here),
                ", ".join(dict.fromkeys(score.spike_times for score in here)),
                joined(*_codes(score.trained_on or "not known" for score in here)),
            ]
        )
    return _table("Datasets that the runs were scored on, as the score files tell.", head, rows)


def truth_card(truth: xr.Dataset) -> Markup:
    """All that a dataset says of itself."""
    config, made = config_of(truth), json.loads(truth.attrs["provenance"])
    morphology, biophysics = made.get("morphology") or {}, made.get("biophysics") or {}
    sources = made.get("sources") or [made.get("source")]
    rows = {
        "what": dataset_title(truth),
        "path": element("code", source(truth)),
        "dataset id": element("code", truth.attrs["dataset_id"]),
        "trials": f"{truth.sizes['trial']:,} of {truth.sizes['time_ms'] / 1000:g} s",
        "made": made.get("created"),
        "by": _versions(made),
        "git commit": element("code", made["git_commit"]) if made.get("git_commit") else "not known",
        "machine": made.get("machine"),
        "appended": _appended(made, truth.sizes["trial"]),
        "morphology": UNTOLD
        if untold(truth)
        else "; ".join(filter(None, (morphology.get("name"), morphology.get("source")))),
        "licence": morphology.get("licence") or "not stated",
        "sha-256": element("code", morphology["sha256"]) if "sha256" in morphology else None,
        "biophysics": "; ".join(filter(None, (biophysics.get("name"), biophysics.get("source")))),
        "files": ", ".join(file["name"] for file in made.get("files", [])),
        "to cite": element("ul", *(element("li", each) for each in sources if each)) if any(sources) else None,
    }
    return element(
        "section",
        element("h3", "The truth"),
        definitions(rows),
        _details("Configuration", config),
        _details("Provenance in full", made),
        class_="card",
    )


def prediction_table(predictions: Sequence[xr.Dataset]) -> Markup:
    """A table of the models that predicted the truth."""
    head = ("model", "seed", "run", "fitted to", "trials", "mode", "made by", "on", "git commit")
    rows = []
    for prediction in predictions:
        config, made = config_of(prediction), json.loads(prediction.attrs["provenance"])
        chosen = config.get("trials")
        chosen = f" ({chosen})" if isinstance(chosen, str) else ""
        rows.append(
            [
                config.get("name"),
                config.get("seed"),
                element("code", config.get("run") or "not known"),
                element("code", config.get("trained_on") or "not known"),
                f"{prediction.sizes['trial']:,}{chosen}",
                config.get("mode"),
                _versions(made),
                made.get("device"),
                element("code", (made.get("git_commit") or "not known")[:12]),
            ]
        )
    return _table("Predictions of it, and the models that made them.", head, rows)


def _table(caption: str, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> Markup:
    heads = element("tr", *(element("th", name, scope="col") for name in head))
    body = [element("tr", *(element("td", cell, class_=_class(cell)) for cell in row)) for row in rows]
    table = element(
        "table", element("caption", element("div", caption)), element("thead", heads), element("tbody", *body)
    )
    return element("div", table, class_="scrolls", tabindex=0, role="region", aria_label=caption)


def _class(cell: Any) -> str | None:
    return "wide" if len(str(cell)) > LONG else None


def _versions(made: dict[str, Any]) -> str:
    told = (f"{k} {v}" for k, v in made.items() if isinstance(v, str) and k not in TOLD_APART)
    return ", ".join(told)


def _appended(made: dict[str, Any], n_trials: int) -> Markup | None:
    """A line for each time that trials were added: how many, of which seed, when and by what."""
    parts = made.get("appended", [])
    ends = [*(each["position"] for each in parts), n_trials][1:]
    lines = []
    for part, end in zip(parts, ends, strict=True):
        told = f"{end - part['position']:,} trials of seed {part['seed']}"
        lines.append(element("li", ", ".join(filter(None, (told, part.get("created"), _versions(part))))))
    return element("ul", *lines) if lines else None


def _details(title: str, value: Any) -> Markup:
    told = json.dumps(value, indent=2, ensure_ascii=False)
    return element("details", element("summary", title), element("pre", told))


def _codes(values: Any) -> list[Markup]:
    return [element("div", element("code", value)) for value in dict.fromkeys(values)]


def _span(values: Any) -> str:
    low, high = np.min(found := list(values)), np.max(found)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
