"""How results are printed: aligned tables for people, JSON for machines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from .progress import console

if TYPE_CHECKING:
    from pathlib import Path

    from ..analysis.scores import Score
    from ..analysis.trial_sums import TrialSums
    from ..simulate.validation import Validation

SHOWN_INTERVALS = {"roc_auc": 4, "rmse_rescaled_mv": 3}  # and their decimals
SHOWN_TRIALS = 10  # of those that a flag is about; --json has them all


def print_table(title: str, header: Sequence[str], rows: Iterable[Sequence[Any]], numbers_from: int = 1) -> None:
    """Print rows under a header; columns from `numbers_from` on are set flush right. Nothing is cut off."""
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for at, name in enumerate(header):
        number = at >= numbers_from
        table.add_column(name, justify="right" if number else "left", no_wrap=number or not at, overflow="fold")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    console.print(table)


def print_json(value: Any) -> None:
    """Print `value` as JSON and nothing else, so that it can be piped."""
    print(json.dumps(value, indent=2))


def print_scores(scores: Sequence[Score]) -> None:
    """The score table: spike and voltage fidelity per model."""
    header = ["model", "seed", "params", "ROC-AUC", "TP@1%FP", "RMSE", "rescaled", "EV"]
    rows = [
        (
            score.name,
            score.seed,
            f"{score.n_parameters:,}",
            f"{score.roc_auc:.4f}",
            f"{score.tp_at_fp_01:.3f}",
            f"{score.rmse_mv:.3f}",
            f"{score.rmse_rescaled_mv:.3f}",
            f"{score.explained_variance:.3f}",
        )
        for score in scores
    ]
    trials, spikes = scores[0].n_trials, scores[0].n_output_spikes
    print_table(
        f"Scores on {trials} trials with {spikes} output spikes (RMSE in mV, plain and rescaled per file)", header, rows
    )


def print_intervals(scores: Sequence[Score], sums: Sequence[TrialSums]) -> None:
    """Each model's intervals, and whether it can be told from the one of the highest ROC-AUC, trial by trial."""
    from ..analysis.uncertainty import LEVEL, RESAMPLES, intervals

    best = max(range(len(scores)), key=lambda at: scores[at].roc_auc)
    rows = []
    for score, own in zip(scores, sums, strict=True):
        found = intervals(own)
        told = [f"{found[name].low:.{n}f}–{found[name].high:.{n}f}" for name, n in SHOWN_INTERVALS.items()]
        rows.append((score.name, score.seed, *told, "best" if own is sums[best] else _apart(own, sums[best])))
    title = f"{LEVEL:.0%} intervals and paired differences, {RESAMPLES:,} resamples of trials"
    print_table(title, ["model", "seed", "ROC-AUC", "rescaled", "ROC-AUC less best"], rows)


def _apart(own: TrialSums, best: TrialSums) -> str:
    from ..analysis.uncertainty import differences
    from ..simulate.schema import InputError

    try:
        less = differences(own, best)["roc_auc"]
    except InputError:
        return "other trials"
    return f"{less.value:+.4f}" if less.distinguishable else "not distinguishable"


def print_checks(found: Validation, picture: Path | None) -> None:
    """What a validation measured beside what was expected, by protocol, and how many checks passed."""
    step = found.integration["dt_ms"]
    how = f"{found.integration['engine']}, {f'step {step:g} ms' if step else 'variable step'}"
    rows = [("quantity", "measured", "expected", "")]
    for at, each in enumerate(found.checks):
        if not at or found.checks[at - 1].group != each.group:
            rows.append((each.group, "", "", ""))
        unit = "" if each.unit == "1" else f" ({each.unit})"
        result = {True: "pass", False: "FAIL", None: "" if each.basis == "none" else each.basis}[each.passed]
        rows.append((f"  {each.name}{unit}", each.told("measured"), each.told("expected"), result))
    name, measured, expected, _ = (max(map(len, column)) for column in zip(*rows, strict=True))
    console.print(f"{found.morphology} with {found.biophysics} ({how})\n", style="bold")
    for row in rows:  # plain lines, not a table: nothing is cut off, however narrow the terminal
        console.print(f"{row[0]:<{name}}  {row[1]:>{measured}}  {row[2]:>{expected}}  {row[3]}".rstrip(), markup=False)
    judged = sum(each.passed is not None for each in found.checks)
    console.print("\n".join(["", *found.remarks]), markup=False)
    console.print(f"{judged - len(found.failed)} of {judged} checks passed in {found.seconds:.0f} s")
    if picture:
        console.print(f"figure: {picture}")


def print_summary(found: dict[str, Any]) -> None:
    """A dataset in numbers, one line each; nested values are set in one line."""
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    for key, value in found.items():
        if key not in ("config", "provenance", "flags"):
            table.add_row(key.replace("_", " "), _plain(value))
    licence = found["provenance"].get("morphology", {}).get("licence")
    if licence:
        table.add_row("licence", licence)
    console.print(table)
    for flag in found["flags"]:
        first, more = flag["trials"][:SHOWN_TRIALS], len(flag["trials"]) - SHOWN_TRIALS
        which = ", ".join(map(str, first)) + (f" and {more} more" if more > 0 else "")
        console.print(f"flag: {flag['flag']}: {flag['why']} (trial {which})")


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(each)}" for name, each in value.items())
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
