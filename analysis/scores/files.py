"""The CSV files that keep scores, a row each, with the resamples beside them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ...simulate.schema import InputError, writing_whole
from .resamples import Resamples, read_resamples, row_key, write_resamples
from .rows import COLUMNS, IDENTITY, NULLABLE, SCORES_SCHEMA, Score
from .table import Scores


def write_scores(path: str | Path, scores: Sequence[Score]) -> None:
    """Write scores as CSV, one row each under one header, and their resamples beside it; existing files are replaced.

    path: of the CSV file. scores: what `evaluate` returns.
    Raises InputError where the path cannot be written.
    """
    rows = [score.model_dump() for score in scores]
    of_row = {row_key(row): each.resamples for row, each in zip(rows, scores, strict=True) if each.resamples}
    write_resamples(path, of_row)
    write_rows(Path(path), COLUMNS, rows)


def join_scores(paths: Sequence[Path], out: Path) -> None:
    """Write the scores of several files as one. Raises InputError as `read_scores` and `write_scores` do."""
    write_scores(out, read_scores(paths))


def read_scores(paths: Sequence[str | Path]) -> Scores:
    """Read the scores of one or more CSV files, in order, with their resamples where those are beside them.

    paths: of score files.
    Raises InputError naming file, row and column where a file is missing or foreign, a column is missing or unknown, a
    value is not what its column holds, a row has another scores schema, or a run is there twice.
    """
    found: dict[tuple, str] = {}
    scores = Scores()
    for path in map(Path, paths):
        for at, score in enumerate(_read_file(path), start=1):
            run, here = tuple(getattr(score, name) for name in IDENTITY), f"{path}: row {at}"
            if run in found:
                twice = f"run '{score.name}', seed {score.seed}, is there twice, first in {found[run]}"
                raise InputError(f"{here}: {twice}; leave one out")
            found[run] = here
            scores.append(score)
    return scores


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows of scores as CSV under one header. Raises InputError where that cannot be."""
    with writing_whole(path) as growing, growing.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_rows(path: Path) -> tuple[list[str], list[dict[str, Any]]]:
    """The header of a file of scores, and its rows as text. Raises InputError where it cannot be read."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file, strict=True)
            return list(reader.fieldnames or []), list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"{path}: scores cannot be read ({reason}); `apical evaluate` writes them") from error


def _read_file(path: Path) -> list[Score]:
    header, rows = read_rows(path)
    if "scores_schema" in header:  # before the columns: another schema explains why they differ
        for at, row in enumerate(rows, start=1):
            if row["scores_schema"] != str(SCORES_SCHEMA):
                raise InputError(
                    f"{path}: row {at}: column 'scores_schema' is '{row['scores_schema']}', this apical reads "
                    f"{SCORES_SCHEMA}: evaluate again"
                )
    wrong = [f"lacks column '{name}'" for name in COLUMNS if name not in header]
    wrong += [f"has unknown column '{name}'" for name in header if name not in COLUMNS]
    wrong += [f"has column '{name}' more than once" for name in COLUMNS if header.count(name) > 1]
    if wrong:
        raise InputError(f"{path}: header {wrong[0]}; `apical evaluate` writes score files")
    if not rows:
        raise InputError(f"{path}: has no rows; evaluate a prediction first")
    resamples = read_resamples(path)
    return [_parse(path, at, row, resamples) for at, row in enumerate(rows, start=1)]


def _parse(path: Path, at: int, row: dict[str, str | None], resamples: dict[str, Resamples]) -> Score:
    if None in row or None in row.values():  # csv's mark for cells beyond the header, or short of it
        raise InputError(f"{path}: row {at}: has more or fewer cells than the header's {len(COLUMNS)}; evaluate again")
    values: dict[str, object] = {name: None if name in NULLABLE and not cell else cell for name, cell in row.items()}
    try:
        return Score.model_validate(
            {**values, "scores_schema": SCORES_SCHEMA, "resamples": resamples.get(row_key(row))}
        )
    except ValidationError as error:
        first = error.errors()[0]
        column = first["loc"][0]
        raise InputError(
            f"{path}: row {at}: column '{column}' is '{row[str(column)]}': {first['msg'].lower()}; evaluate again"
        ) from error
