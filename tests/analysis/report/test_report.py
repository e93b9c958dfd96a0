"""The report as a file: what is in it, that nothing in it can run or load anything, and what is refused."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from functools import partial
from html.parser import HTMLParser
from importlib.resources import files

import numpy as np
import pytest
import zarr

from apical.analysis.families import FAMILIES, OTHER
from apical.analysis.report.figures import Figure
from apical.analysis.report.report import write_report
from apical.analysis.report.svg import inlined
from apical.analysis.report.trials import choose, labels, trial_data
from apical.analysis.scores.resamples import Resamples
from apical.simulate.schema import InputError, commit, open_dataset, read

HOSTILE = "</script><img src=x onerror=alert(1)>"


class Page(HTMLParser):
    """Elements with their attributes, the text of scripts and styles by element, and all other text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict]] = []
        self.inside: list[tuple[str, dict, str]] = []
        self.text = ""
        self._open: tuple[str, dict] | None = None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._open = (tag, dict(attrs)) if tag in ("script", "style") else None

    def handle_endtag(self, tag):
        self._open = None

    def handle_data(self, data):
        if self._open:
            self.inside.append((*self._open, data))
        else:
            self.text += data

    def having(self, key):
        return [(tag, attributes[key]) for tag, attributes in self.elements if key in attributes]

    def embedded(self, name):
        return next(json.loads(data) for _, attributes, data in self.inside if attributes.get("id") == name)


@pytest.fixture
def make_score(make_score):
    return partial(make_score, rmse_rescaled_mv=0.6)


@pytest.fixture
def simple_figure(monkeypatch):
    """An empty figure in place of those that take a second to draw."""

    def draw(scores, path):
        path.write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 10"></svg>')
        return path

    monkeypatch.setattr("apical.analysis.report.figures.FIGURES", (Figure("simple", "a figure", draw),))


@pytest.fixture
def page(tmp_path, simple_figure):
    """A function that writes a report and reads it as a page."""

    def write(scores, name="report.html", **options):
        return Page(write_report(scores, tmp_path / name, **options).read_text(encoding="utf-8"))

    return write


@pytest.fixture
def predicted(make_dataset, make_prediction, make_score):
    """A truth of 6 trials of 0.8 s, a prediction that is 1 mV off, and 3 mV in trial 4; and its score."""
    truth = make_dataset(duration_ms=800)
    prediction = make_prediction(truth, change=lambda trial, v, p: (v + (3 if trial == 4 else 1), p))
    return truth, prediction, make_score(dataset_id="made-up-0-8", name="elm-20", seed=3)


def test_the_table_has_every_run_with_numbers_to_sort_by(page, make_score):
    found = page([make_score(name="elm-20", n_parameters=8002, roc_auc=0.99), make_score(name="tcn", seed=None)])
    rows = [attributes for tag, attributes in found.elements if tag == "tr" and "data-run" in attributes]
    assert [row["data-run"] for row in rows] == ["0", "1"]
    values = [value for tag, value in found.having("data-value") if tag in ("td", "th")]
    assert {"elm-20", "8002", "0.99"} <= set(values)
    assert "8,002" in found.text and "0.9900" in found.text


def test_intervals_and_paired_differences_are_told(page, make_score):
    """By hand: resamples 0, 1, … 1000 thousandths lie between 0.025 and 0.975 in 95 % of cases."""
    ramp = np.arange(1001) / 1000
    a = make_score(name="a", roc_auc=0.9, resamples=Resamples("same", {"roc_auc": ramp}))
    b = make_score(name="b", roc_auc=0.8, resamples=Resamples("same", {"roc_auc": ramp - 0.1}))
    c = make_score(name="c", roc_auc=0.7, resamples=Resamples("same", {"roc_auc": ramp[::-1]}))
    d = make_score(name="d", roc_auc=0.6, resamples=Resamples("others", {"roc_auc": ramp}))
    found = page([a, b, c, d])
    assert "0.0250–0.9750" in found.text
    assert "−0.1000" in found.text and "−0.1000 to −0.1000" in found.text  # b is 0.1 less in every resample
    assert found.text.count("not distinguishable") == 1  # c may be better or worse
    assert found.text.count("other trials") == 1
    assert found.embedded("runs")["runs"][0]["intervals"]["roc_auc"] == pytest.approx([0.025, 0.975])


def test_a_noise_floor_is_not_the_best_surrogate(page, make_score):
    floor = make_score(name="cell, dt 0.0125", family="noise-floor", n_parameters=0, roc_auc=0.9999)
    found = page([floor, make_score(name="elm-20", roc_auc=0.9)])
    assert "0.9000: elm-20, seed 3" in found.text


def test_the_page_may_load_nothing_and_runs_only_its_own_scripts(tmp_path, predicted):
    truth, prediction, score = predicted
    found = Page(write_report([score], tmp_path / "a.html", data=truth, predictions=[prediction]).read_text())
    policy = next(a["content"] for t, a in found.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'") and "http" not in policy
    code = [data for tag, attributes, data in found.inside if tag == "script" and "type" not in attributes]
    assert len(code) == 6
    for text in code + [data for tag, _, data in found.inside if tag == "style"]:
        assert base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() in policy
    assert not [key for _, attributes in found.elements for key in attributes if key.startswith("on")]
    links = found.having("href") + found.having("src") + found.having("xlink:href")
    assert all(link.startswith(("#", "data:")) for _, link in links)
    assert not re.search(r"url\((?!#)|@import", "".join(data for tag, _, data in found.inside if tag == "style"))
    ids = [value for _, value in found.having("id")]
    assert len(ids) == len(set(ids))


def test_strings_from_files_are_text(page, make_dataset, make_prediction, make_score):
    truth = make_dataset()
    model = {"family": HOSTILE, "size": HOSTILE, "name": HOSTILE, "seed": 3, "run": HOSTILE, "n_parameters": 1}
    prediction = make_prediction(truth, config=model)
    score = make_score(
        name=HOSTILE, family=HOSTILE, size=HOSTILE, dataset=HOSTILE, trained_on=HOSTILE, dataset_id="made-up-0-8"
    )
    found = page([score], data=truth, predictions=[prediction], commands=[f"echo {HOSTILE}"])
    assert "img" not in {tag for tag, _ in found.elements}
    assert found.text.count(HOSTILE) >= 6
    assert found.embedded("runs")["runs"][0]["dataset"] == HOSTILE
    assert found.embedded("traces")["models"] == [HOSTILE]


def test_the_page_draws_the_marker_of_every_family():
    script = files("apical.analysis.report").joinpath("scatter.js").read_text(encoding="utf-8")
    drawn = set(re.findall(r'^ *"?(\S)"?: "M', script, re.MULTILINE))
    assert drawn == {family.marker for family in (*FAMILIES.values(), OTHER)}


def test_figures_do_not_share_ids_or_styles():
    svg = """<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"
      width="20pt" height="10pt" viewBox="0 0 20 10"><metadata>when</metadata>
      <defs><style>*{fill: red}</style><clipPath id="p"><rect/></clipPath></defs>
      <g clip-path="url(#p)" style="fill: url(#p)"><use xlink:href="#p"/></g></svg>"""
    found = Page(inlined(svg, "one-", "a < b"))
    assert [value for _, value in found.having("id")] == ["one-p"]
    assert found.having("clip-path") == [("g", "url(#one-p)")]
    assert found.having("href") == [("use", "#one-p")]
    assert ("g", "fill: url(#one-p)") in found.having("style")
    assert not {"style", "metadata"} & {tag for tag, _ in found.elements}
    assert found.having("aria-label") == [("svg", "a < b")]


def test_the_worst_trial_comes_first_with_its_traces(predicted):
    truth, prediction, _ = predicted
    ds, other = open_dataset(truth), open_dataset(prediction)
    found = trial_data(ds, [other], 3)
    first = found["trials"][0]
    assert (first["trial"], first["rmse"], first["group"]) == (4, [3.0], "worst")
    assert found["scoredFromMs"] == 500
    v_t = np.frombuffer(base64.b64decode(first["truth"]), "<i2") * 0.01
    np.testing.assert_allclose(v_t, np.minimum(read(ds, "soma_v_mv", 4), -55), atol=0.00501)
    v_t = np.frombuffer(base64.b64decode(first["voltage"][0]), "<i2") * 0.01
    np.testing.assert_allclose(v_t, np.minimum(read(other, "soma_v_mv", 4), -50), atol=0.00501)
    p_t = np.frombuffer(base64.b64decode(first["probability"][0]), "<u2") / 65535
    np.testing.assert_allclose(p_t, read(other, "spike_probability", 4), atol=1 / 65535)
    times_ms = read(ds, "output_spike_time_ms", 4)
    assert first["spikes"] == times_ms[np.isfinite(times_ms)].tolist()


def test_only_trials_that_all_models_predicted_are_shown(make_dataset, make_prediction):
    truth = make_dataset(duration_ms=800)
    some, others = (
        make_prediction(truth, f"{name}.zarr", trials=t) for name, t in (("a", [0, 1, 3]), ("b", [1, 3, 5]))
    )
    found = trial_data(open_dataset(truth), [open_dataset(some), open_dataset(others)])
    assert {each["trial"] for each in found["trials"]} == {1, 3}
    apart = make_prediction(truth, "c.zarr", trials=[2])
    with pytest.raises(InputError, match=r"c\.zarr: hold no scored trial in common"):
        trial_data(open_dataset(truth), [open_dataset(some), open_dataset(apart)])


def test_worst_and_typical_trials_by_hand():
    error = [float(n) for n in range(100)]  # median 49.5
    worst, typical = choose(error, 8)
    assert worst == [99, 98, 97, 96, 95, 94]
    assert set(typical) == {49, 50}
    assert choose([2.0, 5.0, 1.0], 16) == ([1, 0, 2], [])


def test_models_of_one_name_are_told_apart(make_dataset, make_prediction):
    truth, model = make_dataset(), {"family": "elm", "size": 20, "name": "elm-20", "n_parameters": 1}
    made = [{"seed": 0}, {"seed": 1, "mode": "windows"}, {"seed": 1, "mode": "stream"}, {"name": "tcn"}]
    paths = [make_prediction(truth, f"{at}.zarr", config=model | each) for at, each in enumerate(made)]
    found = labels([open_dataset(path) for path in paths])
    assert found == ["elm-20, seed 0", "elm-20, seed 1, windows", "elm-20, seed 1, stream", "tcn"]


def test_many_predictions_are_shown_with_fewer_trials(monkeypatch, predicted):
    """By hand: the 1,600 bytes of 800 bins take 2,136 letters a trace, and there are three traces with one model."""
    truth, prediction, _ = predicted
    monkeypatch.setattr("apical.analysis.report.trials.MAX_BYTES", 3 * 3 * 2136)
    found = trial_data(open_dataset(truth), [open_dataset(prediction)])
    assert len(found["trials"]) == 3
    assert (
        sum(len(each["truth"] + each["voltage"][0] + each["probability"][0]) for each in found["trials"])
        == 3 * 3 * 2136
    )


def test_what_was_appended_is_told_in_words(page, predicted):
    truth, _, score = predicted
    added = [
        {"position": 2, "seed": 1, "created": "2026-01-01", "apical": "0.1.0", "git_commit": "f" * 40, "sources": []},
        {"position": 5, "seed": 7, "created": "2026-01-02", "apical": "0.2.0", "biophysics": {"name": "x"}},
    ]
    group = zarr.open_group(truth, mode="r+")
    group.attrs["provenance"] = json.dumps({"apical": "0.1.0", "numpy": None, "appended": added})
    commit(truth)
    found = page([score], data=truth)
    assert "3 trials of seed 1, 2026-01-01, apical 0.1.0" in found.text
    assert "1 trials of seed 7, 2026-01-02, apical 0.2.0" in found.text
    assert "[{" not in found.text.partition("Configuration")[0] and "numpy None" not in found.text


def test_provenance_and_commands_are_there(page, predicted):
    truth, prediction, score = predicted
    found = page([score], data=truth, predictions=[prediction], commands=["apical simulate --out 'a b.zarr'"])
    for words in ("made-up-0-8", str(truth), "6 of 0.8 s", "not stated", "elm-20", "apical simulate --out 'a b.zarr'"):
        assert words in found.text, words
    alone = page([score], "alone.html")
    assert "made-up-0-8" in alone.text and str(truth) not in alone.text
    assert not [value for _, value in alone.having("id") if value.startswith("trial")]


def test_the_same_scores_give_the_same_page(tmp_path, predicted):
    truth, prediction, score = predicted
    first, second = (
        write_report([score], tmp_path / name, data=truth, predictions=[prediction]) for name in ("a.html", "b.html")
    )
    assert first.read_bytes() == second.read_bytes()


def test_what_cannot_be_reported_gets_one_line(tmp_path, simple_figure, make_dataset, make_prediction, make_score):
    truth, other = make_dataset(), make_dataset("other.zarr", seed=1)
    prediction = make_prediction(truth)
    of_other, score = make_prediction(other, "of-other.zarr"), make_score(dataset_id="made-up-0-8")
    (tmp_path / "there.html").write_text("mine")
    for scores, out, options, message in (
        ([score], "a.pdf", {}, r"a\.pdf: a report is written as \.html"),
        ([score], "there.html", {}, r"there\.html: exists already; give --overwrite"),
        ([], "a.html", {}, "no scores were given"),
        ([score, score], "a.html", {}, "run 'elm-20, seed 3' is there twice"),
        (
            [score],
            "a.html",
            {"predictions": [prediction]},
            r"prediction\.zarr: is a prediction of a truth",
        ),
        ([score], "a.html", {"data": other}, r"other\.zarr: is dataset 'made-up-1-8', and the scores are of"),
        ([score], "a.html", {"data": truth, "predictions": [of_other]}, r"of-other\.zarr: predicts dataset"),
        ([score], "a.html", {"data": truth, "predictions": [prediction], "trials": 0}, "at least 1, got 0"),
        ([score], "absent/a.html", {}, "cannot be written"),
    ):
        with pytest.raises(InputError, match=message) as raised:
            write_report(scores, tmp_path / out, **options)
        assert "\n" not in str(raised.value)
    assert (tmp_path / "there.html").read_text() == "mine"
    write_report([score], tmp_path / "there.html", overwrite=True)
    assert "mine" not in (tmp_path / "there.html").read_text()[:100]
