"""The summary against plain counting over the arrays, and the figures for every kind of dataset."""

from __future__ import annotations

import json

import numpy as np
import pytest
import zarr

from apical.analysis.pages.inspect import inspect_figure, summary, typical_trial
from apical.analysis.pages.inspect_panels import draw_dendrites
from apical.analysis.pages.scan import scan
from apical.analysis.plots import plot_trial
from apical.analysis.style import figure, save_figure, style
from apical.simulate import schema
from apical.simulate.presets import preset
from apical.simulate.schema import InputError


def test_the_summary_equals_plain_counting(make_dataset):
    path = make_dataset()
    found = summary(path)
    ds = schema.open_dataset(path)
    inputs, times_ms = schema.read(ds, "input_spikes"), schema.read(ds, "output_spike_time_ms")
    counts = np.isfinite(times_ms).sum(axis=1)
    assert (found["kind"], found["n_trials"], found["n_failed_trials"], found["duration_s"]) == (
        "simulation",
        6,
        0,
        1.5,
    )
    assert found["n_segments"] == {"basal": 4, "apical": 4}
    assert found["n_excitatory_synapses"] == found["n_inhibitory_synapses"] == 8
    assert found["excitatory_spikes_per_trial"] == pytest.approx(inputs[:, :8].sum() / 6)
    assert found["inhibitory_spikes_per_trial"] == pytest.approx(inputs[:, 8:].sum() / 6)
    assert found["excitatory_rate_hz"] == pytest.approx(inputs[:, :8].sum() / 6 / 8 / 1.5)
    assert found["output_rate_hz"]["mean"] == pytest.approx(counts.mean() / 1.5)
    assert found["output_rate_hz"]["max"] == pytest.approx(counts.max() / 1.5)
    assert found["fraction_of_trials_with_spikes"] == np.mean(counts > 0)
    assert found["size_on_disk_bytes"] > inputs.size / 8
    assert found["provenance"] == {"made_by": "tests"}
    assert json.loads(json.dumps(found)) == found


def test_failed_trials_do_not_count(make_dataset):
    path = make_dataset()
    full = summary(path)
    schema.write_trial(path, 0, {"output_spike_time_ms": np.arange(200.0)}, status=schema.FAILED)
    found = summary(path)
    assert found["n_failed_trials"] == 1
    assert found["output_rate_hz"]["max"] <= full["output_rate_hz"]["max"]


def test_the_summary_of_a_prediction_gives_the_expected_rate(make_dataset, make_prediction):
    path = make_prediction(make_dataset(), change=lambda _, v_mv, p: (v_mv, np.full_like(p, 0.004)))
    found = summary(path)
    assert found["output_rate_hz"]["mean"] == pytest.approx(4)
    assert found["config"]["family"] == "elm"
    assert "excitatory_rate_hz" not in found


def test_the_typical_trial_has_the_median_count_of_those_that_spike(make_dataset):
    path = make_dataset()
    for counts, expected in (([0, 9, 2, 0, 5, 0], 4), ([0] * 6, 0)):
        for trial, count in enumerate(counts):
            times_ms = np.where(np.arange(200) < count, 10.0 * np.arange(200), np.nan)
            schema.write_trial(path, trial, {"output_spike_time_ms": times_ms})
        assert typical_trial(schema.open_dataset(path)) == expected


def test_the_figure_of_a_simulation_is_the_same_each_time(make_dataset, tmp_path):
    path = make_dataset(n_trials=2)
    first, second = (inspect_figure(path, tmp_path / f"{name}.svg") for name in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()
    assert len(first.read_bytes()) > 10_000


def test_the_figure_of_any_dataset(make_dataset, make_prediction, tmp_path):
    truth = make_dataset("silent.zarr", n_trials=1, silent=True)
    inspect_figure(truth, tmp_path / "silent.png")
    inspect_figure(make_prediction(truth), tmp_path / "prediction.png", trial=0)
    for trial, out, message in ((7, "a.png", "has no trial 7"), (0, "a.gif", "a figure is written as")):
        with pytest.raises(InputError, match=message):
            inspect_figure(truth, tmp_path / out, trial=trial)


def test_a_trial_beside_its_predictions(make_dataset, make_prediction, tmp_path):
    truth = make_dataset()
    paths = [make_prediction(truth, f"{n}.zarr", change=lambda _, v, p, n=n: (v + n, p / n)) for n in (1, 2)]
    ds, predictions = schema.open_dataset(truth), [schema.open_dataset(path) for path in paths]
    fig = plot_trial(ds, predictions, 3)
    voltage, probability = fig.axes
    lines = [line.get_ydata() for line in voltage.lines]
    np.testing.assert_allclose(lines[0], np.minimum(schema.read(ds, "soma_v_mv", 3), -55))
    assert any(np.array_equal(line, schema.read(predictions[1], "soma_v_mv", 3)) for line in lines)
    assert len(probability.lines) == 2
    assert save_figure(fig, tmp_path / "trial.png").exists()
    with pytest.raises(InputError, match="has no trial 17"):
        plot_trial(ds, predictions, 17)


# What all trials have in common, and what is flagged.


@pytest.fixture
def recorded(make_dataset, tmp_path):
    """A made-up simulation of 3 trials that has the fine soma trace, the nexus and the dendrites too."""
    ds = schema.open_dataset(make_dataset("plain.zarr", n_trials=3, duration_ms=400))
    path = tmp_path / "recorded.zarr"
    voltages = ("soma_v_mv", "soma_v_fine_mv", "nexus_v_mv", "dendrite_v_mv")
    schema.create(
        path,
        "simulation",
        {"input_spikes": bool, "output_spike_time_ms": "f8", **dict.fromkeys(voltages, "f4")},
        {name: np.asarray(ds[name]) for name in ds.coords} | {"time_fine_ms": np.arange(3200) / 8},
        n_spike=200,
        dataset_id="recorded",
        config={"preset": "made-up"},
        provenance={"made_by": "tests"},
    )
    shapes = dict(zip(voltages, ((400,), (3200,), (400,), (8, 400)), strict=True))
    for trial in range(3):
        arrays = {name: schema.read(ds, name, trial) for name in ("input_spikes", "output_spike_time_ms")}
        arrays["output_spike_time_ms"][4:] = np.nan  # at most 10 Hz
        mv = np.random.default_rng(trial)
        schema.write_trial(path, trial, arrays | {name: mv.uniform(-75, -60, shape) for name, shape in shapes.items()})
    return path


def spike_at(path, trial, *times_ms):
    row = np.full(200, np.nan)
    row[: len(times_ms)] = times_ms
    schema.write_trial(path, trial, {"output_spike_time_ms": row})


def test_input_rates_by_tree_and_sign_equal_plain_counting(make_dataset):
    path = make_dataset()
    inputs = schema.read(schema.open_dataset(path), "input_spikes")
    rates_hz = summary(path)["input_rate_hz"]
    groups = {"basal excitatory": 0, "apical excitatory": 4, "basal inhibitory": 8, "apical inhibitory": 12}
    assert rates_hz.keys() == groups.keys()
    for group, first in groups.items():
        assert rates_hz[group] == pytest.approx(inputs[:, first : first + 4].sum() / 6 / 4 / 1.5), group


def test_intervals_are_within_trials(make_dataset):
    path = make_dataset(n_trials=3)
    for trial, times_ms in enumerate(([10.0, 14.0, 114.0], [500.0], [20.0, 27.0])):
        spike_at(path, trial, *times_ms)
    assert summary(path)["output_isi_ms"] == {"n": 3, "min": 4.0, "median": 7.0}
    assert sorted(scan(path).isi_ms) == [4.0, 7.0, 100.0]


def test_a_dataset_in_order_has_no_flags(recorded, make_dataset):
    spike_at(recorded, 1, 30.0)
    assert summary(recorded)["flags"] == []
    mixed = make_dataset("mixed.zarr", n_trials=2)
    spike_at(mixed, 0)
    spike_at(mixed, 1, *(100.0 * (1 + np.arange(10))))
    assert summary(mixed)["flags"] == []


def test_a_silent_and_a_never_silent_cell_are_flagged(make_dataset, recorded):
    silent = summary(make_dataset("silent.zarr", silent=True))["flags"]
    assert silent == [{"flag": "silent cell", "why": "no trial has an output spike", "trials": [0, 1, 2, 3, 4, 5]}]
    for trial, times_ms in enumerate(([1.0, 9.0], [2.0, 8.0], [3.0, 7.0])):  # 5 Hz over 400 ms
        spike_at(recorded, trial, *times_ms)
    (never,) = summary(recorded)["flags"]
    assert never == {
        "flag": "never-silent cell",
        "why": "every trial has an output rate above 4 Hz",
        "trials": [0, 1, 2],
    }
    spike_at(recorded, 1, 2.0)  # 2.5 Hz
    assert summary(recorded)["flags"] == []


@pytest.mark.parametrize("times_ms", [(5.0, 5.0), (0.0, 0.0, 1.0)])
def test_spikes_at_one_time_have_an_interval_that_can_be_drawn(recorded, tmp_path, times_ms):
    for trial in range(3):
        spike_at(recorded, trial, *times_ms)
    assert inspect_figure(recorded, tmp_path / "at-once.svg").exists()


def test_a_trial_that_fires_too_fast_is_flagged(recorded):
    for trial, n_spikes in enumerate((0, 4, 5)):  # 0, 10 and 12.5 Hz over 400 ms
        spike_at(recorded, trial, *(50.0 * (1 + np.arange(n_spikes))))
    assert summary(recorded)["flags"] == [
        {"flag": "fast firing", "why": "an output rate above 10 Hz", "trials": [2]},
    ]


def test_a_leaky_integrate_and_fire_neuron_has_no_morphology(make_dataset, tmp_path):
    path = make_dataset("lif.zarr", n_trials=1, duration_ms=600)
    group = zarr.open_group(path, mode="r+")
    group.attrs["config"] = preset("lif").model_dump_json()
    schema.commit(path)
    found = summary(path)
    assert (found["title"], found["neuron"]) == ("lif, LIF neuron", "leaky integrate-and-fire")
    assert not {"morphology", "biophysics"} & set(found)
    drawn = inspect_figure(path, tmp_path / "lif.svg").read_text()
    assert "LIF neuron: trial 0" in drawn
    assert "ttpc1" not in drawn and "somatic peaks" not in drawn


@pytest.mark.parametrize(
    ("name", "at", "value_mv", "why"),
    [
        ("soma_v_mv", (5,), np.nan, "soma_v_mv not finite"),
        ("soma_v_mv", (5,), np.inf, "soma_v_mv not finite"),
        ("nexus_v_mv", (5,), 81, "nexus_v_mv beyond -120 to 80 mV"),
        ("dendrite_v_mv", (7, 399), -121, "dendrite_v_mv beyond -120 to 80 mV"),
        ("soma_v_fine_mv", (8,), 45, "soma_v_fine_mv jumps by more than 100 mV in 0.125 ms"),
        ("dendrite_v_mv", (3, 0), 79, "dendrite_v_mv jumps by more than 140 mV in 1 ms"),
        ("soma_v_mv", (5,), 45, None),  # a spike between two samples
    ],
)
def test_an_unstable_trial_is_named_with_the_reason(recorded, name, at, value_mv, why):
    spike_at(recorded, 0, 10.0)
    v_mv = schema.read(schema.open_dataset(recorded), name, 1)
    v_mv[...] = -70
    v_mv[at] = value_mv
    schema.write_trial(recorded, 1, {name: v_mv})
    expected = [{"flag": "numerically unstable trial", "why": why, "trials": [1]}] if why else []
    assert summary(recorded)["flags"] == expected


def test_failed_trials_are_flagged_together(recorded):
    spike_at(recorded, 0, 10.0)
    for trial in (1, 2):
        schema.write_trial(recorded, trial, {}, status=schema.FAILED)
    assert summary(recorded)["flags"] == [{"flag": "numerically unstable trial", "why": "failed", "trials": [1, 2]}]


def test_published_trials_are_not_flagged(shared, tmp_path):
    """Real voltages, spikes and all, lie within the bounds."""
    from apical.simulate.neuronio.importing import import_neuronio

    for name in ("nmda_4_trials", "nmda_dendrites_1_trial"):
        path = import_neuronio([shared(f"data/neuronio/{name}.p")], tmp_path / f"{name}.zarr")
        assert summary(path)["flags"] == []


def test_no_more_than_a_trial_is_read_at_a_time(recorded, monkeypatch):
    one = {"soma_v_mv": 400, "soma_v_fine_mv": 3200, "nexus_v_mv": 400, "dendrite_v_mv": 3200, "input_spikes": 6400}

    def counted(ds, name, trial=None):
        values = schema.read(ds, name, trial)
        assert values.size <= one.get(name, 200), name
        return values

    for module in ("pages.inspect", "pages.scan", "plots", "pages.inspect_panels"):
        monkeypatch.setattr(f"apical.analysis.{module}.read", counted)
    inspect_figure(recorded, recorded.with_suffix(".png"), scanned=scan(recorded))


def test_the_image_of_the_dendrites_is_ordered_from_the_tuft_to_the_basal_tips(recorded):
    """Segments of the made-up cell: 0 to 3 basal, 4 to 7 apical, each further out than the one before."""
    ds = schema.open_dataset(recorded)
    with style():
        fig = figure(3.0)
        axes = fig.subplots()
        draw_dendrites(axes, ds, 1)
        (image,) = axes.get_images()
        expected = schema.read(ds, "dendrite_v_mv", 1)[[7, 6, 5, 4, 0, 1, 2, 3]]
        np.testing.assert_array_equal(image.get_array(), expected)
        assert image.get_extent() == [0, pytest.approx(0.4), 7.5, -0.5]
        labels = {label.get_text(): at for label, at in zip(axes.get_yticklabels(), axes.get_yticks(), strict=True)}
    # The nearest segments: apical ones lie 461, 574, 687 and 800 um out, basal ones 10, 123, 236 and 349 um
    assert labels == {"0": 3.5, "400": 3, "150": 5, "300": 7}


def test_the_figure_with_everything_that_can_be_recorded(recorded, tmp_path):
    out = inspect_figure(recorded, tmp_path / "all.svg", trial=2)
    text = out.read_text()
    for label in ("nexus (mV)", "dendrite (mV)", "soma (mV)", "interval between output spikes (ms)"):
        assert f"<!-- {label} -->" in text, label


def test_a_segment_that_was_not_recorded_is_no_fault():
    from apical.analysis.pages.flags import fault

    v_mv = np.full((3, 10), -70.0)
    v_mv[1] = np.nan
    assert fault("dendrite_v_mv", v_mv, 1) is None
    v_mv[2, 4] = np.nan
    assert fault("dendrite_v_mv", v_mv, 1) == "dendrite_v_mv not finite"
