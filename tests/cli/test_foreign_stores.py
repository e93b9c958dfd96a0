"""Stores that are damaged, or that another program made after our schema: each reader works or refuses in one line."""

from __future__ import annotations

import json
import shutil
import warnings
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr

from apical.simulate import schema
from apical.simulate.presets import preset
from apical.simulate.schema import InputError

T, N = 800, 4  # ms of a trial, segments
WINDOW = {"window_ms": 120, "burn_in_ms": 20, "steps": 1, "batch": 1}
RANGES = {"excitatory_basal": (0, 60), "excitatory_apical": (0, 60)}
RANGES |= {f"inhibitory_minus_excitatory_{tree}": (-60, -20) for tree in ("basal", "apical")}
EVERY = 23  # so many-th damage meets the readers


class Begun(Exception):
    """A run on workers has begun."""


@pytest.fixture(scope="session")
def _kept(tmp_path_factory):
    return tmp_path_factory.mktemp("stores")


@pytest.fixture
def here(_kept, swc, tmp_path, monkeypatch):
    """A folder with good.zarr, whose content is a LIF's and whose configuration a cell's, a run and its prediction."""
    from apical.simulate.mechanisms import library
    from apical.simulate.run import dataset, noise_floor, preparation, worker
    from apical.surrogate.fitting.fit import fit
    from apical.surrogate.fitting.recipe import quick
    from apical.surrogate.use.checkpoint import Surrogate
    from apical.surrogate.use.predict import predict

    @contextmanager
    def connected(*_):
        raise Begun
        yield

    monkeypatch.setattr(dataset, "connected", connected)
    monkeypatch.setattr(noise_floor, "connected", connected)
    monkeypatch.setattr(library, "compiled", lambda *_, **__: None)
    good = _kept / "good.zarr"
    if not (_kept / "prediction.zarr").exists():
        (_kept / "mine.swc").write_text(swc().read_text())
        lif = preset("lif").model_copy(update={"seconds": T / 1000, "lif": {"segments": N}, "statistics": RANGES})
        preparation.create(good, lif, None, 4, worker.describe(lif))
        worker.simulate_trials(lif, str(good), lif.dataset_id(None), [(at, at) for at in range(4)])
        group, cell = zarr.open_group(good, mode="r+"), cell_of(_kept)
        group.attrs["config"] = cell.model_dump_json()
        group.attrs["dataset_id"] = id_of(cell)
        schema.commit(good)
        fit(quick("elm", 1, **WINDOW), good, _kept / "run", device="cpu")
        predict(Surrogate.load(_kept / "run"), good, _kept / "prediction.zarr", trials="all", device="cpu")
    return _kept


def cell_of(folder: Path):
    given = {"morphology": str(folder / "mine.swc"), "seconds": T / 1000, "integration": {"engine": "coreneuron"}}
    return preset("nmda").model_copy(update=given)


def id_of(cell) -> str:
    from apical.simulate.cell import morphologies

    return cell.dataset_id(morphologies.resolve(cell.morphology))


def readers(kept: Path, new: Path) -> dict:
    """What reads a store, by name: functions of its path. new: folder of what they write."""
    from apical.analysis.pages.inspect import summary
    from apical.analysis.scores.evaluate import Evaluation, evaluate
    from apical.cli.again.report import report_again
    from apical.cli.look_inside import look_inside
    from apical.simulate.run import dataset
    from apical.simulate.run.noise_floor import noise_floor
    from apical.surrogate.fitting.fit import fit
    from apical.surrogate.fitting.recipe import quick
    from apical.surrogate.use.checkpoint import Surrogate
    from apical.surrogate.use.predict import predict

    surrogate, cell, prediction = Surrogate.load(kept / "run"), cell_of(kept), kept / "prediction.zarr"
    every, otherwise = Evaluation(every_trial=True, drop_ms=0, resamples=0), {"dt_ms": 0.0125}

    def look(store):
        look_inside(surrogate, schema.open_dataset(store, "simulation"), schema.open_dataset(prediction), None, None)

    def quietly(message):
        return warnings.catch_warnings()

    return {
        "inspect": summary,
        "fit": lambda store: fit(quick("elm", 1, **WINDOW), store, new / "run", device="cpu", overwrite=True),
        "predict": lambda store: predict(surrogate, store, new / "p.zarr", device="cpu", overwrite=True),
        "evaluate": lambda store: evaluate(store, [prediction], every),
        "look": look,
        "report": lambda store: report_again([], store, [prediction], None, Path("report.html")),
        "resume": lambda store: dataset.simulate(cell, store, resume=True, busy=quietly),
        "append": lambda store: dataset.simulate(cell, store, 1, append=True, busy=quietly),
        "noise-floor": lambda s: noise_floor(s, new / "f.zarr", otherwise, overwrite=True, busy=quietly),
    }


def outcome(read, store: Path) -> str:
    """ "works", "begun", the line of a refusal, or what went wrong, in capitals."""
    try:
        read(store)
    except Begun:
        return "begun"
    except InputError as error:
        return str(error) if len(str(error).splitlines()) == 1 else f"LINES: {error}"
    except Exception as error:
        return f"WRONG: {type(error).__name__}: {' '.join(str(error).split())[:150]}"
    return "works"


def whole(good: Path) -> xr.Dataset:
    """The dataset in memory, as another program has it."""
    ds = schema.open_dataset(good, "simulation").compute()
    for name in ds.variables:
        ds[name].encoding = {}
    return ds


def written(ds: xr.Dataset, path: Path, **how) -> Path:
    shutil.rmtree(path, ignore_errors=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # xarray's, of strings in Zarr
        ds.to_zarr(path, **({"zarr_format": 3, "write_empty_chunks": True} | how))
    return path


def replaced(ds: xr.Dataset, name: str, change) -> xr.Dataset:
    """With values of a variable or coordinate changed."""
    given = {name: (ds[name].dims, change(ds[name].values.copy()), ds[name].attrs)}
    return ds.assign_coords(given) if name in ds.coords else ds.assign(given)


def filled(value, at=...):
    def change(values):
        values[at] = value
        return values

    return change


CHANGED = {  # variable, how its values are changed, and what is said, by all readers that read it; "" where it works
    "trials from 5": ("trial", lambda v: v + 5, ""),
    "trials in any order": ("trial", lambda v: np.array([9, 2**40, 7, 3]), ""),
    "a negative trial": ("trial", lambda v: v - 1, "'trial' is damaged or not as agreed"),
    "a trial twice": ("trial", filled(1), "'trial' is damaged or not as agreed: expected each trial number once"),
    "another time axis": ("time_ms", lambda v: v + 1000, "'time_ms' is damaged or not as agreed: expected 0, 1, 2"),
    "another step": ("time_ms", lambda v: v * 0.5, "'time_ms' is damaged or not as agreed"),
    "another status": ("trial_status", filled(7), "'trial_status' has another value than 0, 1 and 2"),
    "no trial done": ("trial_status", filled(2), None),
    "a sign of 0": ("synapse_sign", filled(0), "'synapse_sign' is damaged or not as agreed"),
    "signs in turn": ("synapse_sign", lambda v: np.resize([1, -1], v.shape).astype("i1"), "'synapse_sign' is damaged"),
    "a segment beyond": ("synapse_segment", lambda v: v + 50, f"expected numbers of the {N} segments, from 0 on"),
    "another tree": ("segment_type", lambda v: np.array(["axon"] * N), "expected basal, apical and unknown"),
    "a distance of NaN": ("segment_distance_um", filled(np.nan), "'segment_distance_um' is damaged or not as agreed"),
    "spikes at infinity": ("output_spike_time_ms", filled(np.inf, (0, 3)), "'output_spike_time_ms' has inf ms"),
    "spikes beyond 64 bits": ("output_spike_time_ms", filled(1e300), "'output_spike_time_ms' has 1e+300 ms"),
    "spikes before 0": ("output_spike_time_ms", filled(-5.0), "'output_spike_time_ms' has -5 ms, in trials of 800 ms"),
    "spikes out of order": ("output_spike_time_ms", filled(np.arange(9.0, 0, -1), np.s_[:, :9]), "do not ascend"),
    "spikes at once": ("output_spike_time_ms", filled(0.0), ""),
    "no spikes": ("output_spike_time_ms", filled(np.nan), None),
    "a voltage of 0": ("soma_v_mv", filled(0.0), None),
    "a voltage of NaN": ("soma_v_mv", filled(np.nan, np.s_[:, 3]), None),
    "an infinite voltage": ("soma_v_mv", filled(np.inf, np.s_[:, 3]), None),
    "a huge voltage": ("soma_v_mv", filled(-1e30), None),
    "voltages of 16 bits": ("soma_v_mv", lambda v: v.astype("f2"), None),
    "the other byte order": ("soma_v_mv", lambda v: v.astype(">f8"), ""),
}
READS_SPIKES = {"inspect", "fit", "evaluate", "look"}


@pytest.mark.parametrize("case", CHANGED)
def test_inspect_and_fit_of_values_that_nobody_expects(here, tmp_path, case):
    name, change, said = CHANGED[case]
    store = written(replaced(whole(here / "good.zarr"), name, change), tmp_path / "theirs.zarr")
    for reader in ("inspect", "fit"):
        told = outcome(readers(here, tmp_path)[reader], store)
        assert not told.startswith(("WRONG", "LINES")), (reader, told)
        if said is not None:
            assert (told == "works") if said == "" else ("theirs.zarr" in told and said in told), (reader, told)


LAYOUTS = {
    "dense": {},
    "in large chunks": {"encoding": {"soma_v_mv": {"chunks": (4, 200)}, "input_spikes": {"chunks": (2, 8, 800)}}},
    "not consolidated": {"consolidated": False},
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_plain_xarray_wrote_is_read_as_what_it_was_made_of(here, tmp_path, layout):
    """The same dataset, fit, prediction and scores as of the store that apical wrote."""
    ours, theirs = here / "good.zarr", written(whole(here / "good.zarr"), tmp_path / "theirs.zarr", **LAYOUTS[layout])
    xr.testing.assert_identical(schema.open_dataset(theirs).compute(), schema.open_dataset(ours).compute())
    made = []
    for store, folder in ((ours, tmp_path / "a"), (theirs, tmp_path / "b")):
        folder.mkdir()
        read = readers(here, folder)
        assert [outcome(read[name], store) for name in ("fit", "predict", "evaluate", "look", "report")] == 5 * [
            "works"
        ]
        weights = (folder / "run" / "weights.safetensors").read_bytes()
        made.append((weights, schema.open_dataset(folder / "p.zarr").spike_probability.values.tobytes()))
    assert made[0] == made[1]
    for name in ("resume", "append"):
        assert "was written by another program" in outcome(readers(here, tmp_path)[name], theirs)
    assert outcome(readers(here, tmp_path)["noise-floor"], theirs) == "begun"


@pytest.mark.parametrize(
    "packing, said",
    [({"dtype": "i2", "scale_factor": 0.01}, "is packed (scale_factor)"), ({"_FillValue": -70.0}, "(_FillValue)")],
)
def test_packed_voltages_are_refused(here, tmp_path, packing, said):
    """What lies on disk is not what xarray makes of it."""
    store = written(whole(here / "good.zarr"), tmp_path / "theirs.zarr", encoding={"soma_v_mv": packing})
    with pytest.raises(InputError, match=r"theirs\.zarr: variable 'soma_v_mv' is packed") as error:
        schema.open_dataset(store)
    assert said in str(error.value)


@pytest.mark.parametrize("dim", ["trial", "synapse", "segment", "time_ms"])
def test_a_dataset_of_nothing_is_refused(here, tmp_path, dim):
    store = written(whole(here / "good.zarr").isel({dim: []}), tmp_path / "theirs.zarr")
    with pytest.raises(InputError, match=r"theirs\.zarr: variable '"):
        schema.open_dataset(store)


@pytest.mark.parametrize(
    "name, value, said",
    [
        ("config", "hello", "attribute 'config' is no JSON object"),
        ("provenance", "[1]", "attribute 'provenance' is no JSON object"),
        ("config", '{"morphology": [1]}', "'config': 'morphology' is of type list, expected str"),
        ("provenance", '{"files": 2}', "'provenance': 'files' is of type int, expected list"),
        ("dataset_id", 7, "attribute 'dataset_id' is 7, expected text"),
    ],
)
def test_attributes_of_another_type(here, tmp_path, name, value, said):
    store = written(whole(here / "good.zarr").assign_attrs({name: value}), tmp_path / "theirs.zarr")
    with pytest.raises(InputError) as error:
        schema.open_dataset(store)
    assert said in str(error.value)


def damages(good: Path):
    """Names of damages, and what does them to a copy of the store: to each file, and to each entry of its metadata."""
    for file in sorted(path.relative_to(good) for path in good.rglob("*") if path.is_file()):
        data = (good / file).read_bytes()
        flipped = [data[:at] + bytes([data[at] ^ 0xA5]) + data[at + 1 :] for at in (5, len(data) // 2, len(data) - 1)]
        for at, other in enumerate((b"", data[: len(data) // 2], bytes(range(64)), *flipped)):
            yield f"{file} {at}", lambda store, file=file, other=other: (store / file).write_bytes(other)
        yield f"{file} gone", lambda store, file=file: (store / file).unlink()

    def places(value, above=()):
        inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, each in inner:
            yield (*above, key)
            yield from places(each, (*above, key))

    def put(store, place, value):
        whole = json.loads((store / "zarr.json").read_text())
        at = whole
        for key in place[:-1]:
            at = at[key]
        at[place[-1]] = value
        (store / "zarr.json").write_text(json.dumps(whole))

    for place in places(json.loads((good / "zarr.json").read_text())):
        for value in (None, [], "x", -1, {}, 1e300):
            yield f"{place} is {value}", lambda store, place=place, value=value: put(store, place, value)


@pytest.mark.slow
def test_no_damage_is_a_traceback(here, tmp_path):
    wrongly, store, read = {}, tmp_path / "theirs.zarr", [*readers(here, tmp_path).items()]
    for at, (name, do) in enumerate([*damages(here / "good.zarr")][::EVERY]):
        shutil.rmtree(store, ignore_errors=True)
        shutil.copytree(here / "good.zarr", store)
        do(store)
        reader, function = read[at % len(read)]
        told = outcome(function, store)
        if told.startswith(("WRONG", "LINES")) or not ("zarr" in told or told in ("works", "begun")):
            wrongly[f"{reader}: {name}"] = told
    assert not wrongly, json.dumps(wrongly, indent=1)
