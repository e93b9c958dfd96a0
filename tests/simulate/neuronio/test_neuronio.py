"""Published trials arrive in our schema with nothing lost, and what is not NeuronIO is named in one line."""

import copy
import os
import pickle
import shutil

import numpy as np
import pytest

from apical.simulate import schema
from apical.simulate.neuronio.importing import import_neuronio
from apical.simulate.schema import InputError
from apical.simulate.trial.output_spikes import peaks

FOUR, DENDRITES = "data/neuronio/nmda_4_trials.p", "data/neuronio/nmda_dendrites_1_trial.p"


@pytest.fixture(scope="module")
def four(shared, tmp_path_factory):
    return schema.open_dataset(import_neuronio([shared(FOUR)], tmp_path_factory.mktemp("four") / "four.zarr"))


@pytest.fixture(scope="module")
def dendrites(shared, tmp_path_factory):
    return schema.open_dataset(import_neuronio([shared(DENDRITES)], tmp_path_factory.mktemp("one") / "one.zarr"))


@pytest.fixture
def plainly(shared):
    """A shared file as Python's own unpickler reads it."""

    def read(relative):
        with shared(relative).open("rb") as file:
            return pickle.load(file, encoding="latin1")

    return read


def finite(times_ms):
    return times_ms[np.isfinite(times_ms)]


def test_every_number_of_the_published_trials_is_kept(four, dendrites, plainly):
    for ds, file in ((four, FOUR), (dendrites, DENDRITES)):
        published = plainly(file)
        trials = published["Results"]["listOfSingleSimulationDicts"]
        assert ds.sizes["trial"] == len(trials)
        for trial, one in enumerate(trials):
            spikes = schema.read(ds, "input_spikes", trial)
            assert spikes.shape == (1278, 6000)
            for offset, name in ((0, "exInputSpikeTimes"), (639, "inhInputSpikeTimes")):
                for segment, times in one[name].items():
                    assert np.flatnonzero(spikes[offset + segment]).tolist() == sorted(times)
            np.testing.assert_array_equal(schema.read(ds, "soma_v_mv", trial), one["somaVoltageLowRes"])
            np.testing.assert_array_equal(schema.read(ds, "soma_v_fine_mv", trial), one["somaVoltageHighRes"])
            np.testing.assert_array_equal(schema.read(ds, "nexus_v_mv", trial), one["nexusVoltageLowRes"])
            times = finite(schema.read(ds, "output_spike_time_published_ms", trial))
            assert times.astype("f2").tobytes() == one["outputSpikeTimes"].tobytes()
    np.testing.assert_array_equal(
        schema.read(dendrites, "dendrite_v_mv", 0), trials[0]["dendriticVoltagesLowRes"].astype("f4")
    )
    np.testing.assert_array_equal(dendrites.time_fine_ms, trials[0]["recordingTimeHighRes"])
    assert "dendrite_v_mv" not in four


def test_output_spikes_of_the_published_trials(four, dendrites):
    """Counts as published; the times found in the fine trace round to the published ones, to the bit."""
    for ds, counts in ((four, [0, 0, 8, 1]), (dendrites, [2])):
        found, published = schema.read(ds, "output_spike_time_ms"), schema.read(ds, "output_spike_time_published_ms")
        assert np.isfinite(found).sum(axis=1).tolist() == counts
        np.testing.assert_array_equal(found.astype("f2"), published.astype("f2"))
    assert finite(schema.read(four, "output_spike_time_ms", 2))[0] == 2454.25  # published: 2454


def test_both_label_conventions(four):
    exact, published = schema.output_spike_bins(four), schema.output_spike_bins(four, published=True)
    assert exact.sum(axis=1).tolist() == published.sum(axis=1).tolist() == [0, 0, 8, 1]
    assert np.flatnonzero(exact[2])[3] == 4124  # the fine trace peaks at 4125.25 ms
    assert np.flatnonzero(published[2])[3] == 4123  # published as 4124 ms


def test_coordinates_of_the_published_cell(four):
    """Facts of Hay's cell1: 262 basal and 377 apical segments; 84 basal and 109 apical sections."""
    tree, section, x = (four[f"segment_{name}"].values for name in ("type", "section", "x"))
    assert (tree == "basal").sum() == 262
    assert (tree[262:] == "apical").all()
    assert len(tree) == 639
    assert section[tree == "basal"].max() == 83
    assert section[tree == "apical"].min() == 0
    assert section[tree == "apical"].max() == 108
    for number in range(84):  # segments of a section have equal length: x is (k + 1/2) / n
        inside = x[(tree == "basal") & (section == number)]
        np.testing.assert_allclose(inside, (np.arange(len(inside)) + 0.5) / len(inside), rtol=1e-9)
    nexus = (tree == "apical") & (section == 50) & (x > 0.85)
    assert four.segment_distance_um.values[nexus] == pytest.approx(678, abs=15)
    assert four.synapse_sign.values.tolist() == [1] * 639 + [-1] * 639
    assert set(four.synapse_receptor.values[:639]) == {"AMPA_NMDA"}
    assert set(four.synapse_receptor.values[639:]) == {"GABA_A"}
    assert four.synapse_segment.values.tolist() == 2 * list(range(639))


def test_several_files_are_one_dataset(shared, tmp_path):
    seen = []
    path = import_neuronio(
        [shared(FOUR), shared(DENDRITES)], tmp_path / "all.zarr", workers=2, report=lambda *done: seen.append(done)
    )
    ds = schema.open_dataset(path, "simulation")
    assert ds.source_file.values.tolist() == ["nmda_4_trials.p"] * 4 + ["nmda_dendrites_1_trial.p"]
    assert np.isfinite(schema.read(ds, "output_spike_time_ms")).sum(axis=1).tolist() == [0, 0, 8, 1, 2]
    assert "dendrite_v_mv" not in ds  # not every file has it
    checked = [done for what, *done in seen if what == "Checking (MB)"]
    assert checked == sorted(checked)
    assert checked[-1][0] == checked[-1][1]
    assert [done for what, *done in seen if what == "Importing"] == [[trial, 5] for trial in range(6)]
    assert [settings["randomSeed"] for settings in schema.config_of(ds)["files"]] == [42, 5]


def test_spikes_are_peaks_above_threshold():
    """Worked by hand; float16 makes the second peak flat, and -25 mV itself is not above the threshold."""
    v_mv = np.array([-70, -26, -70, -25, -70, -24.9, -70, 10, 30, 30, 30, 5, -70, 40], dtype="f4")
    assert peaks(v_mv).tolist() == [5, 9]


# From here on: small made-up files in NeuronIO's format.


@pytest.fixture
def made_up(neuronio_file, tmp_path):
    """Writes `small.p` here, after `change` has had its way with the content."""
    return lambda change=None, name="small.p", **options: neuronio_file(tmp_path / name, change, **options)


def refused(files, out, message, **options):
    with pytest.raises(InputError, match=message) as caught:
        import_neuronio(files, out, **options)
    assert str(caught.value).isprintable()
    assert not list(out.parent.glob("*.partial"))


def test_ampa_and_a_trial_without_spikes(made_up, tmp_path):
    def silence(params, trials):
        for trial in trials:
            trial["somaVoltageHighRes"] = np.full(400, -70, dtype="f2")
            trial["outputSpikeTimes"] = np.array([], dtype="f2")
        del trials[0]["exInputSpikeTimes"][2]  # a segment without input may be left out

    ds = schema.open_dataset(import_neuronio([made_up(silence)], tmp_path / "out.zarr"))
    assert set(ds.synapse_receptor.values[:3]) == {"AMPA"}
    assert not schema.output_spike_bins(ds).any()
    assert not schema.output_spike_bins(ds, published=True).any()
    assert schema.read(ds, "input_spikes", 0).sum(axis=1).tolist() == [4, 4, 0, 0, 0, 0]
    assert ds.segment_x.values.tolist() == [0.5, 0.25, 0.75]


def test_a_spike_rounded_past_the_last_bin_is_kept(made_up, tmp_path):
    path = made_up(lambda params, trials: trials[0].update(outputSpikeTimes=np.array([50.0], dtype="f2")))
    ds = schema.open_dataset(import_neuronio([path], tmp_path / "out.zarr"))
    assert np.flatnonzero(schema.output_spike_bins(ds, published=True)[0]).tolist() == [49]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p, t: p.pop("allSegmentsType"), r"small\.p: 'allSegmentsType' is missing"),
        (lambda p, t: p.pop("totalSimDurationInSec"), "'totalSimDurationInSec' is missing"),
        (lambda p, t: p.pop("excitatorySynapseType"), "'excitatorySynapseType' is missing"),
        (lambda p, t: p.update(excitatorySynapseType="kainate"), "'excitatorySynapseType' is 'kainate', expected one"),
        (lambda p, t: p.update(totalSimDurationInSec=-1), "'totalSimDurationInSec' is -1, expected more than 0"),
        (lambda p, t: p.update(totalSimDurationInSec="6"), "'totalSimDurationInSec' is of type str"),
        (lambda p, t: p.update(allSegmentsType=["basal", "axon", "apical"]), "'allSegmentsType' must hold"),
        (lambda p, t: p.update(allSegmentsLength=[20.0]), r"'allSegmentsLength' has shape \(1,\), expected \(3,\)"),
        (lambda p, t: p.update(allSegments_SectionInd=[0, -1, 1]), "'allSegments_SectionInd' has sections -1 to 1"),
        (lambda p, t: t.clear(), "holds no trial"),
        (lambda p, t: t[1].pop("outputSpikeTimes"), "trial 1: 'outputSpikeTimes' is missing"),
        (lambda p, t: t[1].pop("inhInputSpikeTimes"), "trial 1: 'inhInputSpikeTimes' is missing"),
        (lambda p, t: t[0].pop("somaVoltageHighRes"), "trial 0: 'somaVoltageHighRes' is missing"),
        (
            lambda p, t: t[0].update(somaVoltageLowRes=np.zeros(49)),
            r"trial 0: 'somaVoltageLowRes' has shape \(49,\), expected \(50,\)",
        ),
        (
            lambda p, t: t[1].update(nexusVoltageLowRes=np.full(50, np.nan)),
            "trial 1: 'nexusVoltageLowRes' holds values that are not finite",
        ),
        (
            lambda p, t: t[1]["exInputSpikeTimes"].update({1: [3, 50]}),
            r"trial 1: 'exInputSpikeTimes' of segment 1: a spike outside the trial of 50 ms \(times 3 to 50\)",
        ),
        (
            lambda p, t: t[0]["inhInputSpikeTimes"].update({2: [-1]}),
            "trial 0: .inhInputSpikeTimes. .* outside",
        ),
        (lambda p, t: t[0]["exInputSpikeTimes"].update({3: [1]}), "no such segment, the file has 0 to 2"),
        (lambda p, t: t[0]["exInputSpikeTimes"].update({1: [1.5]}), "expected whole milliseconds"),
        (
            lambda p, t: t[1].update(outputSpikeTimes=np.array([51.0], "f2")),
            "trial 1: 'outputSpikeTimes' has a spike outside the trial of 50 ms",
        ),
    ],
)
def test_what_is_not_neuronio_is_named(made_up, tmp_path, change, message):
    refused([made_up(change)], tmp_path / "out.zarr", message)
    assert not (tmp_path / "out.zarr").exists()


def test_another_kind_of_pickle(tmp_path):
    path = tmp_path / "list.p"
    path.write_bytes(pickle.dumps([1, 2, 3]))
    refused([path], tmp_path / "out.zarr", r"list\.p: 'Params' is missing: not a NeuronIO file")
    assert not (tmp_path / "out.zarr").exists()


def test_files_that_do_not_belong_together(made_up, tmp_path):
    small, out = made_up(), tmp_path / "out.zarr"
    refused([small, made_up(name="more.p", n_segments=4)], out, r"more\.p: .*'number of segments' .*\(4 against 3\)")
    refused([small, made_up(name="long.p", duration_ms=60)], out, r"long\.p: .*'duration_ms' .*\(60 against 50\)")
    nmda = made_up(lambda params, trials: params.update(excitatorySynapseType="NMDA"), name="nmda.p")
    refused([small, nmda], out, r"nmda\.p: .*'synapse_receptor' differs")
    shutil.copy(small, tmp_path / "copy.p")
    refused([small, tmp_path / "copy.p"], out, r"copy\.p: has the same trials as .*small\.p")
    refused([], out, "at least one NeuronIO file and one worker, got 0 and 1")
    assert not out.exists()


def test_what_exists_is_kept_unless_told_otherwise(made_up, tmp_path):
    out = import_neuronio([made_up()], tmp_path / "out.zarr")
    other = made_up(name="other.p", seed=1)
    refused([other], out, "exists already; give --overwrite")
    before = schema.open_dataset(out).attrs["dataset_id"]
    broken = made_up(lambda params, trials: trials[1]["exInputSpikeTimes"].update({1: [99]}), name="broken.p")
    refused([broken], out, "outside the trial", overwrite=True)
    assert schema.open_dataset(out).attrs["dataset_id"] == before
    import_neuronio([other], out, overwrite=True)
    assert schema.open_dataset(out).source_file.values.tolist() == ["other.p", "other.p"]

    precious = tmp_path / "precious"
    precious.mkdir()
    refused([other], precious, "is not a Zarr store; it is left alone", overwrite=True)
    assert precious.is_dir()


def test_a_pickle_that_runs_code_does_not(made_up, tmp_path):
    class Evil:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'it_ran'}",)

    path = made_up(lambda params, trials: trials[1].update(somaVoltageLowRes=Evil()), name="evil.p")
    refused([path], tmp_path / "out.zarr", r"evil\.p: asks to run posix\.system, .*was not run")
    assert not (tmp_path / "it_ran").exists()


def test_the_same_files_make_the_same_dataset(made_up, tmp_path):
    one, two = made_up(name="one.p"), made_up(name="two.p", seed=1)
    made = {
        name: schema.open_dataset(import_neuronio(files, tmp_path / f"{name}.zarr")).attrs["dataset_id"]
        for name, files in {"a": [one, two], "b": copy.copy([one, two]), "c": [two, one]}.items()
    }
    assert made["a"] == made["b"] != made["c"]
