"""What `fit`, `evaluate`, `compare` and `report` do with a task of sequences, in place of a simulation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .options import whole_numbers
from .progress import bar, console

if TYPE_CHECKING:
    from ..tasks.sweep.sweep_config import TaskSweep

NETWORKS = "elm-network"  # the sweep that solves for sizes


def of_task(data: Sequence[Path] | None, out: Path, resume: bool) -> bool:
    """Whether a fit is of a task: what is given is one, or the run that is resumed is on one."""
    from ..tasks.fitting.run_folder import is_task_run
    from ..tasks.schema import is_task

    return any(map(is_task, data or ())) or (resume and is_task_run(out))


def fit_to_task(
    data: Sequence[Path] | None,
    out: Path,
    recipe: str | None,
    given: dict[str, Any],
    fields: list[str],
    *,
    device: str,
    resume: bool,
    overwrite: bool,
    not_for_tasks: Sequence[str],
) -> None:
    """Fit a classifier, or a model of text. not_for_tasks: options that were given and are of other fits.

    Raises InputError for those, for several tasks, and as `fit_task` does.
    """
    from ..simulate.changes import parsed
    from ..simulate.schema import InputError
    from ..tasks.fitting.fit import fit_task
    from ..tasks.fitting.recipe import recipe as make
    from ..tasks.fitting.run_folder import is_task_run, read_task_card

    _refuse(not_for_tasks, "fits")
    if data is not None and len(data) > 1:
        raise InputError(f"a model is fitted to one task, got {len(data)} paths; give one")
    given = given | parsed(fields)
    if resume and recipe is None and is_task_run(out):
        config = read_task_card(out).fit.changed(given)
    else:
        size = given.pop("size", None)
        config = make(recipe or "quick", given.pop("family", "elm"), None if size is None else _whole(size), **given)
    task = data[0] if data else None
    with bar(f"Fitting {config.family}", config.steps) as show:
        fit_task(
            config,
            task,
            out,
            device=device,
            resume=resume,
            overwrite=overwrite,
            report=lambda progress: show(progress.step, progress.steps, progress.in_words()),
        )
    fitted_to = task or read_task_card(out).task
    console.print(f"{out}: fitted; `apical evaluate {fitted_to} {out} --out scores.csv` scores it on the test split")


def sweep_of_task(data: Sequence[Path] | None, out: Path, resume: bool) -> bool:
    """Whether a sweep is of a task: what is given is one, or the sweep that is resumed is on one."""
    from ..tasks.schema import is_task
    from ..tasks.sweep.sweep import is_task_sweep

    return any(map(is_task, data or ())) or (resume and data is None and is_task_sweep(out))


def sweep_on_task(
    sweep: str | None,
    data: Sequence[Path] | None,
    out: Path,
    test: Path | None,
    fields: Sequence[str],
    of_networks: Mapping[str, str],
) -> Callable[..., Sequence[Any]]:
    """`run_task_sweep` of what is given. of_networks: options of the sweep of ELM Networks, by name.

    Raises InputError for a test set, for several tasks, or a bad sweep.
    """
    from ..simulate.changes import parsed
    from ..simulate.schema import InputError
    from ..tasks.sweep.sweep import TaskScoring, own_task_sweep, run_task_sweep
    from ..tasks.sweep.sweep_config import read_task_sweep

    _refuse([] if test is None else ["--test"], "sweeps")
    if data is not None and len(data) > 1:
        raise InputError(f"a sweep of classifiers is on one task, got {len(data)} paths; give one")
    changes = parsed(fields)
    if sweep == NETWORKS:
        config = _networks(data[0] if data else own_task_sweep(out).task, of_networks, changes)
    else:
        config = (own_task_sweep(out).config if sweep is None else read_task_sweep(sweep)).changed(changes)
    return partial(run_task_sweep, config, data[0] if data else None, out, TaskScoring(_write_score, _join_scores))


def _networks(task: str | Path, given: Mapping[str, str], settings: dict[str, Any]) -> TaskSweep:
    from ..simulate.schema import InputError
    from ..tasks.schema import open_task
    from ..tasks.sweep.network_sweep import network_sweep

    if "--budget" not in given:
        raise InputError(f"sweep {NETWORKS}: takes --budget, numbers of trainable parameters such as 20000,77000")
    numbers = {}
    for name in ("--budget", "--seeds"):
        numbers[name] = whole_numbers(given.get(name, "0,1"))
        if not numbers[name]:
            raise InputError(f"{name} {given[name]}: expected whole numbers, such as 0,1")
    axis: Any = given.get("--axis", "n-vs-ke")
    return network_sweep(
        open_task(task), numbers["--budget"] or (), axis, seeds=numbers["--seeds"] or (), settings=settings
    )


def _write_score(task: Path, run: Path, out: Path) -> None:
    from ..analysis.sequences.rows import write_task_scores

    write_task_scores(out, [_score(task, run)])


def _join_scores(paths: Sequence[Path], out: Path) -> None:
    from ..analysis.sequences.rows import read_task_scores, write_task_scores

    write_task_scores(out, read_task_scores(paths))


def _refuse(given: Sequence[str], what: str) -> None:
    from ..simulate.schema import InputError

    if given:
        raise InputError(f"{given[0]}: is of {what} on a simulation, not on a task of sequences; leave it out")


def _whole(size: object) -> int:
    from ..simulate.schema import InputError, shown

    if isinstance(size, int) or (isinstance(size, str) and size.isdecimal()):
        return int(size)
    raise InputError(f"size {shown(size)}: of a classifier of sequences it is a whole number, such as 100")


def evaluate_on_task(
    task: Path,
    runs: Sequence[Path],
    out: Path | None,
    not_for_tasks: Sequence[str],
    *,
    as_json: bool,
    figure: Path | None,
) -> None:
    """Score runs on a task's test split. not_for_tasks: options that were given and are of simulations.

    Raises InputError for those, and as `answer` and `read_through` do.
    """
    from ..analysis.sequences.figure import compare_tasks
    from ..analysis.sequences.measured import measured
    from ..analysis.sequences.rows import write_task_scores
    from .tables import print_json

    _refuse(not_for_tasks, "scores")
    with bar("Scoring", len(runs)) as show:
        scores = []
        for done, run in enumerate(runs, start=1):
            scores.append(_score(task, run))
            show(done, len(runs))
    if figure is not None:
        compare_tasks(scores, figure)
    if out is not None:
        write_task_scores(out, scores)
    if as_json:
        print_json([score.model_dump() for score in scores])
        return
    print_measured(measured(scores))
    if out is not None:
        console.print(f"scores: {out}")
    if figure is not None:
        console.print(f"figure: {figure}")


def _score(task: Path, run: Path) -> Any:
    import numpy as np

    from ..analysis.sequences.rows import TaskScore
    from ..tasks.fitting.run_folder import log_of, read_task_card

    card = read_task_card(run)
    return TaskScore(
        task=card.title,
        task_id=card.task_id,
        family=card.model.family,
        size=card.model.size,
        name=run.name,
        seed=card.fit.seed,
        n_parameters=card.n_parameters,
        steps=card.steps,
        batch=card.fit.batch,
        bin_ms=card.fit.bin_ms,
        adding=card.fit.adding,
        n_classes=len(card.class_names),
        curve_i2=np.array([(row.step, row.score) for row in log_of(run)]),
        **_of_network(card.model),
        **(_of_text if card.target == "next" else _of_labels)(task, run),
    )


def _of_labels(task: Path, run: Path) -> dict[str, Any]:
    from ..tasks.fitting.predict import answer

    _, split, found = answer(run, task)
    answers = {"label_n": found.label_n, "predicted_n": found.predicted_n}
    return {"split": split, "n_sequences": len(found.label_n), "accuracy": found.accuracy, **answers}


def _of_text(task: Path, run: Path) -> dict[str, Any]:
    from ..analysis.sequences.measure import in_blocks
    from ..tasks.fitting.predict import read_through

    _, split, found = read_through(run, task)
    bits_k, characters_k = in_blocks(found.bits_n)
    scored = {"n_sequences": len(found.bits_n), "accuracy": found.accuracy, "bits_per_character": found.bits}
    return {"split": split, **scored, "bits_k": bits_k, "characters_k": characters_k}


def _of_network(model: Any) -> dict[str, int]:
    if model.family != "elm-network":
        return {}
    return {"d_m": model.d_m, "n_sources": model.n_branches * model.synapses_per_branch}


def print_measured(found: Sequence[Any]) -> None:
    """A table of models: accuracy, or bits per character, over their seeds, with its interval."""
    from rich.table import Table

    table = Table(box=None)
    for name in ("model", "bin", "parameters", "steps", "seeds"):
        table.add_column(name, justify="left" if name == "model" else "right", no_wrap=name == "model")
    table.add_column(" or ".join(dict.fromkeys(each.measure.short for each in found)), justify="right")
    table.add_column("95 % interval")
    for each in found:
        first = each.first
        told = "" if each.interval.low != each.interval.low else f"{each.interval.low:.3f} – {each.interval.high:.3f}"
        table.add_row(
            *(f"{first.family} {first.size_in_words}", "" if first.bin_ms is None else f"{first.bin_ms:g} ms"),
            *(f"{first.n_parameters:,}", f"{first.steps:,}", f"{len(each.scores)}", f"{each.mean:.4f}", told),
        )
    console.print(table)
    if any(not each.measure.more_is_better for each in found):
        console.print("bits: per character, fewer is better")


def compare_scores_of_tasks(scores: Sequence[Path], out: Sequence[Path], table: Path | None) -> None:
    """Draw task scores, and write them as a table. Raises InputError as `read_task_scores` and `compare_tasks` do."""
    from ..analysis.sequences.figure import compare_tasks
    from ..analysis.sequences.measured import measured, measured_table
    from ..analysis.sequences.rows import read_task_scores
    from ..simulate.schema import writing_whole

    found = read_task_scores(scores)
    for path in out:
        compare_tasks(found, path)
    together = measured(found)
    print_measured(together)
    for path in out:
        console.print(f"figure: {path}")
    if table is not None:
        with writing_whole(table) as growing:
            growing.write_text(measured_table(together), encoding="utf-8")
        console.print(f"table: {table}")


def report_on_tasks(scores: Sequence[Path], out: Path, not_for_tasks: Sequence[str], *, overwrite: bool) -> None:
    """Write task scores as one page. Raises InputError for options that were given and are of simulations."""
    import shlex

    from ..analysis.report.sequences import write_task_report
    from ..analysis.sequences.rows import read_task_scores

    _refuse(not_for_tasks, "reports")
    again = shlex.join(["apical", "report", *map(str, scores), "--out", str(out)])
    write_task_report(read_task_scores(scores), out, commands=[again], overwrite=overwrite)
    console.print(f"report: {out} ({out.stat().st_size / 1e6:.1f} MB)")
