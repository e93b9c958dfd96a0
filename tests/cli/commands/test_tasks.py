"""`apical tasks …`: each command makes or reads a task and says so; what is wrong is one line, and nothing is left."""

import json

import pytest

from apical.tasks import open_task


def test_a_toy_is_made_shown_and_drawn(tmp_path, done):
    out = tmp_path / "toy.zarr"
    said = done(f"tasks make toy --train 20 --test 10 --out {out}")
    assert said == f"{out}: toy events, 30 sequences; `apical tasks show {out}` shows it\n"
    shown = done(f"tasks show {out}")
    assert "n channels  40" in shown and "train 20, validation 0, test 10" in shown
    assert f"picture: {out.with_suffix('.png')}" in shown and out.with_suffix(".png").stat().st_size > 10_000
    told = json.loads(done(f"tasks show {out} --json"))
    assert told["classes"]["3"] == {"train": 2, "validation": 0, "test": 1}


@pytest.mark.parametrize("form", ["vectors", "towers"])
def test_every_form_is_drawn(tmp_path, done, form):
    done(f"tasks make toy --form {form} --train 20 --test 10 --out {tmp_path / 'toy.zarr'}")
    done(f"tasks show {tmp_path / 'toy.zarr'} --out {tmp_path / 'toy.svg'}")
    assert "</svg>" in (tmp_path / "toy.svg").read_text()


def test_generators_take_their_options(tmp_path, done):
    done(f"tasks make listops --train 100 --validation 5 --test 5 --longer-than 3 --shorter-than 40 --workers 1 "
         f"--out {tmp_path / 'l.zarr'}")  # fmt: skip
    assert open_task(tmp_path / "l.zarr").sizes["sequence"] == 110
    done(f"tasks make pathfinder --train 6 --validation 0 --test 2 --workers 1 --out {tmp_path / 'p.zarr'}")
    assert open_task(tmp_path / "p.zarr").sizes["position"] == 8 * 1024
    (tmp_path / "a.txt").write_text("abc" * 500)
    done(f"tasks make characters {tmp_path / 'a.txt'} --out {tmp_path / 't.zarr'}")
    assert "next" in done(f"tasks show {tmp_path / 't.zarr'}")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("make pathfinder --pixels 33 --out x.zarr", "pixels is 33, expected one of 32, 64, 128"),
        (
            "make listops --shorter-than 100 --out x.zarr",
            "leaves no room below 100000; the published limits are 500 and 2000",
        ),
        ("make fashion --folder none --out x.zarr", "'apt-get install dataset-fashion-mnist' brings it"),
        ("make spoken-digits --train 5 --out x.zarr", "train is 5, expected 20 to 10,000,000"),
        ("make characters none.txt --out x.zarr", "none.txt: cannot be read"),
        ("import shd none --out x.zarr", "both files of SHD are needed, from https://zenkelab.org/datasets"),
        ("import lra-text none --out x.zarr", "name the folder aclImdb of IMDB's reviews"),
        ("import lra-retrieval none --out x.zarr", "new_aan_pairs.train.tsv: cannot be read"),
        ("import lra-image none --out x.zarr", "CIFAR-10's binary version"),
        ("import lra-listops none --out x.zarr", "basic_train.tsv: cannot be read"),
        ("import lra-pathfinder none --out x.zarr", "name a folder such as curv_contour_length_14"),
        ("import enwik8 none --out x.zarr", "none: cannot be read"),
        ("show none.zarr", "is not there; `apical tasks make --help` lists what can be made"),
        ("make toy", "Missing option '--out'"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path, monkeypatch, refused, command, said):
    monkeypatch.chdir(tmp_path)
    pytest.importorskip("h5py")
    assert said in refused(f"tasks {command}")
    assert not list(tmp_path.iterdir())


def test_a_store_of_trials_is_no_task(make_dataset, refused):
    assert "this is not a task" in refused(f"tasks show {make_dataset(n_trials=2)}")
