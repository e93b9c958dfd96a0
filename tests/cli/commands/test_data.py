"""`apical simulate` on a cell of seven points, and what it refuses."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

from apical.simulate import schema
from apical.simulate.cell import biophysics

RUN = "--morphology small.swc --seconds 0.02 --trials 2 --workers 1"


@pytest.fixture
def here(tmp_path, swc):
    swc("small.swc")
    swc("no_apical.swc", apical=3)
    (tmp_path / "text.swc").write_text("hello\n")
    (tmp_path / "empty.asc").touch()
    (tmp_path / "cell.txt").write_text("hello\n")
    (tmp_path / "mine.toml").write_text('name = "mine"\nsource = "me"\n[soma]\nNaTa.gbar = 1\n')
    (tmp_path / "wrong.toml").write_text("sk_e2 = 0.1\n")
    (tmp_path / "value.toml").write_text("sk_e2_factor = -1\n")
    (tmp_path / "ampa.toml").write_text("preset = 'ampa'\nseconds = 0.02\n[statistics]\nexcitatory_basal = [0, 90]\n")
    return tmp_path


def test_simulate_then_resume(here, apical, refused):
    first = apical(f"simulate ampa {RUN} --seed 3 --fine --out data.zarr")
    assert first.status == 0, first.err
    assert first.out.startswith("data.zarr: 2 trials of 0.02 s in ")
    assert "2/2" in first.err
    ds = schema.open_dataset(here / "data.zarr", "simulation")
    assert dict(ds.sizes) | {"trial": 2, "time_ms": 20, "time_fine_ms": 160} == dict(ds.sizes)
    assert np.isfinite(schema.read(ds, "soma_v_mv")).all()
    config = schema.config_of(ds)
    assert (config["preset"], config["seed"], config["seconds"]) == ("ampa", 3, 0.02)

    assert "data.zarr: exists already; give --resume" in refused(f"simulate ampa {RUN} --out data.zarr")
    again = apical(f"simulate ampa {RUN} --seed 3 --fine --out data.zarr --resume")
    assert (again.status, again.out) == (0, "data.zarr: all its trials are there already\n")
    assert "was made with other settings" in refused(f"simulate nmda {RUN} --seed 3 --out data.zarr --resume")
    more = RUN.replace("--trials 2", "--trials 3")
    assert "made for 2 trials, not 3" in refused(f"simulate ampa {more} --seed 3 --fine --out data.zarr --resume")


def test_a_preset_brings_its_cell(apical, tmp_path):
    assert apical("simulate ball-and-stick --seconds 0.01 --trials 1 --workers 1 --out data.zarr").status == 0
    ds = schema.open_dataset(tmp_path / "data.zarr", "simulation")
    assert (ds.sizes["synapse"], ds.sizes["segment"]) == (102, 51)
    config = schema.config_of(ds)
    assert (config["morphology"], config["biophysics"]) == ("ball-and-stick", "ball-and-stick")
    described = json.loads(ds.attrs["provenance"])["biophysics"]
    assert biophysics.Biophysics.model_validate(described) == biophysics.load("ball-and-stick")


def test_a_parameter_set_is_printed_as_it_is_written(done, refused):
    printed = done("cells --print hay2011")
    assert biophysics.parse(printed, "printed") == biophysics.load("hay2011")
    assert printed.startswith("# ")
    assert "biophysics 'hay' is not known: did you mean 'hay2011'?" in refused("cells --print hay")


@pytest.mark.parametrize(
    "arguments, said",
    [
        ("nmda-ttpc", ["preset 'nmda-ttpc' is not known", "did you mean 'nmda-ttpc1'?"]),
        ("unheard", ["preset 'unheard' is not known", "nmda-ttpc1, nmda, ampa, ampa-sk"]),
        ("--set sk_e2=1", ["field 'sk_e2' is not known", "did you mean 'sk_e2_factor'?"]),
        ("--set lif.tau=1", ["field 'lif.tau' is not known", "did you mean 'lif.tau_m_ms'?"]),
        ("--set preset=ampa", ["field 'preset' is not known"]),
        ("--set seed", ["--set 'seed': expected FIELD=VALUE, such as seed=3"]),
        ("--set sk_e2_factor=-1", ["sk_e2_factor: ", "greater than or equal to 0, got -1"]),
        ("--set sk_e2_factor=little", ["sk_e2_factor: ", "valid number", "got 'little'"]),
        ("--set excitatory=NMDA", ["excitatory: receptor 'NMDA' is not known", "there are AMPA, AMPA_NMDA"]),
        ("--set synapses_per_segment=0", ["synapses_per_segment: ", "greater than or equal to 1, got 0"]),
        ("--set synapses_per_segment.basal=0", ["synapses_per_segment.basal: ", "greater than or equal to 1, got 0"]),
        ("--set synapses_per_segment.tuft=2", ["field 'synapses_per_segment.tuft' is not known"]),
        ("--set ih_shift_mv=nan", ["ih_shift_mv: ", "got nan"]),
        ("--set without_nmda.tree=tuft", ["without_nmda.tree: ", "'basal' or 'apical', got 'tuft'"]),
        ("--set without_nmda={from_um=9,to_um=3}", ["without_nmda: to_um: expected more than from_um, 9, got 3"]),
        ("ampa --set without_nmda.tree=basal", ["without_nmda: excitatory is AMPA"]),
        (
            "ood --set out_of_distribution.period_ms=[0,3]",
            ["out_of_distribution: period_ms: expected times of 0.001 and more"],
        ),
        ("ood --input-spikes cell.txt", ["out_of_distribution: input_spikes are replayed as they are"]),
        ("--set nexus_um=600", ["nexus_um: the nexus is not recorded; set record_nexus too"]),
        ("--set record_dendrites=some", ["record_dendrites: ", "'none', 'all', 'basal' or 'apical', got 'some'"]),
        ("--set record_dendrites=[-1]", ["record_dendrites: ", "got [-1]"]),
        ("lif --set sk_e2_factor=0", ["sk_e2_factor: a leaky integrate-and-fire neuron has none"]),
        ("lif --morphology small.swc", ["morphology: a leaky integrate-and-fire neuron has none"]),
        ("lif --set lif.tau_m_ms=3", ["lif: tau_m_ms: expected another value than a synapse's", "got 3"]),
        ("lif --set lif.v_threshold_mv=-80", ["lif: v_threshold_mv: expected a value above rest and reset", "got -80"]),
        ("--config nothere.toml", ["nothere.toml: the configuration cannot be read"]),
        ("--config cell.txt", ["cell.txt: the configuration cannot be read", "line 1"]),
        ("--config wrong.toml", ["wrong.toml: field 'sk_e2' is not known", "did you mean 'sk_e2_factor'?"]),
        ("--config value.toml", ["value.toml: sk_e2_factor: ", "greater than or equal to 0, got -1"]),
        ("nmda --config ampa.toml", ["ampa.toml: starts from preset 'ampa', the command line from 'nmda'"]),
        ("--seconds -1", ["'--seconds'", "greater than or equal to 0.001"]),
        ("--seconds 0", ["'--seconds'", "greater than or equal to 0.001"]),
        ("--seconds nan", ["'--seconds'", "greater than or equal to 0.001"]),
        ("--seconds inf", ["seconds: ", "finite number, got inf"]),
        ("--seconds long", ["'--seconds'", "valid number"]),
        ("--trials 0", ["'--trials'", "greater than or equal to 1"]),
        ("--trials -3", ["'--trials'", "greater than or equal to 1"]),
        ("--trials 1.5", ["'--trials'", "integer"]),
        ("--workers 0", ["'--workers'", "greater than or equal to 1"]),
        ("--seed -1", ["'--seed'", "greater than or equal to 0"]),
        ("--dt -0.1", ["dt_ms: ", "greater than or equal to 0.0001, got -0.1"]),
        ("--dt 1", ["dt_ms: ", "less than or equal to 0.1, got 1.0"]),
        ("--dt nan", ["dt_ms: ", "got nan"]),
        ("--engine coreneuron --dt 0", ["a variable step", "needs engine 'neuron'"]),
        ("--engine neurn", ["engine: ", "'coreneuron', 'neuron', 'batched' or 'auto'", "got 'neurn'"]),
        ("--engine batched --dt 0", ["a variable step", "needs engine 'neuron'"]),
        ("--device gpu", ["device: expected 'auto', 'cpu', 'cuda', or 'cuda:N' for one GPU of several, got 'gpu'"]),
        ("--device cuda:-1", ["device: expected", "got 'cuda:-1'"]),
        ("lif --device cuda:0", ["device cuda:0: a leaky integrate-and-fire neuron runs on the CPU"]),
        (
            "--engine coreneuron --device cuda",
            ["device cuda: engine 'coreneuron' runs on the CPU; give --engine batched"],
        ),
        ("lif --device cuda", ["device cuda: a leaky integrate-and-fire neuron runs on the CPU"]),
        ("--biophysics shai", ["biophysics 'shai' is not known", "did you mean 'shai2015'?"]),
        ("--biophysics nothere.toml", ["biophysics nothere.toml: no such file"]),
        (
            "--biophysics mine.toml",
            ["biophysics mine.toml, line 4: soma.NaTa: mechanism 'NaTa' is not known", "NaTa_t"],
        ),
        ("--mechanisms nowhere", ["mechanisms nowhere: no such folder"]),
        ("--mechanisms .", ["mechanisms .: has no .mod file"]),
        ("--set receptors.GABA_A.gmx=1", ["receptors.GABA_A.gmx: parameter of Receptor", "did you mean 'gmax'?"]),
        ("--morphology ttpc3", ["morphology 'ttpc3' is not known", "did you mean 'ttpc", "a path to an .asc or .swc"]),
        ("--morphology nothere.swc", ["morphology nothere.swc: no such file"]),
        ("--morphology cell.txt", ["morphology cell.txt: expected an .asc (Neurolucida) or .swc file"]),
        ("--resume --fine now", ["preset 'now'"]),
        ("--colour", ["apical simulate:", "--colour"]),
    ],
)
def test_bad_options(here, refused, arguments, said):
    line = refused(f"simulate {arguments} --out data.zarr")
    assert all(words in line for words in said), line
    assert not (here / "data.zarr").exists()


@pytest.mark.parametrize(
    "file, said",
    [
        ("no_apical.swc", ["no_apical.swc: has no apical dendrite", "SWC: type 4"]),
        ("text.swc", ["text.swc, line 1: expected 7 numbers", "got 'hello'"]),
        ("empty.asc", ["empty.asc: has no soma"]),
    ],
)
def test_a_morphology_that_is_not_one(here, refused, file, said):
    line = refused(f"simulate --morphology {file} --out data.zarr --trials 1 --workers 1")
    assert all(words in line for words in said), line
    assert not (here / "data.zarr").exists()


@pytest.mark.parametrize("flag", ["", "--overwrite", "--resume"])
def test_nothing_but_a_store_is_ever_replaced(here, refused, flag):
    before = (here / "cell.txt").stat()
    (here / "folder").mkdir()
    (here / "folder" / "letter").write_text("hello\n")
    for out in ("cell.txt", "folder"):
        assert out in refused(f"simulate {RUN} --out {out} {flag}")
    assert (here / "folder" / "letter").read_text() == "hello\n"
    assert (here / "cell.txt").stat() == before


def test_without_a_compiler(here, apical, monkeypatch):
    monkeypatch.setenv("PATH", str(here))
    monkeypatch.setenv("XDG_CACHE_HOME", str(here / "cache"))
    monkeypatch.delenv("CXX", raising=False)
    answer = apical(f"simulate {RUN} --out data.zarr")
    assert answer.status == 2
    (said,) = answer.err.splitlines()
    for words in ("no C++ compiler: 'g++' is not on PATH", "apt-get install g++", "CXX"):
        assert words in said
    assert not (here / "data.zarr").exists()


def test_a_cache_folder_that_cannot_be_used(here, refused, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(here / "cell.txt"))
    line = refused(f"simulate {RUN} --out data.zarr")
    assert "cache folder" in line and "set XDG_CACHE_HOME" in line


def test_hay2011_without_a_network(here, refused, monkeypatch):
    """Nothing listens at port 9 of this machine: as good as no network."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(here / "cache"))
    monkeypatch.setattr("apical.simulate.cell.morphologies.HAY_URL", "http://127.0.0.1:9/cell1.asc")
    line = refused("simulate nmda --morphology hay2011 --out data.zarr --trials 1")
    assert "morphology 'hay2011' could not be fetched" in line
    assert os.fspath(here / "cache" / "apical" / "morphologies" / "cell1.asc") in line
    assert "--morphology" in line


def test_a_preset_a_file_an_option_and_a_word(here, apical):
    """What is nearer to the command replaces what is further; a table leaves the other fields of its part."""
    answer = apical(
        "simulate --config ampa.toml --morphology small.swc --seed 3 --set sk_e2_factor=0.5 "
        "--set statistics.excitatory_apical=[0,80] --trials 1 --workers 1 --out data.zarr"
    )
    assert answer.status == 0, answer.err
    had = schema.config_of(schema.open_dataset(here / "data.zarr"))
    assert (had["preset"], had["excitatory"], had["seconds"], had["seed"]) == ("ampa", "AMPA", 0.02, 3)
    assert had["sk_e2_factor"] == 0.5
    assert had["statistics"]["excitatory_basal"] == [0, 90]
    assert had["statistics"]["excitatory_apical"] == [0, 80]
    assert had["statistics"]["inhibitory_minus_excitatory_basal"] == [-1650, 150]


def test_presets_are_listed_with_what_can_be_varied(done):
    from apical.simulate import presets

    told = json.loads(done("presets --json"))
    assert set(told["presets"]) == set(presets.PRESETS) and all(told["presets"].values())
    fields = {field["name"]: field for field in told["fields"]}
    assert fields["without_nmda.tree"]["about"] and fields["sk_e2_factor"]["default"] == 1
    shown = done("presets")
    assert all(name in shown for name in [*presets.PRESETS, *fields])
    assert all(field["about"] for field in told["fields"])


def test_input_spikes_from_a_table_are_replayed(here, apical, refused):
    (here / "events.csv").write_text("trial,synapse,time_ms\n0,3,5.5\n1,51,19\n")
    answer = apical(f"simulate {RUN} --input-spikes events.csv --out data.zarr")
    assert answer.status == 0, answer.err
    spikes = schema.read(schema.open_dataset(here / "data.zarr"), "input_spikes")
    assert [tuple(map(int, at)) for at in zip(*np.nonzero(spikes), strict=True)] == [(0, 3, 5), (1, 51, 19)]
    line = refused(f"simulate {RUN.replace('--trials 2', '--trials 3')} --input-spikes events.csv --out more.zarr")
    assert "the given input spikes have 2 trials, 3 are asked for" in line
    assert not (here / "more.zarr").exists()
