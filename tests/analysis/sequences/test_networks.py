"""Networks at budgets: those of a known closed form are taken for what they are, and every panel says what is in it."""

import numpy as np
import pytest

from apical.analysis.sequences.figure import compare_tasks
from apical.analysis.sequences.information import Information, Units, right_answers
from apical.analysis.sequences.measured import measured
from apical.analysis.sequences.networks import are_networks, budgets, closed_form, held_out, law_of, optimum
from apical.analysis.sequences.rows import COLUMNS, LATER, TaskScore, answers_path, read_task_scores, write_task_scores
from apical.simulate.schema import InputError

TRUTH = Information(1.5, 0.9, 4.0, 3.0, 0.05)
STATES = (2, 3, 5, 9, 15, 25)
BUDGETS = (5_000, 20_000, 77_000)
N_CLASSES = 19


def parameters(n, d_m):
    return n * (300 + 2 * d_m * (d_m + 31) + d_m * (2 * d_m + 1) + d_m + 1)


def score(n, d_m, seed=0, **fields):
    """A network that is right as often as the closed form says, on 2,000 sequences."""
    random, label_n = np.random.default_rng([seed, n, d_m]), np.arange(2000) % N_CLASSES
    of = Units(*(np.array([each], float) for each in (n, d_m, 300)))
    right = random.random(len(label_n)) < right_answers(TRUTH.bits(of), N_CLASSES)[0]
    predicted_n = np.where(right, label_n, (label_n + 1) % N_CLASSES)
    given = {
        "task": "toy",
        "task_id": "t",
        "family": "elm-network",
        "size": n,
        "name": f"{n}-{d_m}-{seed}",
        "seed": seed,
        "n_parameters": parameters(n, d_m),
        "steps": 9,
        "batch": 8,
        "bin_ms": 2.0,
        "adding": True,
        "split": "test",
        "n_classes": N_CLASSES,
        "n_sequences": len(label_n),
        "accuracy": float(right.mean()),
        "d_m": d_m,
        "n_sources": 300,
        "label_n": label_n,
        "predicted_n": predicted_n,
    }
    return TaskScore(**(given | fields))


@pytest.fixture(scope="module")
def scores():
    sizes = [(max(1, round(budget / parameters(1, d_m))), d_m) for budget in BUDGETS for d_m in STATES]
    return [score(n, d_m, seed) for n, d_m in sizes for seed in (0, 1)]


@pytest.fixture(scope="module")
def found(scores):
    return measured(scores)


def test_budgets_and_their_optima(found):
    given = budgets(found)
    assert [len(each.networks) for each in given] == [len(STATES)] * 3 and are_networks(found)
    assert [each.n_parameters for each in given] == pytest.approx(BUDGETS, rel=0.1)
    for budget in given:
        said, best = TRUTH.bits(budget.units), optimum(budget)
        assert list(budget.units.states) == list(STATES)
        assert best.interval.low <= STATES[said.argmax()] <= best.interval.high
        assert best.interval.low <= best.d_m <= best.interval.high


def test_the_closed_form_says_budgets_that_it_has_not_seen(found):
    given = budgets(found)
    _, said = closed_form(given)
    assert np.abs(said - np.concatenate([each.value for each in given])).max() < 0.03
    middle = held_out(given)[1]
    assert middle.budget is given[1] and np.abs(middle.said - given[1].value).max() < 0.1
    with pytest.raises(InputError, match="at least 2 budgets"):
        held_out(given[:1])


def test_the_law_is_of_the_best(found):
    law = law_of(found)
    best = [max(each.networks, key=lambda one: one.mean) for each in budgets(found)]
    assert set(law.points) >= {found.index(each) for each in best} and law.exponent.low > 0


def test_resamples_are_the_same_for_all_models(scores):
    one, other = measured([scores[0], scores[2], scores[3]])
    both = np.corrcoef(one.resampled_r, other.resampled_r)[0, 1]
    alone = score(scores[0].size, scores[0].d_m, n_parameters=7, seed=0)
    (again,) = measured([alone])
    assert np.array_equal(again.resampled_r, one.resampled_r) and abs(both) < 0.9


def test_the_figure(scores, tmp_path):
    text = compare_tasks(scores, tmp_path / "f.svg").read_text()
    for told in ("memory units of a neuron", "share of wrong answers", "closed form", "exponent"):
        assert told in text
    few = [each for each in scores if each.n_parameters > 50_000 and (each.d_m or 0) < 9]
    text = compare_tasks(few, tmp_path / "g.svg").read_text()
    assert "No scaling law is drawn" in text and "No closed form is drawn" in text


def bits_score(n, d_m, seed=0):
    """A model of text whose characters take 3 bits less what the closed form says, each a little more or less."""
    of = Units(*(np.array([each], float) for each in (n, d_m, 300)))
    off_k = 0.02 * np.random.default_rng([7, seed, n, d_m]).normal(size=50)
    characters_k = np.full(50, 400)
    bits_k = characters_k * (3 - TRUTH.bits(of)[0] + off_k)
    bits = float(bits_k.sum() / characters_k.sum())
    of_labels = {"label_n": None, "predicted_n": None, "adding": False, "bin_ms": None, "accuracy": 0.4}
    return score(
        n, d_m, seed, **of_labels, bits_per_character=bits, bits_k=bits_k, characters_k=characters_k, n_sequences=20_000
    )


@pytest.fixture(scope="module")
def of_text(scores):
    return [bits_score(each.size, each.d_m, each.seed) for each in scores]


def test_of_bits_the_fewest_are_the_best(of_text):
    found = measured(of_text, resamples=50)
    given = budgets(found)
    for budget in given:
        said, best = TRUTH.bits(budget.units), optimum(budget)
        assert best.interval.low <= STATES[said.argmax()] <= best.interval.high
        assert budget.value[list(STATES).index(best.d_m)] == budget.value.min()
    _, said = closed_form(given)
    assert np.abs(said - np.concatenate([each.value for each in given])).max() < 0.05
    assert np.abs(held_out(given)[1].said - given[1].value).max() < 0.2
    law = law_of(found)
    best = [min(each.networks, key=lambda one: one.mean) for each in given]
    assert set(law.points) >= {found.index(each) for each in best} and law.exponent.low > 0


@pytest.mark.slow
def test_the_figure_of_bits(of_text, tmp_path):
    text = compare_tasks(of_text, tmp_path / "f.svg").read_text()
    for told in ("bits per character", "Enwik8, 3,516,748 parameters", "blocks of text", "exponent"):
        assert told in text
    assert "share of wrong answers" not in text and "SHD-Adding" not in text


@pytest.mark.parametrize("kept", [0, 2])
def test_files_of_before_have_fewer_columns(scores, tmp_path, kept):
    path = tmp_path / "s.csv"
    write_task_scores(path, scores[:2])
    assert read_task_scores([path])[1].d_m == scores[1].d_m
    old = [name for name in COLUMNS if name not in LATER[kept:]]
    lines = [",".join(line.split(",")[: len(old)]) for line in path.read_text().splitlines()]
    path.write_text("\n".join(lines) + "\n")
    answers_path(path).unlink()
    assert [each.d_m for each in read_task_scores([path])] == [each.d_m if kept else None for each in scores[:2]]
