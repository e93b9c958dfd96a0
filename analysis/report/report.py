"""Scores, and the datasets behind them, as one page."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from ...simulate.schema import InputError, made_with, open_dataset, writing_whole
from ..families import FAMILY_TITLES
from ..markup import Markup, definitions, element, embedded_json, joined
from ..scores.rows import IDENTITY, Score
from ..scores.uncertainty import interval
from .columns import columns_of, run_label
from .figures import figures
from .provenance import prediction_table, scored_datasets, truth_card
from .runs import run_data
from .score_table import best_run, score_table
from .style import style_sheet
from .trials import trial_data

if TYPE_CHECKING:
    import xarray as xr

SCRIPTS = (
    "axes.js",
    "table.js",
    "scatter.js",
    "traces.js",
    "trials.js",
    "page.js",
)  # in the order in which they need each other


def write_report(
    scores: Sequence[Score],
    out: str | Path,
    *,
    data: str | Path | None = None,
    predictions: Sequence[str | Path] = (),
    commands: Sequence[str] = (),
    trials: int | None = None,
    overwrite: bool = False,
) -> Path:
    """Write one self-contained page of the scores, and return its path.

    scores: what `evaluate` or `read_scores` returns. out: path of the page, .html. predictions: paths, of `data`.
    data: the truth that was predicted, for where it comes from and, with `predictions` of it, its trials.
    commands: what makes all of it again, a line each. trials: how many to show; None for 16, fewer where there are
    many predictions. overwrite: replace what is at `out`.
    The page loads nothing: figures, traces and scripts are inside.
    Raises InputError for no scores, a run that is there twice, another suffix than .html, an `out` that exists or
    cannot be written, a truth that no score is of, or a prediction of another truth.
    """
    out = _checked(Path(out), scores, data, predictions, overwrite)
    columns = columns_of(scores)
    embedded = [embedded_json("runs", run_data(scores, columns))]
    sections = {"trials_section": "", "truth": ""}
    if data is not None:
        truth = open_dataset(data, "simulation")
        predicted = [open_dataset(path, "prediction") for path in predictions]
        _check_scored(truth, data, scores)
        if predicted:
            found = trial_data(truth, predicted, trials)
            embedded.append(embedded_json("traces", found))
            sections["trials_section"] = _trials(found, embedded[-1])
        sections["truth"] = joined(truth_card(truth), prediction_table(predicted) if predicted else None)
    scripts = [_file(name) for name in SCRIPTS]
    style = style_sheet()
    text = _part("page.html").substitute(
        sections,
        policy=_policy(scripts, style),
        style=style,
        summary=_summary(scores),
        table=score_table(scores, columns),
        figures=figures(scores),
        datasets=scored_datasets(scores),
        commands=_commands(commands),
        made_with=_made_with(),
        data=joined(*embedded),
        scripts="\n".join(f"<script>{script}</script>" for script in scripts),
    )
    with writing_whole(out) as growing:
        growing.write_text(text, encoding="utf-8")
    return out


def _checked(
    out: Path, scores: Sequence[Score], data: str | Path | None, predictions: Sequence[str | Path], overwrite: bool
) -> Path:
    if out.suffix.lower() != ".html":
        raise InputError(f"{out}: a report is written as .html; name one that ends so")
    if out.exists() and not overwrite:
        raise InputError(f"{out}: exists already; give --overwrite to replace it, or another path")
    if not scores:
        raise InputError("report: no scores were given; `apical evaluate` makes them")
    if predictions and data is None:
        raise InputError(f"{predictions[0]}: is a prediction of a truth that was not given; give that as --data")
    runs = [tuple(getattr(score, name) for name in IDENTITY) for score in scores]
    for at, run in enumerate(runs):
        if run in runs[:at]:
            raise InputError(f"report: run '{run_label(scores[at])}' is there twice in the scores; leave one out")
    return out


def _check_scored(truth: xr.Dataset, data: str | Path, scores: Sequence[Score]) -> None:
    found, scored = truth.attrs["dataset_id"], dict.fromkeys(score.dataset_id for score in scores)
    if found not in scored:
        known = ", ".join(f"'{each}'" for each in scored)
        raise InputError(f"{data}: is dataset '{found}', and the scores are of {known}; give the truth that was scored")


def _file(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")


def _part(name: str) -> Template:
    return Template(_file(name))


def _policy(scripts: Sequence[str], style: str) -> str:
    """What the page may do: run these scripts and this style, show pictures that are inside it, and nothing else."""
    allowed = " ".join(_digest(script) for script in scripts)
    return (
        f"default-src 'none'; script-src {allowed}; style-src-elem {_digest(style)}; style-src-attr 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _summary(scores: Sequence[Score]) -> Markup:
    """What the page is about, in a few facts."""
    best = best_run(scores)
    found = interval(best, "roc_auc")
    told = f" ({found.low:.4f} to {found.high:.4f})" if found else ""
    datasets = dict.fromkeys(score.dataset for score in scores)
    families = dict.fromkeys(FAMILY_TITLES.get(score.family, score.family) for score in scores)
    return definitions(
        {
            "runs": f"{len(scores)}: {', '.join(families)}",
            "scored on": "; ".join(datasets),
            "highest ROC-AUC": f"{best.roc_auc:.4f}{told}: {run_label(best)}, {best.n_parameters:,} parameters",
        }
    )


def _trials(found: dict[str, Any], packed: str) -> str:
    groups = [each["group"] for each in found["trials"]]
    told = " and ".join(f"{groups.count(name)} {name}" for name in ("worst", "typical") if name in groups)
    told = f"all {len(groups)}" if len(groups) == found["nTrials"] else f"{told} of the {found['nTrials']:,}"
    told += f" scored trials that every model predicted; {len(packed) / 1e6:.1f} MB of this page"
    return _part("trials.html").substitute(told=told, clip_mv=f"{found['clipMv']:g}".replace("-", "−"))


def _commands(commands: Sequence[str]) -> Markup:
    if not commands:
        return element("p", "No command is on record: this page was made from Python, or from score files alone.")
    return element("pre", element("code", "\n".join(commands)), tabindex=0, aria_label="commands")


def _made_with() -> str:
    made = made_with()
    commit = f", commit {made['git_commit'][:12]}" if made["git_commit"] else ""
    return joined(f"apical {made['apical']}{commit}")
