"""`--append`: new trials beside old ones, which stay as they are to the byte; all of them or, after a kill, none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from apical.simulate import schema
from apical.simulate.run import dataset, store
from apical.simulate.schema import InputError


def files(path: Path, positions: range) -> dict[str, tuple[bytes, int]]:
    """Content and time of change of every file of the trials at these positions."""
    found = {}
    for name in ("soma_v_mv", "input_spike_count", "input_spike_synapse", "output_spike_time_ms", "trial_crc32"):
        for position in positions:
            place = path / name / "c" / str(position)
            for file in [place, *place.rglob("*")]:
                if file.is_file():
                    found[str(file.relative_to(path))] = file.read_bytes(), file.stat().st_mtime_ns
    return found


def bytes_of(path: Path, positions: range) -> dict[str, bytes]:
    return {name: content for name, (content, _) in files(path, positions).items()}


def labels(path: Path) -> dict[str, list]:
    ds = schema.open_dataset(path, complete=False)
    return {name: schema.read(ds, name).tolist() for name in ("trial", "trial_seed", "source_file", "trial_status")}


def test_old_trials_stay_and_new_ones_are_those_of_a_longer_run(quick, here, tmp_path):
    whole = dataset.simulate(quick, tmp_path / "whole.zarr", 5, scheduler=here)
    path = dataset.simulate(quick, tmp_path / "a.zarr", 3, scheduler=here)
    before, its_id = files(path, range(3)), store.dataset_id(path)
    dataset.simulate(quick, path, 2, scheduler=here, append=True)
    assert files(path, range(3)) == before
    assert bytes_of(path, range(5)) == bytes_of(whole, range(5))
    assert labels(path) == labels(whole)
    assert store.dataset_id(path) == its_id
    schema.open_dataset(path, "simulation")


def test_seed_0_which_zarr_would_not_write(quick, here, tmp_path):
    chosen = quick.model_copy(update={"seed": 0})
    path = dataset.simulate(chosen, tmp_path / "a.zarr", 2, scheduler=here)
    dataset.simulate(chosen, path, 5, scheduler=here, append=True)  # a chunk of their own
    assert labels(path)["trial_seed"] == [0] * 7


def test_trials_of_another_seed(quick, here, tmp_path):
    """Trial 3 of seed 9 is the same wherever it is; the dataset is another one then, and says so."""
    other = quick.model_copy(update={"seed": 9})
    elsewhere = dataset.simulate(other, tmp_path / "elsewhere.zarr", 5, scheduler=here)
    path = dataset.simulate(quick, tmp_path / "a.zarr", 3, scheduler=here)
    before, its_id = files(path, range(3)), store.dataset_id(path)
    dataset.simulate(other, path, 2, scheduler=here, append=True)
    assert files(path, range(3)) == before
    assert bytes_of(path, range(3, 5)) == bytes_of(elsewhere, range(3, 5))
    assert labels(path) == {
        "trial": [0, 1, 2, 3, 4],
        "trial_seed": [5, 5, 5, 9, 9],
        "source_file": ["lif, seed 5"] * 3 + ["lif, seed 9"] * 2,
        "trial_status": [1] * 5,
    }
    assert store.dataset_id(path) not in (its_id, store.dataset_id(elsewhere))

    whole = bytes_of(path, range(5))
    for position in (1, 4):
        (path / "soma_v_mv" / "c" / str(position) / "0").unlink()
    for seed, trials in ((5, 5), (9, 2), (9, None)):
        dataset.simulate(quick.model_copy(update={"seed": seed}), path, trials, scheduler=here, resume=True)
    assert bytes_of(path, range(5)) == whole
    with pytest.raises(InputError, match=r"made with other settings \(seed 5, not 7\)"):
        dataset.simulate(quick.model_copy(update={"seed": 7}), path, 2, resume=True)


def test_what_cannot_be_appended_to(quick, here, tmp_path):
    with pytest.raises(InputError, match=r"a.zarr: no such dataset to append to; without --append it is made"):
        dataset.simulate(quick, tmp_path / "a.zarr", 2, append=True)
    path = dataset.simulate(quick, tmp_path / "a.zarr", 3, scheduler=here)
    (path / "trial_status" / "c" / "1").unlink()
    with pytest.raises(InputError, match=r"a.zarr: 1 of its trials are not there yet; finish them with --resume first"):
        dataset.simulate(quick, path, 2, append=True)


class Killed(BaseException):
    """Stands for SIGKILL: nothing after it runs."""


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_kill_at_every_file_that_an_append_writes(quick, here, tmp_path, monkeypatch, after):
    path = dataset.simulate(quick, tmp_path / "a.zarr", 3, scheduler=here)
    old, had, its_id = files(path, range(3)), labels(path), store.dataset_id(path)
    real, left, written = Path.replace, [0], []

    def replace(self, target):
        if left[0] == 0 and not after:
            raise Killed
        moved = real(self, target)
        written.append(target)
        if left[0] == 0:
            raise Killed
        left[0] -= 1
        return moved

    monkeypatch.setattr(Path, "replace", replace)
    for survives in range(100):
        left[0] = survives
        try:
            store.extend(path, 2 + survives % 2, 9, "more", {"by": "test"})
        except Killed:
            grown = after and written[-1] == path / "zarr.json"
            ds = schema.open_dataset(path, "simulation", complete=grown is False)
            assert ds.sizes["trial"] == (3 if not grown else 5 + survives % 2)
            assert files(path, range(3)) == old
            if grown:
                break
            assert (labels(path), store.dataset_id(path)) == (had, its_id)
        else:
            break
    monkeypatch.undo()
    assert survives > 8  # sizes of the arrays, labels, and the commit
    n = len(labels(path)["trial"]) - 3
    assert labels(path)["trial_seed"] == [5] * 3 + [9] * n
    assert labels(path)["trial"] == list(range(3 + n))
    dataset.simulate(quick.model_copy(update={"seed": 9}), path, n, scheduler=here, resume=True)
    assert np.isfinite(schema.read(schema.open_dataset(path), "soma_v_mv")).all()
