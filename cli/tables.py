"""How results are printed: aligned tables for people, JSON for machines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from .progress import console

if TYPE_CHECKING:
    from ..analysis.scores import Score

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
