"""SHD's layout, made with h5py as the published files are: vlen float16 seconds, channels, labels, extra."""

import hashlib
import json
import zipfile

import numpy as np
import pytest

from apical.simulate.schema import InputError
from apical.tasks import Batches
from apical.tasks.digits import shd

h5py = pytest.importorskip("h5py")
ENGLISH = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
GERMAN = ["null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun"]
WORDS = ENGLISH + GERMAN


def clips(n, seed):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(5, 200, n)
    return [(np.sort(rng.uniform(0, 1.3, k)).astype("f2"), rng.integers(700, size=k).astype("u2")) for k in sizes]


def write(path, of, labels):
    with h5py.File(path, "w") as file:
        times = file.create_dataset("spikes/times", (len(of),), h5py.vlen_dtype(np.float16))
        units = file.create_dataset("spikes/units", (len(of),), h5py.vlen_dtype(np.uint16))
        for at, (time, unit) in enumerate(of):
            times[at], units[at] = time, unit
        file["labels"] = np.asarray(labels)
        file["extra/speaker"] = np.zeros(len(of), "u2")
        file["extra/keys"] = np.array([word.encode() for word in WORDS])
        file["extra/meta_info/gender"] = np.array([b"male", b"female"])


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / "shd_train.h5", clips(40, 0), np.arange(40) % 20)
    write(tmp_path / "shd_test.h5", clips(20, 1), np.arange(20))
    return tmp_path


def test_every_clip_is_as_in_the_file(folder):
    ds = shd.import_shd(folder, folder / "shd.zarr")
    for at, (time, unit) in enumerate([*clips(40, 0), *clips(20, 1)]):
        part = slice(*ds.start.values[at : at + 2])
        assert np.array_equal(ds.event_time_s[part], time) and ds.event_time_s.dtype == np.float16
        assert np.array_equal(ds.event_channel[part], unit)
    assert ds.split.values.tolist() == ["train"] * 40 + ["test"] * 20
    assert json.loads(ds.attrs["class_names"]) == WORDS
    assert ds.attrs["duration_s"] == 1 and "CC BY 4.0" in ds.attrs["licence"]
    sources = json.loads(ds.attrs["provenance"])["sources"]
    assert sources[0]["sha256"] == hashlib.sha256((folder / "shd_train.h5").read_bytes()).hexdigest()
    assert sources[0]["published"] is None


def test_the_published_bins_of_a_file(folder):
    """The loop of the published code over a file of its own layout, at 4 ms."""
    batch = Batches(shd.import_shd(folder, folder / "shd.zarr"), "test", batch=20, bin_ms=4).draw(0)
    edges = np.arange(0, 1 + 0.004, 0.004)
    for at, (time, unit) in enumerate(clips(20, 1)):
        expected = np.zeros((len(edges), 700))
        np.add.at(expected, (np.digitize(time, edges) - 1, unit), 1)
        assert np.array_equal(batch.inputs.dense()[at], expected[:-1])


def test_archives_are_unpacked_and_compared_with_the_published_ones(folder, monkeypatch):
    for name in ("shd_train.h5", "shd_test.h5"):
        with zipfile.ZipFile(folder / f"{name}.zip", "w") as packed:
            packed.write(folder / name, name)
        (folder / name).unlink()
    right = hashlib.md5((folder / "shd_test.h5.zip").read_bytes()).hexdigest()
    monkeypatch.setitem(shd.PUBLISHED_MD5, "shd_test.h5.zip", right)
    ds = shd.import_shd(folder, folder / "shd.zarr")
    assert ds.sizes["sequence"] == 60
    assert [each["published"] for each in json.loads(ds.attrs["provenance"])["sources"]] == [False, True]
    (folder / "shd_train.h5.zip").write_bytes(b"PK no archive")
    with pytest.raises(InputError, match=r"shd_train.h5.zip: cannot be unpacked \(.*\); fetch it again"):
        shd.import_shd(folder, folder / "again.zarr")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda file: file.__delitem__("labels"), "is not of SHD's layout: it has no dataset 'labels'"),
        (lambda file: file.__delitem__("spikes/times"), "is not of SHD's layout: it has no dataset 'spikes/times'"),
        (lambda file: file["labels"].__setitem__(3, 20), "labels[3] is 20, expected 0 to 19"),
        (
            lambda file: file["spikes/units"].__setitem__(4, np.full(len(file["spikes/times"][4]), 700, "u2")),
            "spikes/units[4] has 700, expected 0 to 699",
        ),
        (lambda file: file["spikes/units"].__setitem__(5, np.zeros(3, "u2")), "spikes/times[5] has"),
        (
            lambda file: file["spikes/times"].__setitem__(6, np.full(len(file["spikes/units"][6]), -1, "f2")),
            "spikes/times[6] has a time that is negative or no number",
        ),
        (lambda file: [file.__delitem__("labels"), file.__setitem__("labels", np.arange(3))], "labels' 3"),
        (
            lambda file: [file.__delitem__("spikes/times"), file.__setitem__("spikes/times", np.zeros(40))],
            "'spikes/times' is float64 of 1 dims",
        ),
    ],
)
def test_another_layout_is_one_line(folder, change, said):
    with h5py.File(folder / "shd_train.h5", "a") as file:
        change(file)
    with pytest.raises(InputError) as error:
        shd.import_shd(folder, folder / "shd.zarr")
    assert said in str(error.value) and str(folder / "shd_train.h5") in str(error.value)
    assert not (folder / "shd.zarr").exists()


def test_files_that_are_absent_or_no_hdf5(folder, monkeypatch):
    (folder / "shd_test.h5").write_bytes(b"no")
    with pytest.raises(InputError, match=r"shd_test.h5: cannot be read as HDF5"):
        shd.import_shd(folder, folder / "shd.zarr")
    (folder / "shd_test.h5").unlink()
    with pytest.raises(InputError, match=r"shd_test.h5: is not there, nor shd_test.h5.zip"):
        shd.import_shd(folder, folder / "shd.zarr")
    monkeypatch.setattr(shd, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"h5py is not installed: pip install 'apical\[tasks\]' brings it"):
        shd.import_shd(folder, folder / "shd.zarr")


def test_what_we_write_has_the_layout_of_the_published_files(tmp_path):
    made = [shd.Clip(time.astype(float), unit, at, 0) for at, (time, unit) in enumerate(clips(20, 3))]
    shd.write_file(tmp_path / "ours.h5", made, 20, gender=["male"], speakers=["m1"])
    write(tmp_path / "theirs.h5", clips(20, 3), np.arange(20, dtype="u2"))
    with h5py.File(tmp_path / "ours.h5") as ours, h5py.File(tmp_path / "theirs.h5") as theirs:
        for name in ("spikes/times", "spikes/units", "labels", "extra/speaker"):
            assert ours[name].dtype == theirs[name].dtype and ours[name].shape == theirs[name].shape
            for a, b in zip(ours[name], theirs[name], strict=True):
                assert np.array_equal(a, b)
        assert [each.decode() for each in ours["extra/keys"]] == WORDS
