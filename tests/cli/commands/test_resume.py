"""What is resumed knows its own settings, and takes no others."""

from __future__ import annotations

import json

import pytest

START = "fit truth.zarr --size 3 --seed 2 --batch 2 --set burn_in_ms=100 --device cpu"
SWEEP = '[[models]]\nfamily = "elm"\nsizes = [2]\n[settings]\nsteps = 2\nbatch = 2\n'


def settings(folder):
    return json.loads((folder / "config.json").read_text())["fit"]


@pytest.fixture
def stopped(fitted, apical):
    """A run of settings that are nobody's defaults, stopped before its first validation."""
    assert apical(f"{START} --steps 4 --out stopped").status == 0
    (fitted / "stopped" / "state.pt").unlink(missing_ok=True)
    return fitted / "stopped"


@pytest.mark.parametrize(
    "words",
    [
        "fit --resume stopped",
        "fit --out stopped --resume",
        "fit truth.zarr --out stopped --resume",
        f"{START} --steps 4 --out stopped --resume",
    ],
)
def test_a_run_knows_its_settings_and_its_dataset(stopped, done, words):
    before, weights = settings(stopped), (stopped / "weights.safetensors").read_bytes()
    assert "apical predict stopped truth.zarr" in done(f"{words} --device cpu")
    assert settings(stopped) == before
    assert (before["size"], before["seed"], before["steps"], before["burn_in_ms"]) == (3, 2, 4, 100)
    assert (stopped / "weights.safetensors").read_bytes() == weights


@pytest.mark.parametrize(
    ("words", "field", "had", "given"),
    [
        ("--size 4", "size", 3, 4),
        ("--model tcn", "family", "'elm'", "'tcn'"),
        ("--seed 0", "seed", 2, 0),
        ("--steps 5", "steps", 4, 5),
        ("--set burn_in_ms=99", "burn_in_ms", 100, 99),
        ("--set options.n_branches=5", "options", "{}", "{'n_branches': 5}"),
    ],
)
def test_what_differs_is_refused_by_field(stopped, refused, words, field, had, given):
    line = refused(f"fit --resume stopped {words}")
    assert f"stopped: was started with {field} = {had}, now it is {given}" in line


def test_without_a_run_the_dataset_is_missing(truth, refused):
    assert "new: no run there" in refused("fit --resume new")
    assert "apical fit: Missing option '--out'" in refused("fit --resume")
    assert "apical fit: Missing argument 'DATA…'" in refused("fit --out new")


def test_python_s_fit_knows_them_too(stopped, monkeypatch):
    from apical.simulate.schema import InputError
    from apical.surrogate import fit

    before = settings(stopped)
    assert fit(None, None, stopped, device="cpu", resume=True) == stopped
    assert settings(stopped) == before
    with pytest.raises(InputError, match="only a run that is resumed knows its own"):
        fit(None, None, stopped, device="cpu")


def test_a_sweep_knows_its_own(truth, done, refused, tmp_path):
    (tmp_path / "sweep.toml").write_text(SWEEP)
    done("sweep sweep.toml truth.zarr --out sweep --device cpu")
    before = (tmp_path / "sweep" / "sweep.json").read_text()
    for words in (
        "sweep --resume sweep",
        "sweep --out sweep --resume",
        "sweep sweep.toml truth.zarr --out sweep --resume",
    ):
        assert "1 of 1 runs done" in done(words)
    assert (tmp_path / "sweep" / "sweep.json").read_text() == before
    line = refused("sweep --resume sweep --set steps=3")
    assert "sweep: was started with another sweep (settings = " in line
    assert '"steps": 2' in line
    assert '"steps": 3' in line
    assert "new: no sweep there" in refused("sweep --resume new")
    assert "Missing argument 'SWEEP'" in refused("sweep --out new")
