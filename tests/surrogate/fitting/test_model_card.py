"""A run's README says what the model is, and its code runs as it stands."""

import re

import pytest

from apical.surrogate.fitting.fit import FitConfig, fit
from apical.surrogate.fitting.model_card import model_card
from apical.surrogate.fitting.run_folder import LogRow, read_card

CONFIG = FitConfig(family="elm", size=3, steps=4, batch=2, window_ms=60, burn_in_ms=10, validate_every=2)
ATTRIBUTES = {"config": "{}", "provenance": "{}"}


@pytest.fixture
def run(make_dataset, tmp_path):
    return fit(CONFIG, make_dataset(), tmp_path / "runs" / "elm-3", device="cpu")


def rows(card):
    """The table of a card."""
    return dict(re.findall(r"^\| ([^|]+) \| (.+) \|$", card, re.MULTILINE))


def test_what_it_says_of_a_run(run):
    card = (run / "README.md").read_text()
    said, log = rows(card), [line.split(",") for line in (run / "log.csv").read_text().splitlines()[1:]]
    best = min(log, key=lambda row: float(row[2]))
    # by hand: branches 45·100, MLP (45 + 3 → 6 → 3), readout 3 → 2, weights alone and with biases
    assert said["trainable parameters"] == f"{4500 + (48 * 6 + 6) + (6 * 3 + 3) + (3 * 2 + 2):,}"
    assert said["multiply-accumulates per ms"] == f"{4500 + 48 * 6 + 6 * 3 + 3 * 2:,}"
    assert said["model"] == "elm, size 3, seed 0"
    assert said["inputs"] == "16: 8 excitatory, then 8 inhibitory"
    assert said["trained on"] == "dataset made-up-0-8"
    assert said["trials"] == "4 for training, 1 for validation, 1 held out"
    assert said["steps"].startswith(f"4, kept: step {best[0]},")
    assert said["validation RMSE"].startswith(f"{float(best[2]):.3f} mV")
    assert said["validation ROC-AUC"] == f"{float(best[3]):.4f}"
    assert "10 · output -67.7 mV, with spikes cut at -55 mV" in card
    assert "apical 0." in card.split("## Made with")[1]
    assert "## Licence" not in card  # the dataset has no cell


def test_its_front_matter_is_that_of_a_hubs_card(run):
    _, front, _ = (run / "README.md").read_text().split("---\n", 2)
    assert front.splitlines() == [
        "library_name: apical",
        "tags:",
        "- neuroscience",
        "- surrogate-model",
        "- spiking",
        "- elm",
    ]


def test_its_code_runs_beside_the_run(run, monkeypatch):
    monkeypatch.chdir(run.parent)
    (code,) = re.findall(r"```python\n(.*?)```", (run / "README.md").read_text(), re.DOTALL)
    names = {}
    exec(code, names)
    assert 0 < names["spike_probability"] < 1 and -100 < names["v_mv"] < 0


def test_what_the_dataset_knows_of_its_cell(run):
    attributes = {
        "config": '{"preset": "nmda", "biophysics": "hay2011"}',
        "provenance": '{"morphology": {"name": "ttpc1", "licence": "CC-BY-NC-SA-4.0", "source": "MEArec"},'
        ' "biophysics": {"name": "mine", "licence": "CC-BY-4.0"}}',
    }
    card = model_card(read_card(run), [LogRow(2, 1.0, 2.0, 0.9, 1.0)], [attributes], 10)
    told = "dataset made-up-0-8, morphology ttpc1, biophysics hay2011, input preset nmda"
    assert rows(card)["trained on"] == told
    licence = card.split("## Licence")[1]
    assert "(MEArec) has licence: CC-BY-NC-SA-4.0. Its parameter set mine has licence: CC-BY-4.0. It may" in licence


def test_the_best_validation_counts_and_an_auc_may_be_undefined(run):
    log = [LogRow(2, 1, 3.0, 0.7, 1), LogRow(4, 1, 2.0, float("nan"), 1), LogRow(6, 1, 2.5, 0.9, 1)]
    said = rows(model_card(read_card(run), log, [ATTRIBUTES], 10))
    assert said["steps"] == "4, kept: step 4, the best validation"
    assert said["validation RMSE"].startswith("2.000 mV")
    assert said["validation ROC-AUC"] == "not defined (no output spike)"
