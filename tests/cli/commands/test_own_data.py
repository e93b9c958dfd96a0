"""Data of somebody else's go the whole way, and what takes a morphology says that there is none."""

from __future__ import annotations

import json

import numpy as np
import pytest

from apical.analysis.inside import spike_triggered
from apical.cli.again.simulation import simulation_again
from apical.simulate import InputError, from_arrays, open_dataset

UNTOLD = "the data do not tell where synapses are"
FIT = "--set window_ms=100 --set burn_in_ms=10 --steps 2 --device cpu"


@pytest.fixture
def own(tmp_path, done, monkeypatch):
    """A dataset of 12 trials of 1 s of 8 synapses in turn of both signs, and no word of where they are."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    np.savez(
        "mine.npz",
        input_spikes=rng.random((12, 8, 1000)) < 0.02,
        soma_v_mv=rng.normal(-65, 2, (12, 4000)),
        output_spike_times_ms=np.sort(rng.uniform(0, 1000, (12, 8))),
        sign=np.tile([1, -1], 4),
    )
    done("import-arrays mine.npz --sampling 4 --name mine --out own.zarr")
    return tmp_path


def test_a_dataset_of_arrays_says_what_makes_it_again(own, done):
    """The file by its command; arrays that were only in memory by none."""
    again = simulation_again(open_dataset("own.zarr"), "own.zarr")
    assert again == ["apical import-arrays mine.npz --sampling 4.0 --name mine --out own.zarr"]
    arrays = dict(np.load("mine.npz"))
    ds = open_dataset(from_arrays(**arrays, sampling_khz=4, out="memory.zarr"))
    assert simulation_again(ds, "memory.zarr") == [
        "# memory.zarr: was not simulated by apical but made from own arrays"
    ]


@pytest.mark.slow
def test_own_arrays_go_the_whole_way(own, done, apical):
    summary = json.loads(done("inspect own.zarr --json"))
    assert (summary["title"], summary["morphology"]) == ("mine", UNTOLD)
    assert summary["provenance"]["taken"]["soma_v_mv"] == "linear interpolation at whole ms"
    assert set(summary["input_rate_hz"]) == {"excitatory", "inhibitory"}
    assert UNTOLD in done("inspect own.zarr").replace("\n", " ")
    runs = {"elm-2": "--model elm --size 2", "tcn-1x2": "--model tcn --size 1x2"}
    for run, model in runs.items():
        done(f"fit own.zarr {model} {FIT} --out {run}")
        done(f"predict {run} own.zarr --out {run}.zarr --device cpu")
    done("evaluate own.zarr elm-2.zarr tcn-1x2.zarr")
    done("report scores.csv --data own.zarr --prediction elm-2.zarr --out page.html")
    page = (own / "page.html").read_text()
    assert UNTOLD in page and "apical import-arrays mine.npz --sampling 4.0 --name mine --out own.zarr" in page

    elm = apical("look elm-2 own.zarr --prediction elm-2.zarr --out elm")
    assert elm.status == 0 and "its neuron has no morphology" in elm.out + elm.err
    assert {each.stem for each in (own / "elm").glob("*.png")} == {
        "memory", "spike_triggered", "weights", "worst_trials"
    }  # fmt: skip
    tcn = apical("look tcn-1x2 own.zarr --prediction tcn-1x2.zarr --out tcn")
    assert tcn.status == 0 and (own / "tcn" / "filters.png").exists()
    refused = apical("look elm-2 own.zarr --prediction elm-2.zarr --morphology ttpc1 --out new")
    assert refused.status == 2 and UNTOLD in refused.err and len(refused.err.splitlines()) == 1
    refused = apical("noise-floor own.zarr --dt 0.0125 --out new.zarr")
    assert refused.status == 2 and "was made by mine, not simulated by apical" in refused.err
    with pytest.raises(InputError, match="does not tell how far its synapses are from the soma"):
        spike_triggered(open_dataset("own.zarr"), open_dataset("elm-2.zarr"), edges_um=[100])
