"""SONATA in and out, beside what libsonata makes of the files."""

import json
import re

import numpy as np
import pytest

from apical.cli.again.simulation import simulation_again
from apical.simulate import InputError, open_dataset
from apical.simulate.elsewhere.sonata import import_sonata
from apical.simulate.elsewhere.sonata_out import export_sonata

h5py = pytest.importorskip("h5py", reason="h5py is not installed")
libsonata = pytest.importorskip("libsonata", reason="libsonata is not installed")

DT_MS, START_MS, N_MS = 0.1, 10.0, 40


@pytest.fixture
def files(tmp_path):
    """A function that writes input spikes, a report of nodes 3 and 7 at 10 kHz from 10 ms on, and signs."""

    def write(units="mV", nodes=(3, 7), sign=(1, -1, 1), populations=("thalamus",), spikes=((0, 10.0), (2, 31.7))):
        with h5py.File(tmp_path / "in.h5", "w") as file:
            for population in populations:
                group = file.create_group(f"spikes/{population}")
                enum = h5py.enum_dtype({"none": 0, "by_id": 1, "by_time": 2}, basetype="u1")
                group.attrs.create("sorting", 2, dtype=enum)
                group.create_dataset("node_ids", data=np.array([node for node, _ in spikes], "u8"))
                group.create_dataset("timestamps", data=[time for _, time in spikes]).attrs["units"] = "ms"
        v_mv = np.full((round(N_MS / DT_MS), len(nodes)), -70.0, "f4")
        v_mv[252] = 20  # at 25.2 ms of the report
        v_mv[:, -1] -= 0.01 * np.arange(len(v_mv))
        with h5py.File(tmp_path / "soma.h5", "w") as file:
            group = file.create_group("report/cortex")
            group.create_dataset("data", data=v_mv).attrs["units"] = units
            mapping = group.create_group("mapping")
            mapping.create_dataset("node_ids", data=np.array(nodes, "u8")).attrs["sorted"] = np.uint8(1)
            mapping.create_dataset("index_pointers", data=np.arange(len(nodes) + 1, dtype="u8"))
            mapping.create_dataset("element_ids", data=np.zeros(len(nodes), "u4"))
            time = mapping.create_dataset("time", data=[START_MS, START_MS + N_MS, DT_MS])
            time.attrs["units"] = "ms"
        np.savez(tmp_path / "signs.npz", sign=sign)
        return tmp_path / "in.h5", tmp_path / "soma.h5", tmp_path / "signs.npz"

    return write


def test_a_report_and_spikes_become_trials(files, tmp_path):
    """Times are counted from the report's start; the signs put nodes in another order, which is told."""
    ds = open_dataset(import_sonata(*files(), tmp_path / "mine.zarr", node=7, trial_ms=20))
    assert ds.input_spikes.shape == (2, 3, 20)
    assert np.argwhere(ds.input_spikes.values).tolist() == [[0, 0, 0], [1, 1, 1]]  # node 2 is second of sign +1
    assert ds.synapse_sign.values.tolist() == [1, 1, -1]
    assert json.loads(ds.attrs["provenance"])["synapse_order"] == [0, 2, 1]
    assert ds.output_spike_time_ms.values[1].tolist() == pytest.approx([5.2])  # the peak at 25.2 ms
    line = -70 - 0.01 * np.arange(0, 400, 10)  # each tenth sample of node 7
    assert ds.soma_v_mv.values.ravel() == pytest.approx(line, abs=1e-4)


def test_output_spikes_of_a_file_are_those_of_the_cell(files, tmp_path):
    """A population of its own, in which other nodes fire too."""
    there = files(spikes=((7, 12.5), (3, 20.0), (7, 45.25)))[0].rename(tmp_path / "fired.h5")
    ds = open_dataset(import_sonata(*files(), tmp_path / "mine.zarr", node=7, output_spikes=there))
    assert ds.output_spike_time_ms.values.tolist() == [[2.5, 35.25]]


REFUSED = {
    "several cells": ({}, {}, "soma.h5: --node says which cell it is: it has 3, 7"),
    "another cell": ({}, {"node": 5}, "soma.h5: there is no node 5: it has 3, 7"),
    "volts": ({"units": "V"}, {"node": 7}, "soma.h5: is in V and ms, expected mV and ms"),
    "nodes without a sign": (
        {"sign": (1, -1)},
        {"node": 7},
        "in.h5: 'input_spikes': synapse of event 1 is 2, expected",
    ),
    "a sign of 2": ({"sign": (1, 2, 1)}, {"node": 7}, "'sign' is expected to be +1 or -1"),
    "two populations": ({"populations": ("a", "b")}, {"node": 7}, "in.h5: has populations a, b; give a file of one"),
    "trials that are too long": ({}, {"node": 7, "trial_ms": 41}, "soma.h5: holds 40 ms at 10 kHz; a trial of 41 ms"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_one_line(files, tmp_path, case):
    written, asked, said = REFUSED[case]
    with pytest.raises(InputError, match=re.escape(said)) as refused:
        import_sonata(*files(**written), tmp_path / "mine.zarr", **asked)
    assert "\n" not in str(refused.value) and not (tmp_path / "mine.zarr").exists()


def test_a_file_that_is_no_sonata(files, tmp_path):
    spikes, report, signs = files()
    report.write_text("hello")
    with pytest.raises(InputError, match=r"soma\.h5: not a readable SONATA file"):
        import_sonata(spikes, report, signs, tmp_path / "mine.zarr")
    with pytest.raises(InputError, match=r"nothere\.h5: cannot be read"):
        import_sonata(tmp_path / "nothere.h5", report, signs, tmp_path / "mine.zarr")


def test_out_and_in_again(make_dataset, tmp_path):
    """libsonata reads the output spikes and the voltage that the dataset has; all comes back to the bit."""
    ours = open_dataset(make_dataset(n_trials=3, duration_ms=300))
    out = export_sonata(tmp_path / "truth.zarr", tmp_path / "sonata")
    times_ms = ours.output_spike_time_ms.values + 300 * np.arange(3)[:, None]
    expected = [(0, time) for time in times_ms[np.isfinite(times_ms)].tolist()]
    population = libsonata.SpikeReader(str(out / "spikes.h5"))["cell"]
    assert len(expected) > 2 and population.get() == expected
    assert (population.sorting, population.time_units) == ("by_time", "ms")
    frame = libsonata.SomaReportReader(str(out / "soma.h5"))["cell"].get()
    assert np.array_equal(frame.data[:, 0], ours.soma_v_mv.values.ravel())
    assert np.array_equal(frame.times, np.arange(900)) and list(frame.ids) == [0]
    files = (out / name for name in ("input_spikes.h5", "soma.h5", "signs.npz"))
    back = import_sonata(*files, tmp_path / "back.zarr", output_spikes=out / "spikes.h5", trial_ms=300)
    back = open_dataset(back)
    assert simulation_again(back, "back.zarr") == [
        "apical import-sonata input_spikes.h5 --report soma.h5 --signs signs.npz --output-spikes spikes.h5 --node 0 "
        "--trial-ms 300 --out back.zarr"
    ]
    for name in ("input_spikes", "soma_v_mv", "synapse_sign"):
        assert np.array_equal(back[name], ours[name]), name
    assert back.output_spike_time_ms.values == pytest.approx(
        ours.output_spike_time_ms.values[:, : back.sizes["spike"]], abs=1e-9, nan_ok=True
    )
    with pytest.raises(InputError, match="exists already; give --overwrite"):
        export_sonata(tmp_path / "truth.zarr", out)
