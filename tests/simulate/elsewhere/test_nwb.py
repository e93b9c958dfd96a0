"""NWB in and out, beside what pynwb itself makes of the file."""

import json
import re
from datetime import UTC, datetime

import numpy as np
import pytest

from apical.simulate import InputError, open_dataset
from apical.simulate.elsewhere.nwb import import_nwb
from apical.simulate.elsewhere.nwb_out import export_nwb

pynwb = pytest.importorskip("pynwb", reason="pynwb is not installed")

N, KHZ = 400, 8.0  # samples of a sweep: 50 ms
CONVERSION, OFFSET = 3.05e-5, -0.012  # V per count, and the junction potential
SIGNS = (1, -1)


@pytest.fixture
def nwb_file(tmp_path):
    """A function that writes two sweeps of an amplifier's counts, after `change`, and units where there are any."""

    def write(change=None, units=(([0.9, 1.005, 3.0101], 1), ([3.049], -1), ([1.0125], 0)), voltage_clamp=False):
        content = pynwb.NWBFile("made up", "a", datetime(2026, 1, 1, tzinfo=UTC))
        electrode = content.create_icephys_electrode(name="e", description="e", device=content.create_device(name="d"))
        kind = pynwb.icephys.VoltageClampSeries if voltage_clamp else pynwb.icephys.CurrentClampSeries
        for number, start_s in enumerate((3.0, 1.0)):  # not in order of time
            counts = np.arange(N, dtype="i2") - 2000 - 10 * number
            how = {"data": counts, "conversion": CONVERSION, "starting_time": start_s, "rate": 1e3 * KHZ}
            how |= {} if voltage_clamp else {"offset": OFFSET}
            if change:
                change(number, how)
            content.add_acquisition(kind(name=f"sweep {number}", electrode=electrode, gain=1.0, **how))
        for at, (times_s, sign) in enumerate(units):
            if at == 0 and sign is not None:
                content.add_unit_column("sign", "sign")
            content.add_unit(spike_times=times_s, **({} if sign is None else {"sign": sign}))
        path = tmp_path / "mine.nwb"
        with pynwb.NWBHDF5IO(path, "w") as io:
            io.write(content)
        return path

    return write


def test_counts_become_millivolts_with_conversion_and_offset(nwb_file, tmp_path):
    ds = open_dataset(import_nwb(nwb_file(), tmp_path / "mine.zarr"))
    by_hand = 1e3 * ((np.arange(0, N, 8) - 2000) * CONVERSION + OFFSET)  # each 8th sample, in mV
    assert ds.soma_v_mv.values[1] == pytest.approx(by_hand, abs=1e-4)
    with pynwb.NWBHDF5IO(tmp_path / "mine.nwb", "r") as io:
        theirs = io.read().acquisition["sweep 1"].get_data_in_units()
    assert ds.soma_v_mv.values[0] == pytest.approx(1e3 * theirs[::8], abs=1e-4)
    assert ds.source_file.values.tolist() == ["sweep 1", "sweep 0"]  # in order of time
    assert json.loads(ds.attrs["provenance"])["files"][0]["name"] == "mine.nwb"


def test_units_are_synapses_by_sign_and_the_cell_without(nwb_file, tmp_path):
    """Their times are of the session; what is in no trial is left out."""
    ds = open_dataset(import_nwb(nwb_file(), tmp_path / "mine.zarr"))
    assert np.argwhere(ds.input_spikes.values).tolist() == [[0, 0, 5], [1, 0, 10], [1, 1, 49]]
    assert ds.synapse_sign.values.tolist() == [1, -1]
    assert ds.output_spike_time_ms.values[0].tolist() == [12.5] and np.isnan(ds.output_spike_time_ms.values[1]).all()


def test_stimulus_spikes_as_given(nwb_file, tmp_path):
    """Without a table of units, output spikes are found in the voltage."""
    spikes = np.random.default_rng(0).random((2, 3, 50)) < 0.1
    np.savez(tmp_path / "stimulus.npz", input_spikes=spikes, sign=[1, 1, -1], distance_um=[1.0, 2.0, 3.0])

    def spiking(number, how):
        how["data"][100 + number] = 3000

    path = nwb_file(spiking, units=())
    ds = open_dataset(import_nwb(path, tmp_path / "mine.zarr", input_spikes=tmp_path / "stimulus.npz"))
    assert np.array_equal(ds.input_spikes, spikes) and ds.segment_distance_um.values.tolist() == [1, 2, 3]
    assert ds.output_spike_time_ms.values.tolist() == [[101 / 8], [100 / 8]]


def timestamps(times_ms):
    def change(number, how):
        del how["starting_time"], how["rate"]
        how["timestamps"] = 7 + number + times_ms / 1e3

    return change


def test_timestamps_in_place_of_a_rate(nwb_file, tmp_path):
    units = (([7.005], 1), ([8.0125], 0))
    ds = open_dataset(import_nwb(nwb_file(timestamps(np.arange(N) / KHZ), units), tmp_path / "mine.zarr"))
    assert json.loads(ds.attrs["provenance"])["taken"]["sampling_khz"] == pytest.approx(KHZ)
    assert np.argwhere(ds.input_spikes.values).tolist() == [[0, 0, 5]]


def shorter(number, how):
    how["data"] = how["data"][: N - number]


def gap(number, how):
    how["data"] = how["data"].astype(float)
    how["data"][5] = np.nan


NO_SIGN = (([1.0], None), ([2.0], None))
REFUSED = {
    "voltage clamp": ({"voltage_clamp": True}, "holds VoltageClampSeries in acquisition; a soma voltage takes a"),
    "sampling that is not uniform": (
        {"change": timestamps(np.where(np.arange(N) == 200, 25.06, np.arange(N) / KHZ))},
        "'sweep 0': sampling is not uniform: sample 200 is at 25.06 ms, 0.06 ms from where equal steps",
    ),
    "sweeps of two lengths": ({"change": shorter}, "'sweep 0' has 400 samples at 8 kHz, 'sweep 1' 399 at 8 kHz"),
    "a gap": ({"change": gap}, "'soma_v_mv' is nan at sample 5 of trial 0"),
    "no synapses": ({"units": (([1.0], 0),)}, "no unit has a 'sign' of +1 or -1, so there are no input spikes"),
    "no units": ({"units": ()}, "no unit has a 'sign' of +1 or -1, so there are no input spikes"),
    "two cells": ({"units": (([1.0], 1), ([2.0], 0), ([2.0], 0))}, "2 units without a sign: one of them is the cell"),
    "units of no sign": ({"units": NO_SIGN}, "no unit has a 'sign' of +1 or -1"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_one_line(nwb_file, tmp_path, case):
    what, said = REFUSED[case]
    path = nwb_file(**what)
    with pytest.raises(InputError, match=re.escape(said)) as refused:
        import_nwb(path, tmp_path / "mine.zarr")
    assert "\n" not in str(refused.value) and str(refused.value).startswith(f"{path}: ")
    assert not (tmp_path / "mine.zarr").exists()


def test_a_file_that_is_no_nwb(tmp_path):
    (tmp_path / "mine.nwb").write_text("hello")
    with pytest.raises(InputError, match="not a readable NWB file"):
        import_nwb(tmp_path / "mine.nwb", tmp_path / "mine.zarr")
    with pytest.raises(InputError, match="cannot be read"):
        import_nwb(tmp_path / "nothere.nwb", tmp_path / "mine.zarr")


def test_out_and_in_again(make_dataset, tmp_path):
    """A dataset's trials come back to the bit; pynwb finds the same voltage, and no fault in the file."""
    ours = open_dataset(make_dataset(n_trials=3, duration_ms=300))
    path = export_nwb(tmp_path / "truth.zarr", tmp_path / "out.nwb")
    assert not [*pynwb.validate(path=path)]
    back = open_dataset(import_nwb(path, tmp_path / "back.zarr"))
    for name in ("input_spikes", "soma_v_mv", "synapse_sign"):
        assert np.array_equal(back[name], ours[name]), name
    n_spike = back.sizes["spike"]
    assert n_spike > 1 and back.output_spike_time_ms.values == pytest.approx(
        ours.output_spike_time_ms.values[:, :n_spike], abs=1e-6, nan_ok=True
    )
    with pynwb.NWBHDF5IO(path, "r") as io:
        content = io.read()
        assert content.identifier == ours.attrs["dataset_id"]
        theirs = content.acquisition["trial_2"].get_data_in_units()
        assert 1e3 * theirs == pytest.approx(ours.soma_v_mv.values[2], rel=1e-6)
        assert json.loads(content.notes)["config"] == json.loads(ours.attrs["config"])
    with pytest.raises(InputError, match="exists already; give --overwrite"):
        export_nwb(tmp_path / "truth.zarr", path)
