"""How results are printed: aligned tables for people, JSON for machines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ..simulate.names import counted
from .progress import console

if TYPE_CHECKING:
    from pathlib import Path

    from ..analysis.comparison.generalisation import Generalisation
    from ..analysis.scores.rows import Score
    from ..simulate.validation.validate import Validation

SHOWN_INTERVALS = {"roc_auc": 4, "average_precision": 3, "rmse_rescaled_mv": 3}  # and their decimals
SHOWN_TRIALS = 10  # of those that a flag is about; --json has them all


def print_table(title: str, header: Sequence[str], rows: Iterable[Sequence[Any]], numbers_from: int = 1) -> None:
    """Print rows under a header; columns from `numbers_from` on are set flush right. Nothing is cut off."""
    from rich import box
    from rich.measure import Measurement
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for at, name in enumerate(header):
        number = at >= numbers_from
        table.add_column(name, justify="right" if number else "left", no_wrap=number or not at, overflow="fold")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    needed = Measurement.get(console, console.options.update(width=10_000), table).maximum
    if needed > console.width:  # Rich would squeeze numbers; lines that go on in the next one lose nothing
        table.width = needed
    console.print(table, crop=False)


def print_json(value: Any) -> None:
    """Print `value` as JSON and nothing else, so that it can be piped."""
    print(json.dumps(value, indent=2))


def print_scores(scores: Sequence[Score]) -> None:
    """The score table: spike and voltage fidelity per model."""
    columns = {  # header: column and decimals
        "ROC-AUC": ("roc_auc", 4),
        "TP@1%FP": ("tp_at_fp_01", 3),
        "AP": ("average_precision", 3),
        "F1": ("f1_2ms", 3),
        "RMSE": ("rmse_mv", 3),
        "rescaled": ("rmse_rescaled_mv", 3),
    }
    columns = {name: each for name, each in columns.items() if any(getattr(s, each[0]) is not None for s in scores)}
    rows = [
        (
            s.name,
            s.seed,
            f"{s.n_parameters:,}" if s.n_parameters else None,
            *(_decimals(getattr(s, name), n) for name, n in columns.values()),
        )
        for s in scores
    ]
    trials, spikes = scores[0].n_trials, scores[0].n_output_spikes
    print_table(
        f"Scores on {counted(trials, 'trial')} with {counted(spikes, 'output spike')} "
        "(F1 within 2 ms; RMSE in mV, plain and rescaled)",
        ["model", "seed", "params", *columns],
        rows,
    )


def _decimals(value: float | None, n: int) -> str | None:
    return None if value is None else f"{value:.{n}f}"


def print_intervals(scores: Sequence[Score]) -> None:
    """Each model's intervals, and whether it can be told from the one of the highest ROC-AUC, trial by trial."""
    from ..analysis.scores.uncertainty import LEVEL, RESAMPLES, difference, interval, too_few

    few = too_few(scores)
    if few:
        console.print(few, markup=False, soft_wrap=True)
    if not any(interval(score, name) for score in scores for name in SHOWN_INTERVALS):
        return
    best = max(scores, key=lambda score: score.roc_auc)
    rows = []
    for score in scores:
        told = []
        for name, n in SHOWN_INTERVALS.items():
            found = interval(score, name)
            told.append("" if found is None else f"{found.low:.{n}f}–{found.high:.{n}f}")
        less = difference(score, best, "roc_auc")
        if score is best:
            verdict = "best"
        elif less is None:
            verdict = "too few trials" if few else "other trials"
        else:
            verdict = f"{less.value:+.4f}" if less.distinguishable else "not distinguishable"
        rows.append((score.name, score.seed, *told, verdict))
    title = f"{LEVEL:.0%} intervals and paired differences, {RESAMPLES:,} resamples of trials"
    print_table(title, ["model", "seed", "ROC-AUC", "AP", "rescaled", "ROC-AUC less best"], rows)


def print_seeds(scores: Sequence[Score]) -> None:
    """The spread over seeds of each model that has several; nothing where none has."""
    groups: dict[tuple[str, int | None], list[Score]] = {}
    for score in scores:
        groups.setdefault((score.name, score.train_trials), []).append(score)
    rows = []
    for (name, _), seeds in groups.items():
        if len({score.seed for score in seeds}) > 1:
            told = []
            for column, n in SHOWN_INTERVALS.items():
                values = [value for value in (getattr(seed, column) for seed in seeds) if value is not None]
                told.append(f"{min(values):.{n}f}–{max(values):.{n}f}" if values else "")
            rows.append((name, len(seeds), *told))
    if rows:
        print_table("Spread over seeds, least to greatest", ["model", "seeds", "ROC-AUC", "AP", "rescaled"], rows)


def print_smallest(scores: Sequence[Score], target: float) -> None:
    """The smallest size of each series that reaches a ROC-AUC, with its interval; and how far the others come."""
    from ..analysis.comparison.efficiency import series_label, series_of, smallest

    rows = []
    for series in series_of(scores):
        found = smallest(series, target=target)
        best = max(series.points, key=lambda point: point.mean("roc_auc"))
        bounds = ""
        if found.low is not None:
            bounds = f"{found.low:,}–{found.high:,}" if found.high is not None else f"{found.low:,} or more"
        enough = "none" if found.n_parameters is None else f"{found.n_parameters:,}"
        label = series_label(series, scores).replace("\n", " ")
        rows.append((label, enough, bounds, f"{best.mean('roc_auc'):.4f}", f"{best.n_parameters:,}"))
    header = ["series", "smallest", "95 % interval", "best AUC", "at params"]
    print_table(f"Smallest size (trainable parameters) that reaches a ROC-AUC of {target:g}", header, rows)


def score_json(score: Score) -> dict[str, Any]:
    """A score for machines, with the interval of each value that has one."""
    from ..analysis.scores.uncertainty import interval

    names = score.resamples.values if score.resamples else ()
    found = {name: interval(score, name) for name in names}
    return score.model_dump() | {"intervals": {name: each for name, each in found.items() if each} or None}


def print_generalisation(found: Generalisation) -> None:
    """ROC-AUC of every model on every dataset, or why there is none, and then the voltage error."""
    spikes, voltage = "ROC-AUC (* on the data that it was fitted on)", "RMSE as predicted, mV"
    print_table(spikes, found.header(), found.rows("roc_auc", 4), 3)
    print_table(voltage, found.header(), found.rows("rmse_mv", 3), 3)
    for line in found.key():
        console.print(line, markup=False)


def print_checks(found: Validation, picture: Path | None) -> None:
    """What a validation measured beside what was expected, a verdict for each protocol, and what all come to."""
    from ..simulate.validation.checks import outcome

    step = found.integration["dt_ms"]
    how = f"{found.integration['engine']}, {f'step {step:g} ms' if step else 'variable step'}"
    rows = [("quantity", "measured", "expected", "")]
    for verdict in found.verdicts:
        rows.append((verdict.group, "", "", str(verdict)))
        for each in (each for each in found.checks if each.group == verdict.group):
            unit = "" if each.unit == "1" else f" ({each.unit})"
            rows.append((f"  {each.name}{unit}", each.told("measured"), each.told("expected"), f"  {each.result}"))
    name, measured, expected, _ = (max(map(len, column)) for column in zip(*rows, strict=True))
    console.print(f"{found.morphology} with {found.biophysics} ({how})\n", style="bold")
    for row in rows:  # plain lines, not a table: nothing is cut off, however narrow the terminal
        console.print(f"{row[0]:<{name}}  {row[1]:>{measured}}  {row[2]:>{expected}}  {row[3]}".rstrip(), markup=False)
    console.print("\n".join(["", *found.remarks]), markup=False)
    console.print(f"{outcome(found.verdicts)} ({found.seconds:.0f} s)", markup=False)
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


def print_task(found: dict[str, Any]) -> None:
    """A task in numbers, one line each, and its classes as a table."""
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    for key, value in found.items():
        if key not in ("classes", "provenance"):
            table.add_row(key.replace("_", " "), _plain(value))
    console.print(table)
    if classes := found.get("classes"):
        splits = list(next(iter(classes.values())))
        rows = [(name, *(f"{counts[split]:,}" for split in splits)) for name, counts in classes.items()]
        print_table("Sequences", ["class", *splits], rows)


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(each)}" for name, each in value.items())
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
