"""Scores on a task of sequences as one page: the table, the figure, and with what they were made."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from ...simulate.schema import InputError, made_with, writing_whole
from ..families import family_of
from ..markup import Markup, element, joined
from ..sequences.figure import compare_tasks
from ..sequences.measure import BITS
from ..sequences.measured import Measured, measured
from ..sequences.rows import TaskScore
from .style import style_sheet
from .svg import inlined

HEAD = ("model", "size", "bin (ms)", "parameters", "steps", "seeds")


def write_task_report(
    scores: Sequence[TaskScore], out: str | Path, *, commands: Sequence[str] = (), overwrite: bool = False
) -> Path:
    """Write one self-contained page of scores of one task, and return its path. It loads nothing.

    Raises InputError for scores of several tasks, another suffix than .html, or an `out` that exists.
    """
    out = Path(out)
    if out.suffix.lower() != ".html":
        raise InputError(f"{out}: a report is written as .html; name one that ends so")
    if out.exists() and not overwrite:
        raise InputError(f"{out}: exists already; give --overwrite to replace it, or another path")
    with TemporaryDirectory() as folder:
        drawn = compare_tasks(scores, Path(folder, "figure.svg")).read_text(encoding="utf-8")
    title = f"{scores[0].task}{', two added' if scores[0].adding else ''}: an apical report"
    about = (
        "Bits per character of the test text, learning curves, and bits along the text"
        if scores[0].measure is BITS
        else "Accuracy on the test sequences, learning curves, and what the best model takes for what"
    )
    made = made_with()
    body = joined(
        element("header", element("p", "apical report", class_="kicker"), element("h1", title)),
        element(
            "main",
            element("section", element("h2", "Scores"), element("div", _table(measured(scores)), class_="scrolls")),
            element("section", element("h2", "Figure"), element("div", inlined(drawn, "task-", about), class_="paper")),
            element(
                "section",
                element("h2", "Made with"),
                element("pre", element("code", "\n".join(commands))) if commands else None,
                element(
                    "p", f"apical {made['apical']}", f", commit {made['git_commit'][:12]}" if made["git_commit"] else ""
                ),
            ),
            id="content",
        ),
    )
    head = joined(
        Markup('<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'),
        Markup('<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '),
        Markup("style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'\">"),
        element("title", title),
        element("style", Markup(style_sheet())),
    )
    page = element("html", element("head", head), element("body", body), lang="en")
    with writing_whole(out) as growing:
        growing.write_text(f"<!DOCTYPE html>\n{page}\n", encoding="utf-8")
    return out


def _table(found: Sequence[Measured]) -> Markup:
    rows = []
    measure = found[0].measure
    for each in sorted(found, key=lambda one: one.mean, reverse=measure.more_is_better):
        first, (low, high) = each.first, each.interval
        cells = (
            *(family_of(first.family).title or first.family, first.size),
            "" if first.bin_ms is None else f"{first.bin_ms:g}",
            *(f"{first.n_parameters:,}", f"{first.steps:,}", len(each.scores), f"{each.mean:.4f}"),
            "" if math.isnan(low) else f"{low:.4f} – {high:.4f}",
        )
        rows.append(element("tr", *(element("td", cell, class_="number") for cell in cells)))
    head = element(
        "thead",
        element("tr", *(element("th", name, scope="col") for name in (*HEAD, measure.in_table, "95 % interval"))),
    )
    return element("table", head, element("tbody", *rows))
