"""A task that is not as agreed is refused in one line that names the variable and the value."""

import json
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

from apical.simulate.schema import InputError
from apical.tasks import Batches, open_task, toy
from apical.tasks.schema import validate
from apical.tasks.store import Block, write_task
from apical.tasks.summary import summary


@pytest.fixture(scope="module")
def tasks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tasks")
    return {form: toy(folder / form, form, train=20, test=10).load() for form in ("events", "tokens", "vectors")}


def changed(ds, name, at, value):
    made = ds.copy(deep=True)
    values = made[name].values.copy()
    values[at] = value
    made[name] = (made[name].dims, values, made[name].attrs)
    return made


@pytest.mark.parametrize("form", ["events", "tokens", "vectors"])
def test_what_is_written_is_valid(tasks, form):
    validate(tasks[form], values=True)


@pytest.mark.parametrize(
    ("form", "name", "at", "value", "said"),
    [
        ("events", "label", 3, 10, "variable 'label' of sequence 3 is 10, expected 0 to 9"),
        ("events", "label", [0, 10], 5, "class 0 ('0') has no training sequence; add some, or leave the class out"),
        ("events", "split", 2, "dev", "variable 'split' has 'dev', expected one of train, validation, test"),
        ("events", "start", 4, 0, "variable 'start' falls after sequence 3; it must never fall"),
        ("events", "start", 30, 7, "variable 'start' runs from [0] to [7]"),
        ("tokens", "start", 4, None, "variable 'start': sequence 3 is empty; leave it out"),
        ("events", "event_channel", 5, 40, "variable 'event_channel' at 5 is 40, expected 0 to 39"),
        ("events", "event_time_s", 6, -1, "variable 'event_time_s' at 6 is -1.0, expected 0 or more"),
        ("events", "event_time_s", 6, np.nan, "variable 'event_time_s' at 6 is nan, expected 0 or more"),
        ("tokens", "token", 7, 11, "variable 'token' at 7 is 11, expected 0 to 10"),
    ],
)
def test_a_wrong_value_is_named(tasks, form, name, at, value, said):
    value = tasks[form][name].values[3] if value is None else value
    with pytest.raises(InputError) as error:
        validate(changed(tasks[form], name, at, value), "x.zarr", values=True)
    assert str(error.value).startswith("x.zarr: ") and said in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("attribute", "value", "said"),
    [
        ("apical_task_schema", None, "this is not a task"),
        ("apical_task_schema", 2, "written with task schema 2, expected 1"),
        ("form", "images", "attribute 'form' is 'images', expected one of events, tokens, vectors"),
        ("towers", 3, "attribute 'towers' is 3, expected one of 1, 2"),
        ("duration_s", -1.0, "attribute 'duration_s' is -1.0"),
        ("class_names", "{}", "attribute 'class_names' is no JSON list"),
        ("n_channels", "many", "attribute 'n_channels' is 'many', expected int"),
        ("n_channels", 0, "attribute 'n_channels' is 0, expected 1 or more"),
    ],
)
def test_a_wrong_attribute_is_named(tasks, attribute, value, said):
    made = tasks["events"].copy()
    made.attrs = {name: each for name, each in made.attrs.items() if name != attribute}
    if value is not None:
        made.attrs[attribute] = value
    with pytest.raises(InputError, match=said.replace("(", r"\(")):
        validate(made)


def test_a_missing_variable_dims_dtype_and_units(tasks):
    ds = tasks["events"]
    with pytest.raises(InputError, match="variable 'event_channel' is missing from this task of events"):
        validate(ds.drop_vars("event_channel"))
    for made, said in (
        (ds.assign(label=ds.label.astype(float).assign_attrs(units="1")), "has dtype float64, expected kind 'iu'"),
        (ds.assign(event_time_s=ds.event_time_s.assign_attrs(units="ms")), "has units 'ms', not 's'"),
        (ds.assign(label=("event", np.zeros(ds.sizes["event"], int), {"units": "1"})), r"has dims \('event',\)"),
    ):
        with pytest.raises(InputError, match=said):
            validate(made)


def test_no_task_at_all(tmp_path):
    with pytest.raises(InputError, match="is not there; `apical tasks make --help` lists what can be made"):
        open_task(tmp_path / "none.zarr")
    (tmp_path / "file.zarr").write_text("no")
    with pytest.raises(InputError, match="cannot be opened as a Zarr store"):
        open_task(tmp_path / "file.zarr")
    xr.Dataset({"x": ("y", [1])}).to_zarr(tmp_path / "other.zarr", consolidated=False)
    with pytest.raises(InputError, match="this is not a task"):
        open_task(tmp_path / "other.zarr")


def test_a_channel_beyond_those_there_are_is_found_when_it_is_drawn(tasks):
    with pytest.raises(InputError, match="variable 'event_channel' of sequence 0 has 40, expected 0 to 39"):
        Batches(changed(tasks["events"], "event_channel", 5, 40), batch=20, bin_ms=10, held_out=0).draw(0)


def test_what_is_there_is_not_replaced_and_what_fails_leaves_nothing(tmp_path):
    toy(tmp_path / "a.zarr", train=10, test=10)
    with pytest.raises(InputError, match="is there already; choose another --out, or --overwrite it"):
        toy(tmp_path / "a.zarr", train=10, test=10)
    wrong = [Block([0, 5], ["train", "train"], [{"length": [1, 1], "token": np.array([0, 1], "u1")}])]
    with pytest.raises(InputError, match="variable 'label' of sequence 1 is 5, expected 0 to 0"):
        write_task(
            tmp_path / "b.zarr", wrong, form="tokens", title="b", n_channels=2, class_names=["one"],
            vocabulary=["x", "y"], licence="none", provenance={},
        )  # fmt: skip
    assert [each.name for each in tmp_path.iterdir()] == ["a.zarr"]


def test_a_summary_counts_what_is_there(tmp_path):
    toy(tmp_path / "two.zarr", towers=2, train=30, test=10, seed=4)
    found = summary(tmp_path / "two.zarr")
    assert found["sequences"] == {"train": 30, "validation": 0, "test": 10}
    assert found["classes"]["alike"] == {"train": 15, "validation": 0, "test": 5}
    assert found["length"]["most"] <= 60 and found["length_2"]["least"] >= 30
    assert found["provenance"]["seed"] == 4
    json.dumps(found)


def test_whether_a_path_is_a_task_is_told_without_torch(tmp_path):
    """`apical evaluate` asks it of every truth, and needs no PyTorch for the rest."""
    asked = "import sys; from apical.tasks.schema import is_task; is_task('nothing'); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
