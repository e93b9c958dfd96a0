"""Trials in a file are those in memory, window by window, and leave nothing behind."""

import os

import numpy as np
import pytest

from apical.simulate import schema
from apical.surrogate.fitting import laid_out as module
from apical.surrogate.fitting.laid_out import added, laid_out, n_bytes
from apical.surrogate.fitting.scaling import VoltageScaling
from apical.surrogate.fitting.windows import draw_windows, load_trials


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


@pytest.fixture
def trials(make_dataset):
    return load_trials(schema.open_dataset(make_dataset(n_trials=4)), [0, 2, 3], VoltageScaling(), from_disk=True)


def test_slices_are_numpy_s(tmp_path):
    random = np.random.default_rng(0)
    arrays = [random.integers(0, 200, 50).astype(dtype) for dtype in (np.uint8, np.uint16, np.float32)]
    with (tmp_path / "file").open("w+b") as file:
        held = [added(file, each) for each in arrays]
        file.flush()
        for array, there in zip(arrays, held, strict=True):
            for wanted in (slice(None), slice(3, 20), slice(40, 90), slice(None, -7), slice(20, 3), slice(2, 30, 5)):
                np.testing.assert_array_equal(there[wanted], array[wanted])
                assert there[wanted].dtype == array.dtype
            np.testing.assert_array_equal(np.asarray(there), array)
            assert len(there) == 50
        os.truncate(file.fileno(), 300)
        with pytest.raises(OSError, match="ends before byte 350"):
            held[2][:]


def test_windows_are_those_in_memory_and_no_file_stays(trials, folder):
    with laid_out(trials, folder) as laid:
        assert not list(folder.iterdir())
        assert (laid.duration_ms, laid.spike_rate) == (trials.duration_ms, trials.spike_rate)
        for step in range(5):
            drawn, expected = (draw_windows(each, window_ms=200, batch=3, seed=1, step=step) for each in (laid, trials))
            for one, other in zip(drawn.events[:3], expected.events[:3], strict=True):
                np.testing.assert_array_equal(one, other)
            np.testing.assert_array_equal(drawn.spike_bw, expected.spike_bw)
            np.testing.assert_array_equal(drawn.voltage_bw, expected.voltage_bw)


def test_its_size_is_told_before_and_a_full_disk_leaves_all_where_it_is(trials, folder, monkeypatch):
    with laid_out(trials, folder) as laid:
        (file,) = {id(each._file): each._file for each in laid.voltage_bt}.values()
        assert os.fstat(file.fileno()).st_size == pytest.approx(n_bytes(trials), rel=0.1)
    monkeypatch.setattr(module, "SHARE_OF_DISK", 0.0)
    with laid_out(trials, folder) as laid:
        assert laid is None
    monkeypatch.undo()
    monkeypatch.setattr(module, "added", lambda file, values: (_ for _ in ()).throw(OSError(28, "no space left")))
    with laid_out(trials, folder) as laid:
        assert laid is None
    assert not list(folder.iterdir())
