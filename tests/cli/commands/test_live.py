"""`apical fit --live`: nothing but a preset, from simulation to scores; refused in one line."""

from __future__ import annotations

import pytest

from apical.simulate import schema

SMALL = "--live-set seconds=1 --live-set lif.segments=4 --model lif --steps 12 --batch 4 --set window_ms=60 "
SMALL += "--set burn_in_ms=10 --set validate_every=4 --window 8 --seen 4 --validation-trials 3 --test-trials 3 "
SMALL += "--workers 1 --device cpu"


@pytest.mark.slow
def test_from_a_preset_to_a_model(done, refused, tmp_path):
    """Kept or not it is the same model; resumed by itself, predicted as any; what differs is refused."""
    told = done(f"fit --live lif {SMALL} --out runs/live")
    assert "`apical predict runs/live runs/live-held-out.zarr --out prediction.zarr`" in told
    done(f"fit --live lif {SMALL} --out runs/kept --keep kept.zarr")
    weights = [(tmp_path / "runs" / name / "weights.safetensors").read_bytes() for name in ("live", "kept")]
    assert weights[0] == weights[1]
    kept = schema.open_dataset(tmp_path / "kept.zarr", "simulation")
    assert kept.sizes["trial"] == 12 and (kept.trial_status == schema.DONE).all()
    done("fit --resume runs/live --device cpu --workers 1")
    assert "window = 8, now it is 4" in refused("fit --resume runs/live --window 4 --device cpu --workers 1")
    done("predict runs/live runs/live-held-out.zarr --out p.zarr --device cpu")
    prediction = schema.open_dataset(tmp_path / "p.zarr")
    assert [*prediction.part.values] == ["validation"] * 3 + ["test"] * 3
    assert "there is no finished trial to predict" in refused("predict runs/live kept.zarr --out q.zarr --device cpu")


def test_the_command_that_makes_it_again():
    """Its words say the configuration and the plan that the run has."""
    from apical.cli.again.prediction import live_words
    from apical.simulate.changes import configured
    from apical.surrogate.fitting.live_plan import LiveCard, LivePlan

    fields = ["seconds=1", "lif.segments=4", "seed=3", "statistics.excitatory_basal=[0, 50]"]
    config, plan = configured("lif", None, {}, fields), LivePlan(window=8, seen=4, test_trials=3)
    card = LiveCard(config=config.model_dump(mode="json"), dataset_id="id", plan=plan, trials=12)
    words = live_words(card)
    assert words[:2] == ["--live", "lif"]
    given = dict(zip(words[2::2], words[3::2], strict=True))
    assert {name: given[name] for name in ("--window", "--seen", "--test-trials")} == {
        "--window": "8", "--seen": "4", "--test-trials": "3",
    }  # fmt: skip
    sets = [value for name, value in zip(words[2::2], words[3::2], strict=True) if name == "--live-set"]
    assert configured("lif", None, {}, sets) == config


@pytest.mark.slow
def test_a_configuration_that_fires_without_pause(refused, tmp_path):
    wild = "--live-set lif.jump_excitatory_mv=9000 --live-set lif.refractory_ms=0"
    line = refused(f"fit --live lif {SMALL} {wild} --out runs/wild")
    assert (
        "wild-held-out.zarr: 0 finished trials, but 3 are to validate on and 3 to test with: the configuration" in line
    )
    assert not (tmp_path / "runs" / "wild").exists()


@pytest.mark.parametrize(
    "words, said",
    [
        ("truth.zarr --live lif --out run", "Only one of argument 'DATA…' and option '--live' can be given"),
        ("truth.zarr --seen 3 --out run", "--seen: is of a live fit; give --live PRESET too"),
        ("truth.zarr --keep kept.zarr --out run", "--keep: is of a live fit"),
        ("truth.zarr --validation-trials 3 --out run", "--validation-trials: is of a live fit"),
        ("--live nmd --out run", "preset 'nmd'"),
        ("--live lif --live-set second=1 --out run", "second"),
        ("--live lif --window 7 --seen 2 --out run", "live fit: window: is 7, expected a multiple of seen, which is 2"),
        ("--live gone.toml --out run", "gone.toml: the configuration cannot be read"),
        ("--live lif", "Missing option '--out'"),
        (
            "--live lif --out truth.zarr",
            "truth.zarr: exists already; --resume goes on with it, --overwrite replaces it",
        ),
    ],
)
def test_refused_in_one_line(truth, refused, tmp_path, words, said):
    assert said in refused(f"fit {words}")
    assert [path.name for path in tmp_path.iterdir()] == ["truth.zarr"]
