"""The outline of a cell against the points of its file, and every way in which it is not the dataset's cell."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
import xarray as xr

from apical.simulate.cell.morphologies import checksum
from apical.simulate.cell.outline import outline
from apical.simulate.schema import InputError


def dataset(lengths_um, config, provenance=None):
    attrs = {"config": json.dumps(config), "provenance": json.dumps(provenance or {})}
    return xr.Dataset({"segment_length_um": ("segment", np.array(lengths_um, dtype=float))}, attrs=attrs)


# By hand: dendrites start at the soma's points at y = -8 and 8, with the thickness of their own first point, and
# nseg = 1 + 2 int(L / 40): 112 um of basal dendrite in 5 segments, 412 um of apical in 21
LENGTHS_UM = [112 / 5] * 5 + [412 / 21] * 21


def test_segments_lie_where_the_file_has_them(lasting_swc):
    found = outline(dataset(LENGTHS_UM, {"morphology": str(lasting_swc)}))
    assert {name: found[name].attrs["units"] for name in found.data_vars} == dict.fromkeys(found.data_vars, "um")
    for number in range(26):
        here = found.isel(point=found["segment"].values == number)
        tree, first = ("basal", 0) if number < 5 else ("apical", 5)
        start, step = (-8, -112 / 5) if tree == "basal" else (8, 412 / 21)
        ends = start + step * (number - first), start + step * (number - first + 1)
        assert here["y_um"].values[[0, -1]] == pytest.approx(ends, abs=1e-3)
        assert np.abs(here["x_um"].values).max() < 1e-6 and np.abs(here["z_um"].values).max() < 1e-6
        # 2 um all along, or from 4 um at y = 20 to 2 um at y = 420
        diam_um = 2 if tree == "basal" else 4 - 2 * np.maximum(here["y_um"].values - 20, 0) / 400
        assert here["diam_um"].values == pytest.approx(diam_um, abs=1e-3)
    soma = found.isel(point=found["segment"].values == -1)
    assert soma["y_um"].values.mean() == pytest.approx(0, abs=1e-3) and soma["diam_um"].values.max() == pytest.approx(
        16
    )


def test_a_tree_that_branches(tmp_path):
    """Each traced point of a dendrite is there once in the segment that it lies in; segments join end to end."""
    path = tmp_path / "bent.swc"
    path.write_text("1 1 0 0 0 8 -1\n2 1 0 8 0 8 1\n3 1 0 -8 0 8 1\n4 3 10 0 0 1 1\n5 3 40 0 0 1 4\n6 3 40 30 0 1 5\n")
    found = outline(dataset([20.0] * 3, {"morphology": str(path)}))
    line = [found.isel(point=found["segment"].values == n) for n in range(3)]
    points = [np.stack([each["x_um"].values, each["y_um"].values], 1).round(3).tolist() for each in line]
    assert points == [[[10, 0], [30, 0]], [[30, 0], [40, 0], [40, 10]], [[40, 10], [40, 30]]]


def test_the_axon_is_what_it_was_in_the_simulation(tmp_path):
    """A dendrite that hangs on an axon is drawn where the axon was kept."""
    path = tmp_path / "hung.swc"
    path.write_text("1 1 0 0 0 8 -1\n2 2 8 0 0 1 1\n3 2 48 0 0 1 2\n4 3 68 0 0 1 3\n5 3 78 0 0 1 4\n")
    made = {"biophysics": {"reconstructed_axon": "keep"}}
    found = outline(dataset([30.0], {"morphology": str(path)}, made))
    assert found["x_um"].values[found["segment"].values == 0].round(3).tolist() == [48, 68, 78]
    with pytest.raises(InputError, match=r"hung.swc, line 4: section dend\[0\] hangs on the axon"):
        outline(dataset([30.0], {"morphology": str(path)}))


def test_it_leaves_no_section_in_this_process(lasting_swc):
    before = sections()
    outline(dataset(LENGTHS_UM, {"morphology": str(lasting_swc)}))
    assert sections() == before


def sections():
    return [str(section) for section in sys.modules["neuron"].h.allsec()] if "neuron" in sys.modules else None


def test_another_path_of_the_same_content(lasting_swc, tmp_path):
    moved = dataset(LENGTHS_UM, {"morphology": "/gone/mine.swc"}, {"morphology": {"sha256": checksum(lasting_swc)}})
    with pytest.raises(InputError, match=r"/gone/mine.swc: no such file; or give the file with --morphology"):
        outline(moved)
    assert outline(moved, lasting_swc).attrs["sha256"] == checksum(lasting_swc)
    changed = tmp_path / "changed.swc"
    changed.write_text(lasting_swc.read_text() + "# a remark\n")
    with pytest.raises(InputError, match=r"changed.swc: has another content than the one that dataset was made with"):
        outline(moved, changed)


def test_another_cell(lasting_swc):
    with pytest.raises(InputError, match=r"mine.swc: its 26 dendritic segments are not the 3 of dataset"):
        outline(dataset([20.0] * 3, {"morphology": str(lasting_swc)}))
    with pytest.raises(InputError, match=r"its 26 dendritic segments are not the 26 of"):
        outline(dataset([20.0] * 26, {}), lasting_swc)


@pytest.mark.parametrize("config", [{"lif": {"segments": 10}, "morphology": "ttpc1"}, {"seed": 0}])
def test_a_neuron_without_a_morphology(config):
    with pytest.raises(InputError, match="its neuron has no morphology, or does not name it"):
        outline(dataset([1.0] * 10, config))


def test_neuronio(shared):
    """The published reconstruction, which NeuronIO's files do not name: 262 basal and 377 apical segments."""
    from apical.simulate.neuronio.published_file import NeuronIOFile

    file = NeuronIOFile(shared("data/neuronio/nmda_4_trials.p"))
    ds = dataset(file.coordinates["segment_length_um"], {"made_by": "NeuronIO"})
    found = outline(ds, shared("data/hay2011/cell1.asc"))
    assert np.unique(found["segment"]).tolist() == list(range(-1, 639))
    length_um = np.zeros(639)
    for number in range(639):
        here = found.isel(point=found["segment"].values == number)
        xyz = np.stack([here[name].values for name in ("x_um", "y_um", "z_um")])
        length_um[number] = np.sqrt((np.diff(xyz) ** 2).sum(0)).sum()
    np.testing.assert_allclose(length_um, file.coordinates["segment_length_um"], atol=0.01)
