"""A run's README: what it is, how it was made, how well it does on what chose it."""

from __future__ import annotations

from collections.abc import Sequence

from ...surrogate.fitting.run_folder import CARD, WEIGHTS
from .run_folder import Row, TaskCard


def card_in_words(card: TaskCard, log: Sequence[Row]) -> str:
    """The README of a run, in Markdown."""
    best, fit = max(log, key=lambda row: row.rank), card.fit
    read = [f"bins of {fit.bin_ms:g} ms ({fit.counting})" if fit.bin_ms else ""]
    read += [f"{fit.levels} grey levels" if fit.levels else "", "two added" if fit.adding else ""]
    made = ", ".join(f"{name} {version}" for name, version in card.provenance.items() if version)
    of_text = card.target == "next"
    each, measure = ("streams of text", "bits per token") if of_text else ("sequences", "accuracy")
    rows = {
        "task": f"{card.title} ({card.task_id})",
        "read as": ", ".join(filter(None, read)) or "it is",
        "model": f"{card.model.family}, size {card.model.size}, seed {fit.seed}",
        "trainable parameters": f"{card.n_parameters:,}",
        "steps": f"{card.steps:,} of {fit.batch} {each}; kept: step {best.step:,}, the best validation",
        f"validation {measure}": f"{best.score:.4f}, which chose the model and so flatters it",
        "time": f"{log[-1].seconds:,.0f} s",
        "made with": made,
    }
    lines = [f"| {name} | {value} |" for name, value in rows.items()]
    title = f"# {card.model.family}: {'what comes next in' if of_text else 'a classifier of'} {card.title}"
    end = f"`{CARD}` and `{WEIGHTS}` are all that `apical evaluate` needs, beside the task."
    return "\n".join([title, "", "| | |", "| --- | --- |", *lines, "", end, ""])
