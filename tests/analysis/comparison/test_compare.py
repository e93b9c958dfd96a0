"""The comparison figure: every series and source is on it, and the same scores give the same file."""

from __future__ import annotations

import re

import pytest

from apical.analysis.comparison.compare import compare
from apical.simulate.schema import InputError

SIZES = [(5077, "5"), (8002, "20")]


@pytest.fixture
def scores(make_score):
    elm = [make_score(n_parameters=n, size=size, seed=seed) for n, size in SIZES for seed in range(2)]
    return [*elm, make_score(family="tcn", n_parameters=400_000, size="2x8", roc_auc=1.0, rmse_mv=0.0)]


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_the_same_scores_give_the_same_file(tmp_path, scores, suffix):
    first, second = (compare(scores, tmp_path / f"{name}.{suffix}") for name in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()
    assert len(first.read_bytes()) > 10_000


def text_of(svg):
    """Text stays findable in an SVG as the comment beside its glyphs."""
    return " ".join(re.findall(r"<!-- (.*?) -->", svg.read_text(), flags=re.DOTALL))


def test_the_figure_names_what_it_shows(tmp_path, scores, make_score):
    text = text_of(compare(scores, tmp_path / "a.svg"))
    for words in (
        "ELM",
        "TCN",
        "Measured on nmda ttpc1",
        "AUC 0.991",
    ):
        assert words in text
    assert "NeuronIO" not in text
    here = [row.model_copy(update={"dataset": "nmda, hay2011, shai2015"}) for row in scores]
    text = text_of(compare(here, tmp_path / "b.svg"))
    for words in ("NeuronIO test set", "Beniaguev et al. 2021", "arXiv 2306.16922", "rescaled per file"):
        assert words in text
    elsewhere = [make_score(dataset_id="id-of-it", dataset="elsewhere", trained_on="c")]
    text = text_of(compare(scores + elsewhere, tmp_path / "c.svg"))
    for words in ("fitted to b", "fitted to c", "scored on nmda ttpc1", "scored on elsewhere"):
        assert words in text


def test_amounts_of_training_data_have_a_row_of_their_own(tmp_path, make_score):
    few, many = (make_score(train_trials=trials) for trials in (48, 480))
    text = text_of(compare([few, many], tmp_path / "a.svg"))
    assert "ELM 20 by training trials" in text and "multiply-accumulates" not in text
    bigger = make_score(train_trials=480, n_parameters=9000, size="30", name="elm-30")
    text = text_of(compare([few, many, bigger], tmp_path / "b.svg"))
    assert "by training trials" in text and "multiply-accumulates" in text
    assert "training trials" not in text_of(compare([few, bigger], tmp_path / "c.svg"))


def test_both_input_sets_are_drawn_with_what_was_published_of_each(tmp_path, make_score):
    nmda = make_score(dataset="nmda, cell1.asc, shai2015")
    ampa = make_score(dataset="ampa, cell1.asc, shai2015", dataset_id="b", trained_on="b2")
    both, one = text_of(compare([nmda, ampa], tmp_path / "a.svg")), text_of(compare([nmda], tmp_path / "b.svg"))
    assert "TCN [3], NMDA" in both and "TCN [3], AMPA" in both and one.count("TCN [3]") == 1


def test_the_noise_floor_is_drawn(tmp_path, scores, make_score):
    floor = make_score(family="noise-floor", name="cell, dt 0.05", size="dt 0.05", n_parameters=0, roc_auc=0.999)
    assert "noise floor: cell, dt 0.05" in text_of(compare([*scores, floor], tmp_path / "a.svg"))
    with pytest.raises(InputError, match="no scores of a model"):
        compare([floor], tmp_path / "b.svg")


def test_the_key_names_what_is_drawn_and_nothing_else(tmp_path, scores, make_score):
    """One model has no Pareto front; a noise floor beyond every panel is what arrows say, without a line; no target is
    claimed to be reached from few trials."""
    floor = {"family": "noise-floor", "name": "cell, dt 0.05", "size": "dt 0.05", "n_parameters": 0}
    beyond = make_score(**floor, roc_auc=0.9999, average_precision=0.99, rmse_mv=0.01, rmse_rescaled_mv=0.01)
    alone = text_of(compare([make_score(roc_auc=0.995), beyond], tmp_path / "a.svg"))
    assert "Pareto" not in alone and "noise floor: cell" not in alone
    assert "noise floor ↑ 0.9999" in alone and "Noise floor: the cell against itself" in alone and "An arrow" in alone
    assert "smallest size that reaches it" in alone
    within = text_of(compare([*scores, make_score(**floor)], tmp_path / "b.svg"))
    assert "Pareto front: models" in within and "noise floor: cell" in within and "An arrow" not in within
    few = text_of(compare([make_score(roc_auc=0.995, n_output_spikes=5)], tmp_path / "c.svg"))
    assert "smallest size" not in few


def test_labelled_models_are_series_of_their_own(tmp_path, make_score):
    scores = [make_score(name=f"elm-{size}{label}", size=size) for size in ("5", "20") for label in ("", "-shared")]
    text = text_of(compare(scores, tmp_path / "a.svg"))
    assert text.count("ELM shared") == 1
    assert "shared" not in text_of(compare(scores[::2], tmp_path / "b.svg"))


def test_what_cannot_be_drawn_gets_one_line(tmp_path, scores):
    for given, out, message in (
        ([], "a.png", "no scores of a model were given"),
        (scores, "a.jpg", r"a\.jpg: a figure is written as \.png, \.svg, \.pdf"),
        (scores, "absent/a.png", "cannot be written"),
    ):
        with pytest.raises(InputError, match=message):
            compare(given, tmp_path / out)


def test_long_names_are_wrapped_and_datasets_of_one_name_told_apart(tmp_path, make_score):
    name = "nmda, a-reconstruction-with-a-long-name.asc, shai2015"
    scores = [make_score(dataset_id=start + "0123456789", dataset=name) for start in ("aaaaaa", "bbbbbb")]
    text = text_of(compare(scores, tmp_path / "a.svg"))
    for start in ("aaaaaa", "bbbbbb"):
        assert f"scored on nmda, a-reconstruction- with-a-long-name.asc, shai2015 ({start})" in text
