"""Scores on tasks: intervals against theory, confusion by hand, files that come back, every figure drawn."""

import math

import numpy as np
import pytest
from bs4 import BeautifulSoup

from apical.analysis.report.sequences import write_task_report
from apical.analysis.sequences.figure import compare_tasks
from apical.analysis.sequences.measure import BITS, in_blocks
from apical.analysis.sequences.measured import confusion, measured, measured_table
from apical.analysis.sequences.published import published_accuracies, published_networks
from apical.analysis.sequences.rows import (
    TaskScore,
    answers_path,
    are_task_scores,
    read_task_scores,
    write_task_scores,
)
from apical.simulate.schema import InputError


def score(share=0.8, n=400, seed=0, **fields):
    """A classifier that is right on this share of the sequences."""
    random = np.random.default_rng([seed, n])
    label_n = np.arange(n) % 4
    predicted_n = label_n.copy()
    wrong = random.permutation(n)[: round((1 - share) * n)]
    predicted_n[wrong] = (predicted_n[wrong] + 1) % 4
    given = {
        "task": "toy",
        "task_id": "t",
        "family": "elm",
        "size": 5,
        "name": f"elm-{seed}",
        "seed": seed,
        "n_parameters": 1000,
        "steps": 20,
        "batch": 8,
        "bin_ms": None,
        "adding": False,
        "split": "test",
        "n_classes": 4,
        "n_sequences": n,
        "accuracy": float((label_n == predicted_n).mean()),
        "label_n": label_n,
        "predicted_n": predicted_n,
        "curve_i2": np.array([(10, 0.3), (20, share)]),
    }
    return TaskScore(**(given | fields))


def test_the_interval_of_one_seed_is_the_binomial_s():
    (found,) = measured([score(0.8, 400)])
    half = 1.96 * math.sqrt(0.8 * 0.2 / 400)
    assert found.mean == pytest.approx(0.8)
    assert (found.interval.high - found.interval.low) / 2 == pytest.approx(half, rel=0.1)


def test_seeds_that_differ_widen_it():
    alike = measured([score(0.8, 1000, seed) for seed in (1, 2, 3)])[0]
    apart = measured([score(share, 1000, seed) for share, seed in [(0.6, 1), (0.8, 2), (1.0, 3)]])[0]
    assert alike.mean == pytest.approx(apart.mean) and len(apart.scores) == 3
    assert apart.interval.high - apart.interval.low > 3 * (alike.interval.high - alike.interval.low)


def test_perfect_nothing_and_no_answers():
    assert measured([score(1.0)])[0].interval == (1.0, 1.0)
    assert measured([score(0.0)])[0].interval == (0.0, 0.0)
    (unknown,) = measured([score(label_n=None, predicted_n=None)])
    assert math.isnan(unknown.interval.low) and unknown.mean == pytest.approx(0.8)


def test_models_are_told_apart_and_seeds_are_not():
    found = measured([score(seed=1), score(family="lstm"), score(seed=2), score(bin_ms=2.0), score(steps=40)])
    assert [len(each.scores) for each in found] == [2, 1, 1, 1]
    assert measured_table(found).count("\n") == 6


def test_a_table_by_bin():
    found = measured([score(bin_ms=2.0), score(bin_ms=2.0, seed=1), score(0.6, bin_ms=10.0), score(0.4, family="lstm")])
    header, _, elm, lstm = measured_table(found).splitlines()
    assert header.endswith("| steps | 2 ms | 10 ms |")
    assert "| 0.800 (" in elm and "2 seeds |" in elm and "| 0.600 (" in elm and "| elm | 5 |" in elm
    assert lstm.endswith("| 20 |  |  |")


def text_score(bits=2.0, spread=0.3, n=20_000, seed=0, **fields):
    """A model of text to which characters are as hard as drawn, one by one."""
    bits_k, characters_k = in_blocks(np.random.default_rng([seed, n]).normal(bits, spread, n))
    given = {"label_n": None, "predicted_n": None, "bits_k": bits_k, "characters_k": characters_k}
    mean = float(bits_k.sum() / n)
    given |= {"bits_per_character": mean, "accuracy": 0.5, "curve_i2": np.array([(9, mean)])}
    return score(n=n, seed=seed, **given | fields)


def test_blocks_of_a_text_by_hand():
    bits_k, characters_k = in_blocks(np.arange(250))
    assert bits_k.tolist() == [sum(range(125)), sum(range(125, 250))] and characters_k.tolist() == [125, 125]
    assert [len(in_blocks(np.ones(n))[0]) for n in (1, 199, 201, 20_000, 90_000)] == [1, 1, 2, 200, 200]
    assert in_blocks(np.ones(90_123))[1].sum() == 90_123


def test_the_interval_of_bits_is_that_of_a_mean():
    """Of characters that are hard independently of one another; of equal ones there is none."""
    (found,) = measured([text_score()])
    half = 1.96 * 0.3 / math.sqrt(20_000)
    assert found.mean == pytest.approx(2, abs=3 * half) and found.measure is BITS
    assert found.interval.low < found.mean < found.interval.high
    assert (found.interval.high - found.interval.low) / 2 == pytest.approx(half, rel=0.15)
    (sure,) = measured([text_score(spread=0)])
    assert sure.interval == pytest.approx((2, 2))
    (unknown,) = measured([text_score(bits_k=None)])
    assert math.isnan(unknown.interval.low)


def test_scores_of_text_are_drawn_told_and_kept(tmp_path):
    given = [text_score(2.0, seed=1), text_score(2.0, seed=2), text_score(1.5, family="lstm", n_parameters=3000)]
    write_task_scores(tmp_path / "s.csv", given)
    found = read_task_scores([tmp_path / "s.csv"])
    assert [each.value for each in found] == [each.bits_per_character for each in given]
    assert all(np.array_equal(one.bits_k, other.bits_k) for one, other in zip(found, given, strict=True))
    header, _, elm, lstm = measured_table(measured(found)).splitlines()
    assert "| bits per character (fewer is better) |" in header and "| 2 | 1.99" in elm and "| 1 | 1.50" in lstm
    text = compare_tasks(found, tmp_path / "f.svg").read_text()
    assert "bits per character" in text and "thousand characters into the text" in text and "accuracy" not in text
    page = BeautifulSoup(write_task_report(found, tmp_path / "r.html").read_text(), "html.parser")
    assert [row.td.text for row in page.tbody.find_all("tr")] == ["LSTM", "ELM"]  # the best first
    assert "bits per character (fewer is better)" in page.thead.text


def test_confusion_by_hand():
    label, predicted = np.array([0, 0, 1, 3, 3]), np.array([0, 2, 1, 3, 0])
    counts = confusion(score(n=5, label_n=label, predicted_n=predicted))
    assert counts.tolist() == [[1, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0], [1, 0, 0, 1]]


def test_files_come_back(tmp_path):
    given = [score(seed=1), score(0.5, family="snn", bin_ms=0.5, adding=True)]
    write_task_scores(tmp_path / "s.csv", given)
    found = read_task_scores([tmp_path / "s.csv"])
    assert are_task_scores(tmp_path / "s.csv") and not are_task_scores(tmp_path / "none.csv")
    for one, other in zip(found, given, strict=True):
        assert one.model_dump() == other.model_dump()
        for name in ("label_n", "predicted_n", "curve_i2"):
            assert np.array_equal(getattr(one, name), getattr(other, name))
    answers_path(tmp_path / "s.csv").unlink()
    assert read_task_scores([tmp_path / "s.csv"])[0].label_n is None


@pytest.mark.parametrize(
    "change, told",
    [
        (lambda text: text.replace("accuracy", "acuracy"), "is no file of task scores"),
        (lambda text: text.replace(",0.8", ",1.8"), "row 1: column 'accuracy'"),
        (lambda text: text.replace("\n1,", "\n9,"), "row 1: column 'task_scores_schema'"),
        (lambda text: text.splitlines()[0] + "\n", "no rows"),
        (lambda text: text + text.splitlines()[1] + "\n", "is there twice"),
    ],
)
def test_files_that_are_none(tmp_path, change, told):
    path = tmp_path / "s.csv"
    write_task_scores(path, [score()])
    path.write_text(change(path.read_text()))
    with pytest.raises(InputError, match=told) as error:
        read_task_scores([path])
    assert "\n" not in str(error.value)


def test_published_tables():
    rows = published_accuracies()
    at = {(row.task, row.family, row.bin_ms): row.accuracy for row in rows}
    assert at["SHD", "lstm", 2] == 0.21 and at["SHD-Adding", "elm", 1] == 0.82
    assert at["LRA Path-X", "elm", None] == 0.7729 and at["LRA Path-X", "chrono-lstm", None] == 0.5
    assert len(rows) == 7 * 9 + 6 * 6 and all("arXiv" in row.source for row in rows)


def test_published_networks():
    rows = published_networks()
    assert [sum(row.task == task for row in rows) for task in ("SHD-Adding", "Enwik8")] == [10, 11]
    best = max(rows, key=lambda row: row.accuracy or 0)
    assert (best.n_neurons, best.d_m, best.accuracy, best.validation_accuracy) == (57, 9, 0.823, 0.918)
    best = min(rows, key=lambda row: row.bits_per_character or 9)
    assert (best.n_neurons, best.d_m, best.bits_per_character) == (440, 30, 1.6502)
    for row in rows:  # parameters as the facts' formula has them; Enwik8's are of the reference alone
        if row.task == "SHD-Adding":
            b, s, d, classes = row.n_branches, row.synapses_per_branch, row.d_m, 19
            of_one = b * s + 2 * d * (d + b + 1) + d * (2 * d + 1) + d + 1
            of_output = b * s + 3 * (3 + b + 1) + 3 + 1
            assert row.n_parameters == row.n_neurons * of_one + classes * of_output + classes**2 + classes


@pytest.mark.parametrize("adding", [False, True])
def test_accuracy_by_bin_is_drawn_in_front_of_the_published(tmp_path, adding):
    scores = [
        score(share, 100, seed, bin_ms=bin_ms, family=family, adding=adding)
        for family, share in [("elm", 0.8), ("lstm", 0.4)]
        for seed in (0, 1)
        for bin_ms in (1.0, 2.0, 10.0, 50.0)
    ]
    out = compare_tasks(scores, tmp_path / "f.svg")
    text = out.read_text()
    assert "bin (ms)" in text and ("SHD-Adding" in text) == adding and "ELM 5" in text


def test_a_page_of_them(tmp_path):
    out = write_task_report([score(seed=1), score(0.5, family="<b>")], tmp_path / "r.html", commands=["apical report"])
    page = BeautifulSoup(out.read_text(), "html.parser")
    cells = [[cell.text for cell in row.find_all("td")] for row in page.tbody.find_all("tr")]
    assert [row[0] for row in cells] == ["ELM", "<b>"] and cells[0][6] == "0.8000"
    assert page.find("svg") and not page.find("script") and not page.find(src=True)
    with pytest.raises(InputError, match="exists already"):
        write_task_report([score()], out)


def test_without_answers_and_of_several_tasks(tmp_path):
    compare_tasks([score(label_n=None, predicted_n=None, curve_i2=None)], tmp_path / "f.png")
    with pytest.raises(InputError, match="of several tasks"):
        compare_tasks([score(), score(task="other")], tmp_path / "g.png")
