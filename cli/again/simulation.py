"""The commands that make a simulation again, from what it says of itself; a comment where none would."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

OPTIONS = {  # fields that have an option of their own
    "morphology": "--morphology",
    "biophysics": "--biophysics",
    "mechanisms": "--mechanisms",
    "seconds": "--seconds",
    "seed": "--seed",
    "integration.engine": "--engine",
    "integration.dt_ms": "--dt",
}


def simulation_again(truth: xr.Dataset, path: str) -> list[str]:
    """One command, and one more for each time that trials were appended. truth: the simulation at `path`."""
    from pydantic import ValidationError

    from ...simulate.config import Simulation
    from ...simulate.presets import PRESETS
    from ...simulate.schema import config_of

    found, made = config_of(truth), json.loads(truth.attrs["provenance"])
    if found.get("made_by") == "NeuronIO":
        return [line("apical import-neuronio", *(file["name"] for file in made["files"]), "--out", path)]
    if "command" in found and made.get("files"):
        options = [word for option in found.get("options", {}).items() for word in option]
        return [line(f"apical {found['command']}", made["files"][0]["name"], *options, "--out", path)]
    if "made_by" in found:
        return [f"# {path}: was not simulated by apical but made from {found['made_by']}"]
    try:
        config = Simulation.model_validate(found)
    except ValidationError:
        return [f"# {path}: this apical does not know the configuration that it was simulated with"]
    numbers = np.asarray(truth["trial"])
    if config.preset not in PRESETS or not np.array_equal(numbers, np.arange(len(numbers))):
        return [f"# {path}: was not simulated by one command, from a preset that this apical has"]
    preset, fields = PRESETS[config.preset]().model_dump(mode="json"), config.model_dump(mode="json")
    appended = [{"position": 0, "seed": config.seed}, *made.get("appended", [])]
    ends = [each["position"] for each in appended[1:]] + [len(numbers)]
    commands = []
    for each, end in zip(appended, ends, strict=True):
        own = {"seed": each["seed"], "integration": each.get("integration", fields["integration"])}
        words = _words(preset, fields | own)
        words += ["--trials", str(end - each["position"]), "--out", path]
        commands.append(line("apical simulate", config.preset, *words, *["--append"] * bool(each["position"])))
    return commands


def line(*words: Any) -> str:
    """Words as one line of a shell; the first stands as it is."""
    return " ".join([str(words[0]), *(shlex.quote(str(word)) for word in words[1:])])


def _words(preset: dict[str, Any], config: dict[str, Any]) -> list[str]:
    words: list[str] = []
    for name, value in differences(preset, config):
        if name in OPTIONS:
            words += [OPTIONS[name], "0" if value is None else f"{value}"]
        else:
            words += ["--set", f"{name}={json.dumps(value)}"]
    return words


def differences(before: dict[str, Any], after: dict[str, Any], outer: str = "") -> Iterator[tuple[str, Any]]:
    """The fields in which `after` differs, parts of a part by dotted names.

    >>> list(differences({"a": 1, "b": {"c": 2, "d": 3}}, {"a": 1, "b": {"c": 2, "d": 4}}))
    [('b.d', 4)]
    """
    for name, value in after.items():
        if isinstance(value, dict) and isinstance(before.get(name), dict):
            yield from differences(before[name], value, f"{outer}{name}.")
        elif name != "preset" and before.get(name) != value:
            yield outer + name, value
