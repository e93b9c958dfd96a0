"""The report in a real browser: headless Chromium opens it from disk, and everything on it that moves is moved."""

from __future__ import annotations

import base64
import json
import re
import shutil
import time
from functools import partial

import numpy as np
import pytest

CHROMIUM, DRIVER = (shutil.which(name) for name in ("chromium", "chromedriver"))
ALONE = (  # a browser that starts fresh and calls nobody
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1200,900",
)
PATIENCE_S = 60  # of a machine that has other things to do
MODELS = ("elm-20", "elm-5", "tcn-2x8")
PARAMETERS = (8002, 5077, 436_822)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Headless Chromium that logs what it prints and what it asks of a network."""
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("chromium or chromedriver is not installed")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in (*ALONE, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SE_OFFLINE", "true")  # the driver is there; nothing is to be fetched
        service = Service(executable_path=DRIVER)
        driver = webdriver.Chrome(options=options, service=service)
    driver.set_page_load_timeout(4 * PATIENCE_S)
    yield driver
    driver.quit()
    driver.command_executor.close()


@pytest.fixture
def report_path(tmp_path_factory, make_dataset, make_prediction, make_score):
    """A report of three runs and the five trials that they predicted. Made once per session."""
    from apical.analysis.report.report import write_report
    from apical.analysis.scores.resamples import Resamples

    path = tmp_path_factory.getbasetemp() / "report-in-browser.html"
    if path.exists():
        return path
    truth, rng = make_dataset(n_trials=7, duration_ms=800), np.random.default_rng(0)
    predictions, scores = [], []
    for at, (name, n_parameters) in enumerate(zip(MODELS, PARAMETERS, strict=True)):
        model = {"family": name.split("-")[0], "size": name.split("-")[1], "name": name, "seed": at}
        noise_mv = {trial: rng.normal(0, (1 + at) * (1 + trial), 800) for trial in range(7)}
        change = partial(_with_noise, noise_mv)
        predictions.append(make_prediction(truth, f"{name}.zarr", trials=range(5), change=change, config=model))
        auc = 0.99 - 0.02 * at
        drawn = Resamples("same", {"roc_auc": np.linspace(auc - 0.004, auc + 0.004, 101)})
        costs = {"n_parameters": n_parameters, "macs_per_ms": n_parameters - 10, "dataset_id": "made-up-0-8"}
        scores.append(make_score(**model, **costs, roc_auc=auc, rmse_mv=1.0 + at, resamples=drawn))
    return write_report(scores, path, data=truth, predictions=predictions, commands=["apical compare scores.csv"])


def _with_noise(noise_mv, trial, v_mv, probability):
    return v_mv + noise_mv[trial], 0.9 * probability


@pytest.fixture
def page(browser, report_path):
    """The report, freshly opened; afterwards, that it printed no error and asked nothing of a network."""
    for log in ("browser", "performance"):
        browser.get_log(log)
    browser.get(report_path.as_uri())
    yield browser
    assert browser.get_log("browser") == []
    sent = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [each["params"]["request"]["url"] for each in sent if each["method"] == "Network.requestWillBeSent"]
    assert [url for url in asked if not url.startswith(("data:", report_path.as_uri()))] == []


def find(page, selector):
    return page.find_element("css selector", selector)


def texts(page, selector):
    """What is visible of each element."""
    return page.execute_script(
        "return [...document.querySelectorAll(arguments[0])].filter((e) => e.getClientRects().length)"
        ".map((e) => e.firstChild.textContent)",
        selector,
    )


def until(page, script, expected):
    """Wait until the page answers as expected."""
    end = time.monotonic() + PATIENCE_S
    while (found := page.execute_script(f"return {script}")) != expected and time.monotonic() < end:
        time.sleep(0.02)
    assert found == expected


def press(page, *keys, shift=False):
    for key in keys:
        page.execute_script(
            "document.getElementById('trial-chart').dispatchEvent(new KeyboardEvent('keydown',"
            " {key: arguments[0], shiftKey: arguments[1], bubbles: true, cancelable: true}))",
            key,
            shift,
        )


def stretch(page):
    """From which to which ms the trial browser shows."""
    chart = find(page, "#trial-chart")
    return int(chart.get_attribute("data-from-ms")), int(chart.get_attribute("data-to-ms"))


def test_every_figure_is_there(page):
    sizes = page.execute_script(
        "return [...document.querySelectorAll('figure')].map((figure) => {"
        " const box = figure.querySelector('svg.figure, svg.plot').getBoundingClientRect();"
        " return [figure.id || figure.parentElement.id, box.width, box.height]; })"
    )
    assert [name for name, _, _ in sizes] == ["parameter-efficiency", "scatter", "trials"]
    for name, width, height in sizes:
        assert width > 600 and height > 200, name
    overflow = page.execute_script("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0


def test_the_table_sorts_by_number_and_by_text(page):
    def click(title):
        page.execute_script(
            "[...document.querySelectorAll('#scores thead button')]"
            ".find((b) => b.firstChild.textContent === arguments[0]).click()",
            title,
        )
        return texts(page, "#scores tbody th[scope=row]")

    assert click("parameters") == ["elm-5", "elm-20", "tcn-2x8"]
    assert click("parameters") == ["tcn-2x8", "elm-20", "elm-5"]
    assert texts(page, "#scores th[aria-sort=descending]") == ["parameters"]
    assert click("model") == ["elm-5", "elm-20", "tcn-2x8"]  # as people count: 5 before 20
    assert click("model") == ["tcn-2x8", "elm-20", "elm-5"]
    assert texts(page, "#scores th[aria-sort=ascending], #scores th[aria-sort=descending]") == ["model"]
    head = find(page, "#scores thead th:nth-child(1) button")
    head.send_keys(" ")  # by keyboard
    assert texts(page, "#scores tbody th[scope=row]") == ["elm-5", "elm-20", "tcn-2x8"]


def test_the_filter_hides_rows_and_points(page):
    find(page, "#filter").send_keys("elm 5,077")
    assert texts(page, "#scores tbody th[scope=row]") == ["elm-5"]
    assert find(page, "#filtered").text == "1 of 3 runs"
    assert len(page.find_elements("css selector", "#scatter-chart .point")) == 1
    find(page, "#filter").clear()
    find(page, "#filter").send_keys("nothing of the kind")
    assert texts(page, "#scores tbody th[scope=row]") == []


def test_all_columns_are_shown_on_demand(page):
    before = len(texts(page, "#scores thead th"))
    find(page, "#all-columns").click()
    assert len(texts(page, "#scores thead th")) > before + 10


def test_pointing_at_a_run_tells_its_details(page):
    from selenium.webdriver.common.action_chains import ActionChains

    point = find(page, '#scatter-chart .point[data-run="2"]')
    assert not find(page, "#scatter-tooltip").is_displayed()
    ActionChains(page).scroll_to_element(point).move_to_element(point).perform()
    tooltip = find(page, "#scatter-tooltip")
    assert tooltip.is_displayed()
    for words in ("tcn-2x8, seed 2", "TCN", "436,822", "436,812", "0.9500 (0.9462 to 0.9538)", "3.000 mV"):
        assert words in tooltip.text, words
    page.execute_script("document.querySelector('#scatter-chart .point[data-run=\"0\"]').focus()")
    assert "elm-20, seed 0" in tooltip.text
    point.click()
    assert texts(page, "#scores tr.chosen th") == ["tcn-2x8"]


def test_axes_of_the_scatter_are_chosen(page):
    from selenium.webdriver.support.ui import Select

    Select(find(page, "#scatter-x")).select_by_value("macs_per_ms")
    Select(find(page, "#scatter-y")).select_by_value("rmse_mv")
    Select(find(page, "#scatter-y-scale")).select_by_value("logarithmic")
    find(page, "#scatter-x-log").click()
    titles = texts(page, "#scatter-chart .title")
    assert titles == ["MACs per ms", "RMSE (mV)"]
    places = page.execute_script(
        "return [...document.querySelectorAll('#scatter-chart .point')].map((p) => p.transform.baseVal[0].matrix)"
        ".map((m) => [m.e, m.f])"
    )
    across, up = zip(*sorted(places), strict=True)
    costs = [5067, 7992, 436_812]
    assert (across[1] - across[0]) / (across[2] - across[0]) == pytest.approx(
        (costs[1] - costs[0]) / (costs[2] - costs[0]), abs=1e-3
    )  # linear
    # elm-5 has 2 mV, elm-20 has 1 mV, tcn-2x8 has 3 mV
    assert (up[1] - up[0]) / (up[1] - up[2]) == pytest.approx(np.log(2) / np.log(3), abs=1e-3)


def test_trials_are_changed_worst_first(page):
    from selenium.webdriver.support.ui import Select

    chart = find(page, "#trial-chart")
    assert chart.get_attribute("data-trial") == "4"  # whose noise is the greatest
    chart.send_keys("\ue014")  # right arrow
    assert chart.get_attribute("data-trial") == "3"
    press(page, "ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight")
    assert chart.get_attribute("data-trial") == "0"  # the last one: there it stays
    press(page, "ArrowLeft")
    assert chart.get_attribute("data-trial") == "1"
    select = Select(find(page, "#trial"))
    assert [option.text for option in select.options] == ["4", "3", "2", "1", "0"]
    select.select_by_visible_text("2")
    assert chart.get_attribute("data-trial") == "2"


def test_trials_zoom_by_dragging_wheel_and_keys_and_come_back(page):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.actions.wheel_input import ScrollOrigin

    chart = find(page, "#trial-chart")
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", chart)
    width = chart.size["width"]
    assert stretch(page) == (0, 800)
    frame = width - 76 - 14  # the panels', between the margins that axes and numbers take
    start = 76 + 0.2 * frame - width / 2
    ActionChains(page).move_to_element_with_offset(chart, round(start), -40).click_and_hold().move_by_offset(
        round(0.4 * frame), 10
    ).release().perform()
    low, high = stretch(page)
    assert (low, high) == (pytest.approx(160, abs=2), pytest.approx(480, abs=2))
    ActionChains(page).double_click(chart).perform()
    assert stretch(page) == (0, 800)
    ActionChains(page).scroll_from_origin(ScrollOrigin.from_element(chart), 0, -200).perform()
    until(page, "Number(document.getElementById('trial-chart').dataset.toMs) < 800", True)
    low, high = stretch(page)
    assert high - low == pytest.approx(800 * np.exp(-0.4), abs=3)
    press(page, "0")
    assert stretch(page) == (0, 800)
    press(page, "+")
    assert stretch(page) == (200, 600)
    press(page, "ArrowRight", shift=True)
    assert stretch(page) == (300, 700)
    find(page, "#zoom-reset").click()
    assert stretch(page) == (0, 800)


def test_models_are_chosen_and_spikes_are_marked(page):
    def count(selector):
        return len(page.find_elements("css selector", f"#trial-chart {selector}"))

    assert (count(".trace.truth"), count(".trace:not(.truth)")) == (1, 6)  # voltage and probability of three
    find(page, '#trial-models input[data-model="1"]').click()
    assert count(".trace:not(.truth)") == 4
    traces = page.execute_script("return JSON.parse(document.getElementById('traces').textContent)")
    assert count(".spike") == len(traces["trials"][0]["spikes"]) > 0
    voltage_mv = page.execute_script(f"return unpacked({json.dumps(traces)}, 0).truth[7]")
    step = int.from_bytes(base64.b64decode(traces["trials"][0]["truth"])[14:16], "little", signed=True)
    assert voltage_mv == pytest.approx(0.01 * step)


def test_models_look_as_in_the_figures_and_what_is_not_scored_is_named(page):
    from apical.analysis.families import FAMILIES, shade

    strokes = page.execute_script(
        "return [...document.querySelectorAll('#trial-models label path')].map((path) => getComputedStyle(path).stroke)"
    )
    elm, tcn = FAMILIES["elm"].colour, FAMILIES["tcn"].colour
    dark = page.execute_script("return matchMedia('(prefers-color-scheme: dark)').matches")
    assert not dark
    for stroke, colour in zip(strokes, (elm, shade(elm, 1), tcn), strict=True):
        numbers = [float(part) for part in re.findall(r"[\d.]+", stroke.removeprefix("color(srgb"))][:3]
        scale = 255 if stroke.startswith("color") else 1  # as browsers tell a mixed colour
        expected = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
        assert [scale * number for number in numbers] == pytest.approx(expected, abs=1), stroke
    assert "first 500 ms: not scored" in find(page, "#trial-models").text
    n_spikes = len(page.find_elements("css selector", "#trial-chart .spike"))
    assert len(page.find_elements("css selector", "#trial-chart .spike-stroke")) == n_spikes


def test_the_scatter_cuts_no_interval_and_labels_its_axes(page):
    from selenium.webdriver.support.ui import Select

    for scale in ("nines", "linear", "logarithmic"):
        Select(find(page, "#scatter-y-scale")).select_by_value(scale)
        cut = page.execute_script(
            "const frame = document.querySelector('#scatter-chart .frame').getBoundingClientRect();"
            "return [...document.querySelectorAll('#scatter-chart .whisker')].map((e) => e.getBoundingClientRect())"
            ".filter((box) => box.top < frame.top || box.bottom > frame.bottom).length"
        )
        assert cut == 0, scale
        for direction in ("up", "across"):
            assert len(texts(page, f"#scatter-chart .tick.{direction}")) >= 2, (scale, direction)
    assert "receiver operating characteristic" in find(page, "#scatter-told").text
    assert len(page.execute_script("return linearTicks(0, 0.0123, 1)")) >= 2
    ends = page.execute_script("return padded('nines', [0.98, 1]).map(SHAPES.nines.to)")
    assert ends[1] > page.execute_script("return SHAPES.nines.to(1)")
