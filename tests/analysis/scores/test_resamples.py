"""Resamples stay with the rows that they are of, whatever happens to the files."""

from __future__ import annotations

import numpy as np
import pytest

from apical.analysis.scores.files import read_scores, write_scores
from apical.analysis.scores.resamples import KEPT, Resamples, resamples_path
from apical.simulate.schema import InputError


@pytest.fixture
def rows(make_score):
    rng = np.random.default_rng(0)
    resamples = [Resamples(f"trials {n}", {name: rng.random(20).astype("f4") for name in KEPT}) for n in range(3)]
    return [make_score(seed=seed, resamples=each) for seed, each in enumerate(resamples)]


def test_they_survive_the_round_trip(tmp_path, rows):
    path = tmp_path / "scores.csv"
    write_scores(path, [rows[0], rows[1].model_copy(update={"resamples": None}), rows[2]])
    first, without, third = read_scores([path])
    assert first.resamples == rows[0].resamples and third.resamples == rows[2].resamples
    assert without.resamples is None
    assert rows[0].resamples != rows[2].resamples
    assert "resamples" not in path.read_text()


def test_rows_that_were_moved_keep_theirs_and_one_that_was_edited_has_none(tmp_path, rows):
    path = tmp_path / "scores.csv"
    write_scores(path, rows)
    header, first, second, third = path.read_text().splitlines()
    path.write_text("\n".join([header, third, first.replace("0.5", "0.75", 1), second]) + "\n")
    third, edited, second = read_scores([path])
    assert third.resamples == rows[2].resamples and second.resamples == rows[1].resamples
    assert edited.resamples is None


def test_scores_without_resamples_leave_none_of_an_earlier_file(tmp_path, rows, make_score):
    path = tmp_path / "scores.csv"
    write_scores(path, rows)
    write_scores(path, [make_score()])
    assert not resamples_path(path).exists()


def test_a_damaged_file_is_refused_by_name(tmp_path, rows):
    path = tmp_path / "scores.csv"
    write_scores(path, rows)
    beside = resamples_path(path)
    whole = beside.read_bytes()
    for content in (whole[: len(whole) // 2], b"no archive", b""):
        beside.write_bytes(content)
        with pytest.raises(InputError, match=r"scores\.resamples\.npz: is damaged") as caught:
            read_scores([path])
        assert "\n" not in str(caught.value)
    np.savez(beside, rows=np.array(["a"], dtype=object), trials_id=["a"], **dict.fromkeys(KEPT, np.zeros((1, 2))))
    with pytest.raises(InputError, match="is damaged"):  # objects would be unpickled
        read_scores([path])
    np.savez(beside, rows=["a", "b"], trials_id=["a"], **dict.fromkeys(KEPT, np.zeros((1, 2))))
    with pytest.raises(InputError, match="do not fit each other"):
        read_scores([path])


def test_a_run_that_is_there_twice_is_refused(tmp_path, make_score):
    write_scores(tmp_path / "a.csv", [make_score(), make_score(seed=4)])
    write_scores(tmp_path / "b.csv", [make_score(roc_auc=0.7)])
    with pytest.raises(
        InputError, match=r"b\.csv: row 1: run 'elm-20', seed 3, is there twice, first in .*a\.csv: row 1"
    ):
        read_scores([tmp_path / "a.csv", tmp_path / "b.csv"])
