"""Scores survive the round trip through CSV, and a spoilt file is refused by file, row and column."""

from __future__ import annotations

import pytest

from apical.analysis.scores.files import read_scores, write_scores
from apical.analysis.scores.rows import COLUMNS
from apical.simulate.schema import InputError


def test_scores_survive_the_round_trip(tmp_path, make_score):
    scores = [make_score(roc_auc=0.1 + 0.2, seed=None), make_score(name='a "quoted", name', explained_variance=-7e-13)]
    write_scores(tmp_path / "a.csv", scores[:1])
    write_scores(tmp_path / "b.csv", scores[1:])
    assert read_scores([tmp_path / "a.csv", tmp_path / "b.csv"]) == scores
    assert (tmp_path / "a.csv").read_text().splitlines()[0] == ",".join(COLUMNS)


def edit(path, column, value):
    header, *rows = path.read_text().splitlines()
    cells = rows[1].split(",")
    cells[COLUMNS.index(column)] = value
    path.write_text("\n".join([header, rows[0], ",".join(cells)]) + "\n")


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("roc_auc", "1.2", "row 2: column 'roc_auc' is '1.2'"),
        ("roc_auc", "nan", "row 2: column 'roc_auc' is 'nan'"),
        ("n_parameters", "many", "row 2: column 'n_parameters' is 'many'"),
        ("n_trials", "", "row 2: column 'n_trials' is ''"),
        ("spike_times", "rough", "row 2: column 'spike_times' is 'rough'"),
        ("scores_schema", "7", "row 2: column 'scores_schema' is '7', this apical reads 3"),
        ("seed", "1,2", "row 2: has more or fewer cells"),
    ],
)
def test_a_bad_value_is_refused_by_row_and_column(tmp_path, make_score, column, value, message):
    path = tmp_path / "scores.csv"
    write_scores(path, [make_score(), make_score(seed=4)])
    edit(path, column, value)
    with pytest.raises(InputError, match=r"scores\.csv: ") as caught:
        read_scores([path])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_foreign_file_is_refused(tmp_path, make_score):
    path = tmp_path / "scores.csv"
    with pytest.raises(InputError, match="cannot be read"):
        read_scores([path])
    write_scores(path, [make_score()])
    good = path.read_text()
    for content, message in (
        (good.replace("roc_auc", "auc", 1), "lacks column 'roc_auc'"),
        (good.replace("family", "family,colour", 1), "unknown column 'colour'"),
        (good.splitlines()[0] + "\n", "has no rows"),
        ("", "lacks column"),
        (good[: len(good) - 30], "row 1"),
    ):
        path.write_text(content)
        with pytest.raises(InputError, match=message) as caught:
            read_scores([path])
        assert str(path) in str(caught.value)
    path.write_bytes(b"\xff\xfe\x00binary")
    with pytest.raises(InputError, match="cannot be read"):
        read_scores([path])


def test_scores_that_cannot_be_written(tmp_path, make_score):
    with pytest.raises(InputError, match="cannot be written"):
        write_scores(tmp_path / "absent" / "scores.csv", [make_score()])
