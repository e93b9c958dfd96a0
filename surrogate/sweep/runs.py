"""The folder of many runs, whatever they are: what it was started with, how each run ended, and their scores."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ...simulate.schema import InputError, recover, writing_whole
from ..fitting.run_folder import write_file

CARD, SCORES, RUNS = "sweep.json", "scores.csv", "runs.csv"
SCORE = "score.csv"  # beside a run's weights: that it is done, and its scores


class Outcome(NamedTuple):
    """How one run ended: done, or what went wrong."""

    run: str
    error: str | None


# Calls a function for each of many arguments, somewhere, with place: the number of the process, if they are counted;
# gives these, as they come, with what it returned, or the error of what kept it from returning, such as a worker that
# died
Spread = Callable[[Callable[..., list[Outcome]], Iterable[tuple]], Iterator[tuple[tuple, list[Outcome] | Exception]]]
Join = Callable[[Sequence[Path], Path], None]  # writes one score file of several
Show = Callable[[int, int, str], None]  # runs done, runs in all, what goes on


def run_all(
    groups: Sequence[Mapping[str, Any]],
    run_group: Callable[..., list[Outcome]],
    arguments: tuple,
    out: Path,
    join: Join,
    spread: Spread | None,
    report: Show | None,
) -> list[Outcome]:
    """Run what is not done yet; how every run ended, in the groups' order.

    groups: runs by name, with what fixes each. run_group: is given a group and the arguments, maybe show and place.
    """
    names = [name for group in groups for name in group]
    todo = [{n: c for n, c in group.items() if not score_path(out, n).exists()} for group in groups]
    outcomes = {name: Outcome(name, None) for name in names if score_path(out, name).exists()}
    each_arguments = [(group, *arguments) for group in todo if group]

    def show(note: str) -> None:
        if report is not None:
            report(len(outcomes), len(names), note)

    if outcomes:  # a kill may have come between the last run and the tables
        _write_tables(out, join, list(outcomes.values()))
    show("")
    ended = spread(run_group, each_arguments) if spread else ((a, run_group(*a, show=show)) for a in each_arguments)
    for (group, *_), some in ended:
        if isinstance(some, Exception):
            some = [Outcome(name, told(some)) for name in group]
        outcomes |= {outcome.run: outcome for outcome in some}
        _write_tables(out, join, [outcomes[name] for name in names if name in outcomes])
        show(f"{some[-1].run} {'failed' if some[-1].error else 'done'}")
    return [outcomes[name] for name in names]


def told(error: Exception) -> str:
    """What is noted of a run that failed."""
    text = " ".join(str(error).split())
    return text if isinstance(error, InputError) else f"{type(error).__name__}: {text}"


def score_path(out: Path, name: str) -> Path:
    """Where a run's scores are, once it is done."""
    return out / "runs" / name / SCORE


def check_names(groups: Sequence[Mapping[str, Any]]) -> None:
    """Raises InputError where two runs have one name."""
    names = [name for group in groups for name in group]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"sweep: run {twice} is there twice; give models of one family and size labels of their own")


def read_card(out: Path) -> dict[str, Any]:
    """What the sweep in `out` was started with. Raises InputError where there is none."""
    try:
        card = json.loads((out / CARD).read_text())
    except OSError as error:
        raise InputError(f"{out}: no sweep there ({CARD} cannot be read); `apical sweep` makes one") from error
    except ValueError as error:
        raise InputError(f"{out / CARD}: is damaged; start the sweep anew") from error
    if not (isinstance(card, dict) and isinstance(card.get("sweep"), dict) and "dataset_id" in card):
        raise InputError(f"{out / CARD}: is damaged; start the sweep anew")
    return card


def prepare(out: Path, card: dict[str, Any], *, resume: bool, overwrite: bool) -> None:
    """Make the folder, or check that the sweep in it is the one to go on with. Raises InputError."""
    recover(out)
    if out.exists() and not (resume or overwrite):
        raise InputError(f"{out}: exists already; --resume goes on with it, --overwrite replaces it")
    if out.exists() and not (out / CARD).exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out}: is there but is not a sweep; choose another path")
    if (out / CARD).exists() and resume:
        before = read_card(out)
        for what, id_of in {"dataset": "dataset_id", "test dataset": "test_id"}.items():
            if before.get(id_of) != card.get(id_of):
                raise InputError(f"{out}: was started with another {what}; choose another folder")
        for field, value in card["sweep"].items():
            if before["sweep"].get(field) != value:
                other = f"{field} = {json.dumps(before['sweep'].get(field))}, now it is {json.dumps(value)}"
                raise InputError(f"{out}: was started with another sweep ({other}); choose another folder")
        return
    with writing_whole(out) as growing:
        (growing / "runs").mkdir(parents=True)
        (growing / CARD).write_text(json.dumps(card, indent=1))


def _write_tables(out: Path, join: Join, outcomes: list[Outcome]) -> None:
    done = [score_path(out, each.run) for each in outcomes if each.error is None]
    if done:
        join(done, out / SCORES)
    ended = [[each.run, "done" if each.error is None else "failed", each.error or ""] for each in outcomes]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([["run", "status", "error"], *ended])
    write_file(out / RUNS, text.getvalue().encode())
