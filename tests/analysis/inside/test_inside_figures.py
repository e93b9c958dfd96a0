"""The figures of what is inside a model, from labelled arrays made by hand."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from apical.analysis.inside.filters_figure import filters_figure
from apical.analysis.inside.memory_figure import memory_figure
from apical.analysis.inside.weights_figure import draw_on_cell, running_median, weights_figure
from apical.analysis.style import save_figure, style
from apical.simulate import schema
from apical.simulate.schema import InputError

TAU_MS = np.array([30.0, 1.0, 150.0])


@pytest.fixture
def inside():
    rng = np.random.default_rng(0)
    memory = np.vstack([rng.normal(size=(2, 1500)), np.zeros(1500)])  # the last unit never moves
    return xr.Dataset(
        {
            "memory": (("memory_unit", "time_ms"), memory),
            "branch_current": (("branch", "time_ms"), rng.normal(size=(4, 1500))),
            "spike_probability": ("time_ms", rng.random(1500)),
            "soma_v_mv": ("time_ms", -65 + rng.normal(size=1500)),
        },
        {
            "tau_m_ms": ("memory_unit", TAU_MS),
            "apical_share": ("branch", [1.0, 0.0, 0.6, np.nan]),
            "time_ms": np.arange(1500),
        },
        {"model": "elm-3", "family": "branch-elm", "trial": 2},
    )


def shares(spike, voltage):
    found = {"spike_share": ("memory_unit", spike), "voltage_share": ("memory_unit", voltage)}
    return xr.Dataset(found, {"tau_m_ms": ("memory_unit", TAU_MS)}, {"trials": [0, 2]})


def drawn_twice(make, tmp_path):
    first, second = (save_figure(make(), tmp_path / f"{name}.svg") for name in "ab")
    assert first.read_bytes() == second.read_bytes()
    return first.read_text()


def test_the_page_of_memory(make_dataset, inside, tmp_path):
    """By hand: sorted by time constant the spike's shares are 10, 60, 30 %, the voltage's 50, 30, 20 %."""
    ds, share = schema.open_dataset(make_dataset()), shares([0.6, 0.1, 0.3], [0.3, 0.5, 0.2])
    text = drawn_twice(lambda: memory_figure(ds, inside, share), tmp_path)
    for words in ("elm-3: trial 2", "spike: half up to 30 ms", "voltage: half up to 1 ms", "over 2 trials"):
        assert words in text
    assert "1 basal" in text and "2 apical" in text  # and the branch without synapses is not drawn


def test_rows_are_sorted_by_time_constant(make_dataset, inside):
    fig = memory_figure(schema.open_dataset(make_dataset()), inside, shares([0.6, 0.1, 0.3], [0.3, 0.5, 0.2]))
    image = fig.axes[2].images[0].get_array()
    for row, unit in enumerate((1, 0)):
        trace = inside["memory"].values[unit]
        np.testing.assert_allclose(image[row], (trace - trace.mean()) / trace.std())
    assert not image[2].any()
    assert [label.get_text() for label in fig.axes[2].get_yticklabels()] == ["1", "30", "150"]


def test_a_readout_that_nothing_moves(make_dataset, inside, tmp_path):
    nothing = shares(np.full(3, np.nan), np.full(3, np.nan))
    fig = memory_figure(schema.open_dataset(make_dataset(silent=True)), inside, nothing)
    (summed,) = (axes for axes in fig.axes if "share up to here" in axes.get_ylabel())
    assert len(summed.lines) == 1 and summed.get_legend() is None  # nothing but the line at a half
    assert save_figure(fig, tmp_path / "nothing.png").stat().st_size > 10_000


def test_the_memory_of_a_trial_that_is_not_there(make_dataset, inside):
    with pytest.raises(InputError, match="has no trial 2"):
        memory_figure(schema.open_dataset(make_dataset(n_trials=2)), inside, shares([1, 0, 0], [1, 0, 0]))


@pytest.fixture
def weights():
    """Three segments; the first has two excitatory synapses, the last no inhibitory one."""
    sign, segment = np.array([1, 1, 1, 1, -1, -1]), np.array([0, 0, 1, 2, 0, 1])
    return xr.Dataset(
        {
            "weight": ("synapse", [1.0, 3.0, 4.0, 5.0, -6.0, -7.0]),
            "n_read": ("synapse", [1, 2, 3, 3, 2, 2]),
        },
        {
            "synapse_sign": ("synapse", sign),
            "synapse_segment": ("synapse", segment),
            "tree": ("synapse", np.array(["basal", "basal", "apical"])[segment]),
            "distance_um": ("synapse", np.array([50.0, 100.0, 300.0])[segment]),
        },
        {"model": "elm-3"},
    )


@pytest.fixture
def outline():
    number = np.array([-1, -1, 0, 0, 1, 1, 1, 2, 2])
    y = np.array([-5.0, 5, -5, -50, -50, -80, -100, 5, 300])
    diam = np.array([10.0, 10, 2, 2, 1, 1, 1, 30, 30])
    points = {"x_um": y * 0, "y_um": y, "z_um": y * 0, "diam_um": diam}
    return xr.Dataset({name: ("point", each) for name, each in points.items()}, {"segment": ("point", number)})


def test_the_cell_is_coloured_by_the_mean_weight_of_each_segment(weights, outline):
    from matplotlib.figure import Figure

    for sign, expected in ((1, [2, 4, 5]), (-1, [6, 7, np.nan])):
        with style():
            axes = Figure().subplots()
            draw_on_cell(axes, weights, outline, sign)
        (lines,) = axes.collections
        np.testing.assert_array_equal(np.ma.filled(lines.get_array(), np.nan), expected)
        assert [len(path.vertices) for path in lines.get_paths()] == [2, 3, 2]
        assert lines.get_linewidths()[2] > lines.get_linewidths()[0]


def test_the_figure_of_weights(weights, outline, tmp_path):
    text = drawn_twice(lambda: weights_figure(weights, outline), tmp_path)
    for words in (
        "elm-3: learned synapse weights",
        "the mean over the 1 to 3",
        "50 µm",
        "distance to the soma",
    ):
        assert words in text
    apical = weights.isel(synapse=weights["tree"].values == "apical")
    assert "basal" not in drawn_twice(lambda: weights_figure(apical, outline), tmp_path)  # no panel of no synapses
    without = drawn_twice(lambda: weights_figure(weights.assign(n_read=weights["n_read"] * 0 + 1)), tmp_path)
    assert "branch synapses" not in without and "size of the learned weight" not in without


def test_the_running_median():
    """By hand, over 5 of 7 neighbours; of a line it is the line."""
    x, y = running_median(np.array([6.0, 0, 1, 2, 3, 4, 5]), np.array([60.0, 0, 10, 20, 900, 40, 50]))
    assert (x.tolist(), y.tolist()) == ([2, 3, 4], [20, 40, 50])
    line = np.linspace(0, 1, 100)
    assert running_median(line, 2 * line)[1] == pytest.approx(2 * running_median(line, 2 * line)[0])
    assert [len(each) for each in running_median(np.arange(4.0), np.arange(4.0))] == [0, 0]


def test_the_figure_of_filters(tmp_path):
    """Rows by excitation, the most on top, and time from left to right; lag 0 is the last column."""
    weight = np.zeros((3, 2, 4))
    weight[:, 0, 0], weight[:, 1, 3] = (-1, 2, 1), (5, 0, 0)
    filters = xr.Dataset(
        {"weight": (("filter", "group", "lag_ms"), weight), "bias": ("filter", np.zeros(3))},
        {
            "lag_ms": np.arange(4),
            "tree": ("group", ["basal", "apical"]),
            "sign": ("group", [1, -1]),
            "n_synapses": ("group", [7, 8]),
        },
        {"model": "tcn-1x3"},
    )
    text = drawn_twice(lambda: filters_figure(filters), tmp_path)
    for words in ("7 basal", "8 apical", "tcn-1x3: first layer", "filter 0 (row 2)"):
        assert words in text
    first, second = (axes.images[0].get_array() for axes in filters_figure(filters).axes[:2])
    assert first[:, -1].tolist() == [2, 1, -1] and not first[:, :-1].any()
    assert second[:, 0].tolist() == [0, 0, 5]
