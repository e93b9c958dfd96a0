"""What holds for every figure: nothing is cut, hidden, blank, unlabelled or undefined, and a family looks the same."""

from __future__ import annotations

import base64
import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from matplotlib.axis import Axis
from matplotlib.text import Text

from apical.analysis.comparison import compare as compare_module
from apical.analysis.families import DASHES, FAMILIES, looks
from apical.analysis.inside.filters_figure import filters_figure
from apical.analysis.inside.memory_figure import memory_figure
from apical.analysis.inside.spike_triggered import spike_triggered
from apical.analysis.inside.spike_triggered_figure import spike_triggered_figure
from apical.analysis.inside.weights_figure import weights_figure
from apical.analysis.inside.worst_trials import worst_figure, worst_trials
from apical.analysis.pages import fidelity as fidelity_module
from apical.analysis.pages import inspect as inspect_module
from apical.analysis.pages import validation_figure as validation_module
from apical.analysis.plots import plot_trial
from apical.analysis.report.columns import columns_of
from apical.analysis.report.runs import run_data
from apical.analysis.report.style import SERIES, style_sheet
from apical.analysis.report.trials import trial_data
from apical.analysis.scores.evaluate import Evaluation
from apical.analysis.scores.files import read_scores
from apical.analysis.scores.resamples import Resamples
from apical.simulate import schema

FEW = Evaluation(max_output_spikes=99, resamples=20)
STEP = {"engine": "neuron", "dt_ms": 0.025}
HAY = "nmda, cell1.asc, shai2015"
AXON_MS, SPIKE_MS = 700, 900
DPI = 200  # of a figure that is looked at; letters are as wide as they are written at


# What is looked for, in pixels of the figure as it is laid out.


def laid_out(fig):
    if fig.dpi != DPI:
        fig.set_dpi(DPI)
        fig.canvas.draw()
        fig.set_layout_engine("none")  # what is asked next finds it as it is
    return fig


def panels(fig):
    """Its axes, but for those of colour bars, which stand inside of others or beside them."""
    return [axes for axes in fig.axes if axes.axison and not hasattr(axes, "_colorbar")]


def cut(fig):
    """Ends of intervals and points of lines that are outside of their axes."""
    found = []
    for axes in panels(laid_out(fig)):
        box, of_data = axes.get_window_extent(), axes.transData
        drawn = [line.get_xydata() for line in axes.lines if line.get_transform() == of_data]
        for each in axes.collections:
            if np.array_equal(each.get_transform().frozen(), of_data.frozen()):
                drawn += [path.vertices for path in each.get_paths()]
        ends = np.concatenate([np.empty((0, 2)), *drawn])
        ends = ends[~np.isnan(ends).any(axis=1)]
        x, y = of_data.transform(ends).T
        inside = (x > box.x0 - 1) & (x < box.x1 + 1) & (y > box.y0 - 1) & (y < box.y1 + 1)
        found += [(axes.get_ylabel(), end) for end in ends[~inside].tolist()]
    return found


def unlabelled(fig):
    """Axes with fewer than two labelled ticks; those that share another's labels are left out."""
    found = []
    for axes in panels(laid_out(fig)):
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks = [tick for tick in axis.get_major_ticks() + axis.get_minor_ticks() if low <= tick.get_loc() <= high]
            shown = [tick.label1.get_text() for tick in ticks if tick.label1.get_visible()]
            if ticks and not shown:
                continue
            if len(set(filter(None, shown))) < 2 and axes.get_xlabel() != "|measured − expected|\n/ tolerance":
                found.append((axis.axis_name, axes.get_ylabel(), shown))
    return found


def points_of(axes):
    """Pixels of all that is drawn as lines and markers, also between the points of a line."""
    found = [np.empty((0, 2))]
    for line in axes.lines:
        xy = line.get_transform().transform(np.column_stack([line.get_xdata(orig=False), line.get_ydata(orig=False)]))
        xy = xy[np.isfinite(xy).all(axis=1)]
        found.append(xy)
        if line.get_linestyle() not in ("None", "") and len(xy) > 1:
            for part in np.linspace(0, 1, 20):
                found.append(xy[:-1] + part * np.diff(xy, axis=0))
    box = axes.get_window_extent()
    found = np.concatenate(found)
    at_edge = (found >= (box.x0 - 1, box.y0 - 1)).all(axis=1) & (found <= (box.x1 + 1, box.y1 + 12)).all(axis=1)
    return found[at_edge]


def hidden(fig):
    """Legends and texts that lie over something drawn, or over one another."""
    renderer = laid_out(fig).canvas.get_renderer()
    words = [(each.get_text(), each.get_window_extent(renderer)) for each in fig.texts if each.get_text()]
    legends = [*fig.legends, *filter(None, (axes.get_legend() for axes in fig.axes if axes.axison))]
    words += [("legend", each.get_window_extent(renderer)) for each in legends]
    for axes in panels(fig):
        titles = [axes.title, axes._left_title, axes._right_title, axes.xaxis.label, axes.yaxis.label, *axes.texts]
        words += [(each.get_text(), each.get_window_extent(renderer)) for each in titles if each.get_text()]
    found, drawn_on = [], {axes: points_of(axes) for axes in panels(fig)}
    for at, (word, box) in enumerate(words):
        for axes in panels(fig):
            x, y = drawn_on[axes].T
            if ((x > box.x0) & (x < box.x1) & (y > box.y0) & (y < box.y1)).any():
                found.append((word, axes.get_ylabel()))
        # Legends are taller than what is written on them
        found += [(word, other) for other, beside in words[:at] if box.shrunk(0.9, 0.9).overlaps(beside)]
    return found


def outside(fig):
    """Texts that the figure's edge cuts."""
    renderer, whole = laid_out(fig).canvas.get_renderer(), fig.bbox
    ticks = {label for axis in fig.findobj(Axis) for label in axis.get_ticklabels(which="both")}
    words = [each for each in fig.findobj(Text) if each not in ticks]
    boxes = [(each.get_text(), each.get_window_extent(renderer)) for each in words]
    return [
        text
        for text, box in boxes
        if text.strip() and (box.x0 < whole.x0 - 1 or box.x1 > whole.x1 + 1 or box.y0 < -1 or box.y1 > whole.y1 + 1)
    ]


def blank(fig):
    """Axes in which there is nothing."""
    names = "lines", "collections", "images", "patches"
    empty = [axes for axes in fig.axes if not axes.get_legend() and not any(len(getattr(axes, each)) for each in names)]
    return [axes.get_title(loc="left") for axes in empty]


def faults(fig, *checks):
    """What the checks find, by their names."""
    found = {check.__name__: check(fig) for check in checks}
    return {name: each for name, each in found.items() if each}


def told(fig):
    """Every word of the figure."""
    return " ".join(each.get_text() for each in fig.findobj(Text)).replace("\n", " ")


# The figures.


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    """A function that calls one which writes a figure, and returns the figure."""

    def draw(module, function, *arguments, **options):
        kept = []
        monkeypatch.setattr(module, "save_figure", lambda fig, out: kept.append(fig) or out)
        function(*arguments, out=tmp_path / "figure.png", **options)
        return kept[0]

    return draw


@pytest.fixture
def make_size(make_score):
    """A function that gives a score of one size, with intervals."""

    def make(family, n_parameters, auc, rmse_mv, precision, ends=((0.9, 0.999), (0.5, 2), (0.01, 0.3)), **columns):
        names = ("roc_auc", "rmse_rescaled_mv", "average_precision")
        resampled = {name: np.linspace(*each, 201) for name, each in zip(names, ends, strict=True)}
        resampled["rmse_mv"] = resampled["rmse_rescaled_mv"] * 1.3
        base = {"family": family, "size": str(n_parameters), "name": f"{family}-{n_parameters}", "seed": 0}
        base |= {"n_parameters": n_parameters, "macs_per_ms": n_parameters - 10, "dataset": HAY, "dataset_id": "hay"}
        base |= {"roc_auc": auc, "rmse_mv": rmse_mv, "rmse_rescaled_mv": rmse_mv, "average_precision": precision}
        return make_score(**base | {"resamples": Resamples("same", resampled)} | columns)

    return make


@pytest.fixture
def comparisons(make_size):
    """Scores that are easy and hard to draw, by what is hard about them."""
    elm, tcn = partial(make_size, "branch-elm"), partial(make_size, "tcn")
    ttpc1 = {"dataset": "nmda-ttpc1, ttpc1, shai2015", "dataset_id": "ttpc1"}
    floor = make_size("noise-floor", 0, 0.9996, 0.02, 0.8, name="cell, dt 0.03125", macs_per_ms=None)
    plain = [elm(5000, 0.95, 1, 0.05), elm(11_000, 0.97, 0.9, 0.07), tcn(2_000_000, 0.93, 1.5, 0.01)]
    perfect = ((0.98, 1.0), (0.0, 0.5), (0.0, 1.0))
    data = [elm(5000, 0.9 + 0.03 * at, 1, 0.05, train_trials=n) for at, n in enumerate((20, 22, 480))]
    sets = ["nmda", "nmda, out of distribution", "ampa"]
    return {
        "plain": plain,
        "another cell, with a noise floor": [each.model_copy(update=ttpc1) for each in (*plain, floor)],
        "reaching 0 and 1": [elm(5000, 1.0, 0.0, 0.05, perfect), elm(9000, 0.99, 0.1, 0.9, perfect)],
        "of nearly one size": [elm(5077, 0.99, 1, 0.05), elm(5200, 0.9901, 1, 0.05)],
        "a single one": [tcn(1_747_282, 0.93, 1.5, 0.01, ((0.92, 0.94), (1.49, 1.51), (0.009, 0.011)))],
        "amounts of data": data,
        "many series": [
            make_size(family, 8000 * (1 + at), 0.97, 1, 0.05, dataset=f"{name}, cell1.asc, shai2015", dataset_id=name)
            for at, family in enumerate(("branch-elm", "lstm", "tcn"))
            for name in sets
        ],
    }


@pytest.mark.parametrize(
    "case",
    [
        "plain",
        "another cell, with a noise floor",
        "reaching 0 and 1",
        "of nearly one size",
        "a single one",
        "amounts of data",
        "many series",
    ],
)
def test_comparisons_are_whole(drawn, comparisons, case):
    fig = drawn(compare_module, compare_module.compare, comparisons[case])
    assert faults(fig, cut, unlabelled, hidden, outside, blank) == {}
    for word in ("ROC-AUC:", "RMSE:", "Average precision:"):
        assert word in told(fig)


def test_published_results_stand_behind_their_own_data_only(drawn, make_size):
    def published(dataset):
        fig = drawn(compare_module, compare_module.compare, [make_size("tcn", 9000, 0.9, 1, 0.1, dataset=dataset)])
        return set(re.findall(r"\[\d\] \w+ et al. \d+", told(fig)))

    assert len(published(HAY)) == 3
    assert published("ampa-sk, hay2011, shai2015") and published("NeuronIO")
    for other in (
        "nmda-ttpc1, ttpc1, shai2015",
        "nmda, ttpc1, shai2015",
        "nmda, out of distribution, cell1.asc, shai2015",
        "nmda, passive dendrites, cell1.asc, shai2015",
        "nmda, cell1.asc, hay2011",
        "ball-and-stick, ball-and-stick, ball-and-stick",
    ):
        assert not published(other), other


@pytest.fixture
def truth(make_dataset):
    """Made-up trials, with a spike of the axon at 700 ms that the soma does not follow, and one that it does at 900."""
    path = make_dataset(n_trials=3)
    ds = schema.open_dataset(path)
    for trial in range(3):
        v_mv, times_ms = schema.read(ds, "soma_v_mv", trial).copy(), np.full(200, np.nan)
        v_mv[AXON_MS : AXON_MS + 3], v_mv[SPIKE_MS : SPIKE_MS + 2] = -44, 20
        times_ms[0] = SPIKE_MS + 0.5
        schema.write_trial(path, trial, {"soma_v_mv": v_mv, "output_spike_time_ms": times_ms})
    return path


@pytest.fixture
def predictions(truth, make_prediction):
    """Of that truth: two Branch-ELMs, a TCN and the cell itself, integrated otherwise."""

    def noisy(trial, v_mv, probability, sd=1.0):
        rng = np.random.default_rng(int(trial))
        return np.minimum(v_mv, -55) + rng.normal(0, sd, v_mv.shape), 0.5 * probability + 0.3 * rng.random(v_mv.shape)

    made = (("branch-elm", "elm-3"), ("tcn", "tcn-1x4"), ("branch-elm", "elm-10"), ("noise-floor", "cell, dt 0.05"))
    return [
        make_prediction(truth, f"{at}.zarr", change=noisy, config={"family": family, "size": "1", "name": name})
        for at, (family, name) in enumerate(made)
    ]


@pytest.fixture
def of_a_trial(truth, predictions, drawn):
    """Figures with a trial's time axis, by name."""
    ds, opened = schema.open_dataset(truth), [schema.open_dataset(path) for path in predictions]
    errors = worst_trials(ds, opened[1])
    rng = np.random.default_rng(0)
    inside = xr.Dataset(
        {
            "memory": (("memory_unit", "time_ms"), rng.normal(size=(3, 1500))),
            "branch_current": (("branch", "time_ms"), rng.normal(size=(4, 1500))),
            "spike_probability": ("time_ms", rng.random(1500)),
            "soma_v_mv": ("time_ms", np.where(np.arange(1500) == 700, -40.0, rng.normal(-65, 1, 1500))),
        },
        {
            "tau_m_ms": ("memory_unit", [31.0, 30.0, 33.0]),
            "apical_share": ("branch", [1.0, 0, 0.6, 1]),
            "time_ms": np.arange(1500),
        },
        {"model": "elm-3", "family": "branch-elm", "trial": 1},
    )
    share = {f"{name}_share": ("memory_unit", [0.2, 0.3, 0.5]) for name in ("spike", "voltage")}
    shares = xr.Dataset(share, {"tau_m_ms": inside["tau_m_ms"]}, {"trials": [0, 1]})
    return {
        "truth": plot_trial(ds, [], 1),
        "trial": plot_trial(ds, opened, 1),
        "worst": worst_figure(ds, opened[1], errors, 2),
        "memory": memory_figure(ds, inside, shares),
        "inspect": drawn(inspect_module, inspect_module.inspect_figure, truth, trial=1),
        "inspect a prediction": drawn(inspect_module, inspect_module.inspect_figure, predictions[1], trial=1),
    }


def test_figures_of_a_trial_are_whole_and_shade_what_is_not_scored(of_a_trial):
    for name, fig in of_a_trial.items():
        assert faults(fig, cut, unlabelled, hidden, outside, blank) == {}, name
        of_time = [axes for axes in panels(fig) if axes.get_xlim() == (0, pytest.approx(1.5))]
        assert of_time, name
        for axes in of_time:
            spans = [patch.get_window_extent().transformed(axes.transData.inverted()) for patch in axes.patches]
            assert any((span.x0, span.x1) == pytest.approx((0, 0.5), abs=1e-6) for span in spans), name
        assert len(re.findall(r"not scored|which scores leave out", told(fig))) == 1, name


def test_only_what_the_soma_does_is_drawn_as_a_spike(of_a_trial, truth, predictions):
    """The blip at 700 ms, to -44 mV, would look like a spike that is cut off; the spike at 900 ms is a stroke."""
    for name in ("truth", "trial", "worst", "memory"):
        axes = of_a_trial[name].axes[0]
        y = axes.lines[0].get_ydata()
        assert y.max() == -55 and y[AXON_MS] == -55
        (strokes,) = (each for each in axes.collections if each.get_paths())
        assert [path.vertices[:, 0].tolist() for path in strokes.get_paths()] == [[(SPIKE_MS + 0.5) / 1000] * 2]
        assert axes.lines[1].get_xdata().tolist() == [(SPIKE_MS + 0.5) / 1000]
        assert "soma does not follow" in told(of_a_trial[name])
    found = trial_data(schema.open_dataset(truth), [schema.open_dataset(predictions[0])], 3)
    for trial in found["trials"]:
        v_t = np.frombuffer(base64.b64decode(trial["truth"]), "<i2") * 0.01
        assert v_t.max() == pytest.approx(-55) and trial["spikes"] == [SPIKE_MS + 0.5]


def test_the_fidelity_page_is_whole(drawn, truth, predictions):
    fig = drawn(fidelity_module, fidelity_module.fidelity_figure, truth, predictions, how=FEW)
    assert faults(fig, cut, unlabelled, hidden, outside) == {}
    for word in ("F1,", "(RMS)", "event", "tolerance"):
        assert word in told(fig)


def test_figures_of_the_inside_are_whole(truth, predictions):
    ds, prediction = schema.open_dataset(truth), schema.open_dataset(predictions[1])
    rng, group = np.random.default_rng(1), ("group", ["basal", "apical"])
    filters = xr.Dataset(
        {"weight": (("filter", "group", "lag_ms"), rng.normal(size=(5, 2, 30)))},
        {"lag_ms": np.arange(30), "tree": group, "sign": ("group", [1, -1]), "n_synapses": ("group", [7, 8])},
        {"model": "tcn-1x5"},
    )
    n = 40
    weights = xr.Dataset(
        {
            "weight": ("synapse", np.repeat([1, -1], n) * rng.uniform(1, 2, 2 * n)),
            "n_read": ("synapse", np.ones(2 * n, int)),
        },
        {
            "synapse_sign": ("synapse", np.repeat([1, -1], n)),
            "synapse_segment": ("synapse", np.tile(np.arange(n), 2)),
            "tree": ("synapse", np.tile(np.repeat(["basal", "apical"], n // 2), 2)),
            "distance_um": ("synapse", np.tile(np.linspace(20, 600, n), 2)),
        },
        {"model": "elm-3"},
    )
    figures = {
        "spike-triggered": spike_triggered_figure(spike_triggered(ds, prediction), "tcn-1x4"),
        "split": spike_triggered_figure(spike_triggered(ds, prediction, edges_um=[400]), "tcn-1x4"),
        "filters": filters_figure(filters),
        "weights": weights_figure(weights),
    }
    for name, fig in figures.items():
        checks = (unlabelled, outside, blank) if name == "weights" else (cut, unlabelled, hidden, outside, blank)
        assert faults(fig, *checks) == {}, name
        assert fig.texts, name  # a caption


# One look of a family.


def test_a_family_has_one_colour_and_marker_everywhere(drawn, comparisons, truth, predictions, of_a_trial):
    elm, tcn, floor = (FAMILIES[name] for name in ("branch-elm", "tcn", "noise-floor"))
    compared = drawn(compare_module, compare_module.compare, comparisons["plain"]).axes[0]
    seen = {line.get_label(): (line.get_color(), line.get_marker()) for line in compared.lines}
    assert seen["Branch-ELM"] == (elm.colour, elm.marker) and seen["TCN"] == (tcn.colour, tcn.marker)
    published = {label.partition(" [")[0]: marker for label, (_, marker) in seen.items() if " [" in label}
    titles = {family.title: family.marker for family in FAMILIES.values()}
    assert published == {label: titles.get(label, elm.marker) for label in published} and len(published) > 6

    page = drawn(fidelity_module, fidelity_module.fidelity_figure, truth, predictions, how=FEW)
    named = {line.get_label().partition("\n")[0]: line for line in page.axes[-1].get_legend().legend_handles}
    for label, family in (("elm-3", elm), ("tcn-1x4", tcn), ("elm-10", elm), ("cell, dt 0.05", floor)):
        assert named[label].get_marker() == family.marker
    assert [named[label].get_color() for label in ("elm-3", "tcn-1x4", "cell, dt 0.05")] == [
        elm.colour,
        tcn.colour,
        floor.colour,
    ]

    for name, label, colour in (
        ("trial", "tcn-1x4", tcn.colour),
        ("trial", "elm-3", elm.colour),
        ("worst", "tcn-1x4", tcn.colour),
        ("memory", "elm-3", elm.colour),
    ):
        (line,) = (each for each in of_a_trial[name].axes[0].lines if each.get_label() == label)
        assert line.get_color() == colour, (name, label)
    before = spike_triggered(schema.open_dataset(truth), schema.open_dataset(predictions[1]))
    lines = spike_triggered_figure(before, "tcn-1x4").axes[0].lines
    assert tcn.colour in {line.get_color() for line in lines}


def test_the_report_has_the_colours_of_the_figures(comparisons, truth, predictions):
    css = style_sheet()
    light, dark, *_ = css.split("prefers-color-scheme: dark")
    for at, family in enumerate(SERIES):
        assert f"--f{at}: {family.colour};" in light and f"--f{at}: {family.on_dark};" in dark
        assert f".series-{at} {{ --family: var(--f{at})" in css
    runs = run_data(comparisons["many series"], columns_of(comparisons["many series"]))["runs"]
    assert {(SERIES[each["colour"]].title, each["marker"]) for each in runs} == {
        (family.title, family.marker) for family in (FAMILIES[name] for name in ("branch-elm", "lstm", "tcn"))
    }
    opened = [schema.open_dataset(path) for path in predictions]
    found = trial_data(schema.open_dataset(truth), opened)["looks"]
    order = list(FAMILIES)
    assert [(order[each["colour"]], each["shade"]) for each in found] == [
        ("branch-elm", 0),
        ("tcn", 0),
        ("branch-elm", 1),
        ("noise-floor", 0),
    ]
    assert len({each["dashes"] for each in found}) == 4


def test_models_of_a_figure_are_told_apart_without_colour():
    """In grey: families by marker, all of them by dashes, and those of one family by how light they are."""
    assert len({family.marker for family in FAMILIES.values()}) == len(FAMILIES)
    assert len({family.colour for family in FAMILIES.values()}) == len(FAMILIES)
    six = looks(["tcn"] * 6)
    assert len({look.dashes for look in six}) == 6 == len(DASHES)
    grey = [np.dot([int(look.colour[at : at + 2], 16) for at in (1, 3, 5)], (0.299, 0.587, 0.114)) for look in six[:3]]
    assert np.diff(sorted(grey)).min() > 30
    assert len({(look.colour, look.filled) for look in six}) == 6
    assert len({look.colour for look in looks(["mine", "yours", "theirs"])}) == 3  # families that are not ours


def test_series_are_told_apart_as_they_are_drawn(drawn, make_size):
    """Variants of one family, in one figure with families that are not ours: no two lines look alike."""
    variants = read_scores([Path(__file__).parents[2] / "results" / "smaller_elms.csv"])
    foreign = [make_size(family, 2000, 0.9, 1, 0.1) for family in ("mine", "yours")]
    fig = drawn(compare_module, compare_module.compare, [*variants, *foreign])
    titles = {text.get_text() for text in fig.legends[0].get_texts()}
    lines = [line for line in fig.axes[0].lines if line.get_label() in titles and len(line.get_xdata())]
    seen = [(line.get_color(), line.get_marker(), str(line._dash_pattern)) for line in lines]
    assert len(set(seen)) == len(seen) >= 6, seen
    alone = [(line.get_color(), line.get_marker()) for line in lines if len(line.get_xdata()) == 1]  # no line to dash
    assert len(set(alone)) == len(alone)


# A validation's page.

TIME_MS = np.arange(0.0, 3000.0, 1.0)


def check(group, name, measured, expected=None, tolerance=None, passed=None):
    basis = "golden" if expected is not None else "none"
    row = {"group": group, "name": name, "unit": "mV", "measured": measured, "expected": expected}
    return row | {"tolerance": tolerance, "passed": passed, "basis": basis, "source": ""}


@pytest.fixture
def sections():
    """Traces and curves of every section of a validation, and checks."""
    trace = {"time_ms": TIME_MS, **{site: np.full_like(TIME_MS, -70.0) for site in ("soma", "400 um", "620 um")}}
    spike = {**trace, "soma": np.where((TIME_MS > 900) & (TIME_MS < 902), 70.0, np.where(TIME_MS == 800, -44.0, -70.0))}
    along = {"distance_um": [100, 400], "local_mv": [1, 3], "soma_mv": [1, 0.4], "soma_to_site_mv": [1, 0.4]}
    error = {"dt_ms": [0.0125, 0.025, 0.05], "epsp_mv": [1e-3, 2e-3, 4e-3], "spike_ms": [0.01, 0.02, 0.04]}
    high = {**trace, "soma": np.where(TIME_MS == 300, 70.0, -70.0)}
    traces = {
        "dendrites": dict.fromkeys(("bAP", "Ca burst", "BAC"), high),
        "steps": {f"step {na} nA": spike for na in (0.6, 0.8, 1.5)},
        "rest": {"-0.05 nA": trace, "-0.4 nA": trace},
        "replay": {"replay": spike, "replay, converged": spike},
    }
    curves = {
        "steps": {"steps": {"amplitude_na": [0.6, 0.8], "rate_hz": [5, 9]}},
        "f-I": {"f_i": {"amplitude_na": [0.4, 0.6, 0.8, 1.0], "rate_hz": [0, 5, 9, 12]}},
        "attenuation": {"attenuation": along},
        "convergence": {"convergence": dict.fromkeys(("Euler", "Crank-Nicolson"), error)},
    }
    checks = [check(f"step {na} nA", "spikes", 1.0, 1.0, 1.0, True) for na in (0.6, 0.8, 1.5)]
    checks += [
        check("order of accuracy", f"{name}, {what}", 1.0)
        for name in ("Euler", "Crank-Nicolson")
        for what in ("EPSP", "spike time")
    ]
    return traces, curves, checks


@pytest.mark.parametrize("chosen", [("dendrites",), ("f-I", "rest"), ("convergence",), ("replay",), "every"])
@pytest.mark.parametrize("judged", [True, False])
def test_a_validation_has_a_panel_for_what_was_run_and_no_other(drawn, sections, chosen, judged):
    all_traces, all_curves, checks = sections
    chosen = list(all_traces | all_curves) if chosen == "every" else chosen
    traces = {name: trace for section in chosen for name, trace in all_traces.get(section, {}).items()}
    curves = {name: curve for section in chosen for name, curve in all_curves.get(section, {}).items()}
    checks = checks if judged else [{**each, "passed": None, "expected": None, "basis": "none"} for each in checks]
    found = {"morphology": "m", "biophysics": "b", "integration": STEP, "outcome": "1 of 1"}
    found |= {"checks": checks, "curves": curves}
    fig = drawn(validation_module, validation_module.validation_figure, found, traces)
    n_panels = {"dendrites": 3, "steps": 3}
    assert len(fig.axes) == sum(n_panels.get(section, 1) for section in chosen) + judged
    assert faults(fig, cut, unlabelled, hidden, outside, blank) == {}
    for section, word in (("dendrites", "bAP:"), ("f-I", "f–I:"), ("rest", "Sag:"), ("replay", "Converged:")):
        assert (word in told(fig)) == (section in chosen), word


def test_a_validation_marks_what_the_soma_fires_only(drawn, sections):
    traces, _, checks = sections
    found = {"morphology": "m", "biophysics": "b", "integration": STEP, "outcome": "1 of 1"}
    found |= {"checks": checks, "curves": {}}
    fig = drawn(validation_module, validation_module.validation_figure, found, traces["replay"])
    (marks,) = (line for line in fig.axes[0].lines if line.get_marker() == "v")
    assert marks.get_xdata().tolist() == [901.0]
