"""A fit that goes on from another run: with its weights, with fewer branches, and never with what it holds out."""

import csv
import hashlib
import json

import pytest
import torch
from safetensors.torch import load_file

from apical.simulate.schema import InputError
from apical.surrogate.fitting.fit import fit, fit_together
from apical.surrogate.fitting.recipe import FitConfig
from apical.surrogate.use.checkpoint import load_run

FIELDS = {"family": "elm", "size": 3, "options": {"n_branches": 4, "synapses_per_branch": 6}, "steps": 6, "batch": 2}
FIELDS |= {"window_ms": 60, "burn_in_ms": 10, "validate_every": 2, "learning_rate": 0.01}
NOTHING = {"steps": 1, "learning_rate": 1e-30}


@pytest.fixture
def data(make_dataset):
    return make_dataset()


@pytest.fixture
def first(data, tmp_path):
    return fit(FitConfig(**FIELDS), data, tmp_path / "first", device="cpu")


def from_(run, **changes):
    return FitConfig(**FIELDS | {"start_from": str(run)} | changes)


def test_it_starts_with_the_weights_of_the_run(first, data, tmp_path):
    """After a step at no rate they are those, the spike bias too, whatever recipe there is for new weights."""
    out = fit(from_(first, **NOTHING, spike_bias_from_rate=True), data, tmp_path / "next", device="cpu")
    had, has = (load_file(run / "weights.safetensors") for run in (first, out))
    assert all(torch.equal(had[name], has[name]) for name in had)
    card = json.loads((out / "config.json").read_text())
    assert card["started_from"] == hashlib.sha256((first / "weights.safetensors").read_bytes()).hexdigest()
    assert f"weights of another run (SHA-256 {card['started_from'][:12]}…)" in (out / "README.md").read_text()


def test_fewer_branches_are_fewer_parameters_of_a_run_like_any_other(first, data, tmp_path):
    out = fit(from_(first, keep_branches=2), data, tmp_path / "pruned", device="cpu")
    before, after = load_run(first).model, load_run(out).model
    assert len(after.config.kept_branches) == after.n_branches == 2
    assert before.config == after.config.model_copy(update={"kept_branches": None})
    further = fit(from_(out, keep_branches=1), data, tmp_path / "again", device="cpu")
    assert {*load_run(further).model.config.kept_branches} < {*after.config.kept_branches}
    assert "2 of its branches left" in (out / "README.md").read_text()


@pytest.mark.parametrize("changes", [{}, {"keep_branches": 3}], ids=["whole", "pruned"])
def test_it_resumes_bit_for_bit_and_needs_the_first_run_no_more(first, data, tmp_path, changes):
    def stop(progress):
        if progress.step == 3:
            raise KeyboardInterrupt

    whole = fit(from_(first, **changes), data, tmp_path / "whole", device="cpu")
    with pytest.raises(KeyboardInterrupt):
        fit(from_(first, **changes), data, tmp_path / "resumed", device="cpu", report=stop)
    first.rename(tmp_path / "elsewhere")
    resumed = fit(None, None, tmp_path / "resumed", device="cpu", resume=True)
    files = [{file.name: file.read_bytes() for file in run.iterdir()} for run in (whole, resumed)]
    logs = [[row[:-1] for row in csv.reader(each.pop("log.csv").decode().splitlines())] for each in files]
    assert files[0] == files[1] and logs[0] == logs[1]


def test_seeds_that_start_alike_see_batches_of_their_own(first, data, tmp_path):
    configs = [from_(first, seed=seed) for seed in (0, 1)]
    one, other = fit_together(configs, data, [tmp_path / "0", tmp_path / "1"], device="cpu")
    assert (one / "weights.safetensors").read_bytes() != (other / "weights.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": 4}, r"start_from: .*first has d_m = 3, this fit asks for 4; give the same model, size and options"),
        ({"family": "gru", "options": {}}, r"start_from: .*first has d_m = 3, this fit asks for None"),
        ({"split_seed": 3}, r"start_from: .*first learned from trial \d, which is held out here; give the split_seed"),
        ({"keep_branches": 4}, r"keep_branches is 4: .*first has 4; keep fewer"),
        ({"start_from": "nothing"}, r"nothing: no run there"),
        ({"start_from": None, "keep_branches": 2}, "keep_branches: .* give start_from too"),
    ],
)
def test_what_it_cannot_start_from_is_refused(first, data, tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        fit(from_(first, **changes), data, tmp_path / "next", device="cpu")
    assert not (tmp_path / "next").exists()


def test_only_an_elm_with_branches_has_some_to_leave_out(data, tmp_path):
    options = {"family": "gru", "options": {}}
    run = fit(FitConfig(**FIELDS | options), data, tmp_path / "gru", device="cpu")
    with pytest.raises(InputError, match=r"keep_branches: .*gru has no branches of which some can be left out"):
        fit(from_(run, keep_branches=2, **options), data, tmp_path / "next", device="cpu")
