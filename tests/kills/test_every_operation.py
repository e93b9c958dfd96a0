"""Every command that writes, killed at each of its operations on files, or with a disk that is full from there on.

Then the same command again, or with --resume: what is there is what an undisturbed run leaves, to the byte, and nothing
beside it. Times are what may differ: `created` in the provenance of what was simulated, `seconds` in the log of a fit.
"""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

KILLED = 97  # as in faults.py
FIT = "fit ../inputs/truth.zarr --size 2 --batch 2 --steps 2 --device cpu --out run"
FIT += " --set window_ms=60 --set burn_in_ms=10 --set validate_every=1"
LIF = "simulate lif --seconds 0.05 --workers 1 --out data.zarr"
FLOOR = "noise-floor ../inputs/cell.zarr --dt 0.0125 --workers 1 --out floor.zarr"
IMPORT = "import-neuronio ../inputs/small.p --workers 1 --out data.zarr"
PREDICT = "predict ../inputs/run ../inputs/truth.zarr --trials 0 --device cpu --out prediction.zarr"
SWEEP = "sweep ../inputs/sweep.toml ../inputs/truth.zarr --device cpu --out swept"
GENERALISE = "generalise ../inputs/run --on ../inputs/truth.zarr --device cpu --out general.csv"
EVALUATE = "evaluate ../inputs/truth.zarr ../inputs/prediction.zarr --published-only --out scores.csv"
POPULATION = "population ../inputs/network.toml --out spikes.zarr"
LOOK = "look ../inputs/ln ../inputs/truth.zarr --out look --format svg --device cpu"


class Case(NamedTuple):
    """A command; what goes on from where it was stopped; and what was there before, made by another command."""

    command: str
    again: str = ""  # the command itself, unless given
    before: str = ""
    within_hidden: bool = False  # whether what is done inside a folder that is still hidden counts too
    only: str = ""  # of which operations, where another case has the others


REPLACING = r"^\S+ (\.(new|old)-[^/]+|run|data\.zarr(\.partial)?)$"
CASES = {
    "simulate": Case(f"{LIF} --trials 1", f"{LIF} --trials 1 --resume"),
    "append": Case(
        f"{LIF} --trials 1 --append", before=f"{LIF} --trials 1", only=r"zarr\.json|/trial(_seed)?/|source_file"
    ),
    "overwrite": Case(f"{LIF} --trials 1 --overwrite", before=f"{LIF} --trials 1 --seed 7", only=REPLACING),
    "noise floor": Case(FLOOR, f"{FLOOR} --resume"),
    "import": Case(IMPORT, f"{IMPORT} --resume"),
    "import, overwrite": Case(f"{IMPORT} --overwrite", before=f"{LIF} --trials 1", only=REPLACING),
    "fit": Case(FIT, f"{FIT} --resume"),
    "fit, overwrite": Case(f"{FIT} --overwrite", before=f"{FIT} --seed 7", only=REPLACING),
    "predict": Case(PREDICT, within_hidden=True),
    "predict, overwrite": Case(f"{PREDICT} --overwrite", before=f"{PREDICT} --mode stream"),
    "sweep": Case(SWEEP, f"{SWEEP} --resume"),
    "generalise": Case(GENERALISE, f"{GENERALISE} --resume"),
    "population": Case(POPULATION, f"{POPULATION} --resume"),
    "population, overwrite": Case(
        f"{POPULATION} --overwrite", before="population ../inputs/other.toml --out spikes.zarr"
    ),
    "evaluate": Case(EVALUATE),
    "evaluate, figure": Case(f"{EVALUATE} --figure figure.svg", only="scores"),
    "compare": Case("compare ../inputs/scores.csv --out figure.svg"),
    "report": Case("report ../inputs/scores.csv --out report.html"),
    "look": Case(LOOK, only="open|mkdir"),
    "export": Case("export ../inputs/run --to torch-export --out elm.pt2"),
}
CHEAP = ("generalise", "evaluate")  # the others take longer than a test should
EACH = [name if name in CHEAP else pytest.param(name, marks=pytest.mark.slow) for name in CASES]
WRITES_MUCH = (
    "simulate",
    "append",
    "noise floor",
    "import",
    "fit",
    "predict",
    "sweep",
    "generalise",
    "population",
    "evaluate",
)
FULL = [each for each in EACH if getattr(each, "values", (each,))[0] in (*WRITES_MUCH, "compare", "report")]


@pytest.fixture(scope="module")
def undisturbed(run_with, inputs):
    """For a case: the folder it starts from, its operations, and what it leaves."""
    known: dict[str, tuple[Path, list[str], dict]] = {}

    def of(name: str) -> tuple[Path, list[str], dict]:
        if name not in known:
            case, folder = CASES[name], fresh(inputs)
            if case.before:
                assert run_with(folder, case.before)["status"] == 0
            start = Path(shutil.copytree(folder, inputs.with_name(f"before {name}"), symlinks=True))
            done = run_with(folder, case.command, within_hidden=case.within_hidden)
            assert done["status"] == 0, done["said"]
            known[name] = start, done["operations"], contents(folder)
        return known[name]

    return of


def fresh(inputs: Path, start: Path | None = None) -> Path:
    """The folder in which all commands run, empty or as another one is."""
    folder = inputs.with_name("here")
    shutil.rmtree(folder, ignore_errors=True)
    if start is None:
        folder.mkdir()
    else:
        shutil.copytree(start, folder)
    return folder


def go_on(case: Case, folder: Path, run_with) -> dict:
    """Run what goes on; where trials were appended but not yet made, that is to finish them."""
    again = run_with(folder, case.again or case.command)
    if again["status"] == 2 and "finish them with --resume first" in again["said"]:
        return run_with(folder, f"{LIF} --resume")
    return again


def contents(folder: Path) -> dict[str, object]:
    """All that is in a folder, without times."""
    return {str(path.relative_to(folder)): _content(path) for path in sorted(folder.rglob("*"))}


def differing(found: dict[str, object], expected: dict[str, object]) -> list[str]:
    """What is there that should not be, is lacking, or is another."""
    return [name for name in found | expected if name not in found or found.get(name) != expected.get(name)]


def _content(path: Path) -> object:
    if path.is_dir():
        return None
    if path.name == "log.csv":
        return [row[:-1] for row in csv.reader(path.read_text().splitlines())]
    if path.name == "zarr.json":
        metadata = json.loads(path.read_text())
        provenance = json.loads(metadata["attributes"].get("provenance", "{}"))
        for made in (provenance, *provenance.get("appended", ())):
            made.pop("created", None)
        return metadata | {"attributes": metadata["attributes"] | {"provenance": provenance}}
    return path.read_bytes()


@pytest.mark.parametrize("name", EACH)
def test_a_kill_at_every_operation(name, undisturbed, run_with, inputs):
    case, (start, operations, expected) = CASES[name], undisturbed(name)
    chosen = [at for at, operation in enumerate(operations, start=1) if re.search(case.only, operation)]
    assert len(chosen) > 1
    for at in chosen:
        folder, moment = fresh(inputs, start), f"killed at {at}, {operations[at - 1]}"
        assert run_with(folder, case.command, at, within_hidden=case.within_hidden)["status"] == KILLED, moment
        again = go_on(case, folder, run_with)
        assert again["status"] == 0, f"{moment}: {again['said']}"
        assert differing(contents(folder), expected) == [], moment


@pytest.mark.parametrize("name", FULL)
def test_a_disk_that_is_full_from_any_operation_on(name, undisturbed, run_with, inputs):
    """One line says so; once there is room, the command goes on."""
    case, (start, operations, expected) = CASES[name], undisturbed(name)
    for at, operation in enumerate(operations, start=1):
        if not operation.startswith("open"):
            continue
        folder, moment = fresh(inputs, start), f"full at {at}, {operation}"
        full = run_with(folder, case.command, at, "full", case.within_hidden)
        assert full["status"] in (1, 2) and "Traceback" not in full["said"], f"{moment}: {full['said']}"
        assert re.search(r"\((No space left on device|the disk is full)\); (make room|mend it), then", full["said"]), (
            moment
        )
        again = go_on(case, folder, run_with)
        assert again["status"] == 0, f"{moment}: {again['said']}"
        assert differing(contents(folder), expected) == [], moment
