"""What can be set of a fit is listed, with units and defaults, and an error says where."""

from __future__ import annotations

import json
import re

import pytest


@pytest.fixture
def listed(done):
    return json.loads(done("presets fit --json"))


def test_every_setting_is_there_with_its_defaults_and_what_it_is(listed, done):
    from apical.surrogate.fitting.recipe import FitConfig, paper, quick

    settings = {setting["name"]: setting for setting in listed["settings"]}
    assert {"family", "size", *settings} == set(FitConfig.model_fields)
    assert all(setting["about"] for setting in settings.values())
    for name in ("steps", "learning_rate", "window_ms", "gradient_clip"):
        assert settings[name]["quick"] == getattr(quick("elm", 20), name)
        assert settings[name]["paper"] == getattr(paper("elm"), name)
    table = done("presets fit")
    assert re.search(r"^ window_ms +500 +500 +length of a window, in ms", table, re.MULTILINE)
    assert re.search(r"^ tcn +7x128 +depth x width", table, re.MULTILINE)


def test_every_option_of_a_model_is_one(listed):
    """It can be set, to its default; and none that a user could set is missing."""
    from apical.surrogate.models.families import configure

    for option in listed["options"]:
        assert option["about"]
        for family in option["family"].split(", "):
            given = {option["name"]: option["default"]}
            assert configure(family, listed["sizes"][family]["default"], 16, **given)
    assert {"n_branches", "share_weights", "receptive_field_ms"} <= {option["name"] for option in listed["options"]}


def test_a_length_of_time_says_its_unit(listed):
    for each in (*listed["settings"], *listed["options"]):
        assert each["name"].endswith("_ms") == bool(re.search(r"\bms$", each["about"])), each


def test_sizes_are_in_help_and_errors_alike(listed, done, refused, truth):
    text = " ".join(done("fit --help").split())
    for family, size in listed["sizes"].items():
        assert re.search(rf"{family}\b[^;]*: {size['about']} \({size['default']}\)", text)
    for words in ("--size big", "--model tcn --size 20", "--model lstm --size 0", "--model alif --size 2"):
        line = refused(f"fit truth.zarr --out new {words}")
        assert line.endswith(re.search(r"with its default: (elm.*?\(1\))\.", text)[1])


@pytest.mark.parametrize("words", ["--set foo=1", "--set options.foo=1", "--set stepps=4"])
def test_an_unknown_setting_says_where_they_are_listed(refused, truth, words):
    assert "`apical presets fit` lists " in refused(f"fit truth.zarr --out new {words}")
