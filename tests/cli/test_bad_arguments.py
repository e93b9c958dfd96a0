"""Every option of every command times values that are wrong: done, or refused in one line, never a traceback.

No simulation, fit or prediction is started: where one would begin, the command ends here. What is refused is so before.
"""

from __future__ import annotations

import json
import shutil
import sys
from contextlib import contextmanager, nullcontext
from itertools import chain, islice

import numpy as np
import pytest

NUMBERS = ["", "-1", "0", "0x10", "٣", "word", "nan", "inf", "1e308", "1e-300", *(str(2**n) for n in (31, 63, 64, 70))]
NUMBERS += ["9" * 5000]
PATHS = ["", "nothere", "nothere/deeper", "afile", "afolder", "afile/x", "/dev/null", "x" * 300, "truth.zarr"]
PATHS += ["prediction.zarr", "run", "scores.csv", "mine.swc", "numbers.p"]
WORDS = ["", "-1", "nan", "é☃", "1,2", "[]", "9" * 5000, "null", "nothere", "afile", "afolder", "x" * 300]
DEEP = ["[" * 100_000 + "]" * 100_000, '{"a":' * 20_000 + "1" + "}" * 20_000, "{a=" * 3000 + "1" + "}" * 3000]
VALUES = ["", "-1", "0", "1.5", "4", str(2**63), str(2**70), "9" * 5000, "1e308", "-1e308", "1e-300", "NaN", "Infinity"]
VALUES += [
    "true",
    "null",
    "word",
    "[]",
    "[0]",
    "[NaN, 1]",
    "[0, Infinity]",
    "[-1e308, 1e308]",
    '["a", "b"]',
    "{}",
    '{"a": 1}',
]
VALUES += ['[{"a": [1]}]', '"\\u0000"', "07:32:00", *DEEP]
FIELDS = ["", "=", "seed", "=3", ".=3", "seed.x=3", "a.b=3", "seed.=3", "x" * 4000 + "=3", ".".join("a" * 3000) + "=3"]

PUBLISHED_TASKS = ("shd", "lra-text", "lra-retrieval", "lra-image", "lra-listops", "lra-pathfinder", "enwik8")
# What would be done without the wrong argument, and the folder of what it needs
COMMANDS = {
    "simulate": "lif --out new.zarr --trials 1 --seconds 0.05",
    "simulate --append": "lif --out lif.zarr --trials 1 --seconds 0.05 --append",
    "import-neuronio": "numbers.p --out new.zarr",
    "import-arrays": "mine.npz --sampling 8 --out new.zarr",
    "import-nwb": "mine.nwb --out new.zarr",
    "export-nwb": "truth.zarr --out new.nwb",
    "import-sonata": "in.h5 --report soma.h5 --signs signs.npz --out new.zarr",
    "export-sonata": "truth.zarr --out new",
    "inspect": "truth.zarr --out new.png",
    "engine show": "nmda --morphology mine.swc",
    "noise-floor": "truth.zarr --dt 0.0125 --out new.zarr",
    "fit": "truth.zarr --size 3 --out new --device cpu",
    "fit tcn": "truth.zarr --model tcn --size 1x2 --out new --device cpu",
    "fit live": "--live lif --live-set seconds=0.7 --size 3 --out new --device cpu",
    "fit lstm": "truth.zarr --model lstm --size 2 --out new --device cpu",
    "fit ln": "truth.zarr --model ln --size 2 --out new --device cpu",
    "fit alif": "truth.zarr --model alif --out new --device cpu",
    "fit task": "task.zarr --size 3 --set bin_ms=50 --out new --device cpu",
    "population": "network.toml --out new.zarr --sonata new.h5",
    "sweep": "sweep.toml truth.zarr --out new --device cpu",
    "sweep task": "classifiers.toml task.zarr --out new --device cpu",
    "predict": "run truth.zarr --out new.zarr --device cpu",
    "export": "run --to onnx --out new.onnx",
    "evaluate": "truth.zarr prediction.zarr --out new.csv",
    "compare": "scores.csv --out new.png",
    "generalise": "run --on truth.zarr --out new.csv --device cpu",
    "look": "run truth.zarr --out new --device cpu",
    "report": "scores.csv --data truth.zarr --prediction prediction.zarr --out new.html",
    "validate": "--morphology mine.swc --quick --out new.png",
    "mechanisms": "mod",
    "models": "ttpc1-nmda",
    "take-cell": "model.hoc:Pyramidal --out new.json",
    "cells": "",
    "presets": "",
    "quickstart": "--out new --tiny",
    "tasks make toy": "--train 20 --test 10 --out new.zarr",
    "tasks make spoken-digits": "--train 20 --test 20 --out new.zarr",
    "tasks make listops": "--train 20 --validation 2 --test 2 --out new.zarr",
    "tasks make pathfinder": "--train 20 --validation 2 --test 2 --out new.zarr",
    "tasks make fashion": "--folder afolder --out new.zarr",
    "tasks make characters": "afile --out new.zarr",
    **{f"tasks import {name}": "afolder --out new.zarr" for name in PUBLISHED_TASKS},
    "tasks show": "truth.zarr",
}
NETWORK = 'duration_ms = 5\n[[groups]]\nmodel = "run"\nn = 3\n'
SWEEP = 'recipe = "quick"\n[[models]]\nfamily = "elm"\nsizes = [2]\n'
EVERY = 31  # so many-th case; no factor of the numbers of values, so that each value comes up
# Where work would begin, as the commands reach it
WORK = (
    "apical.simulate.neuronio.importing.import_neuronio",
    "apical.simulate.elsewhere.npz.import_arrays",
    "apical.simulate.elsewhere.nwb.import_nwb",
    "apical.simulate.elsewhere.nwb_out.export_nwb",
    "apical.simulate.elsewhere.sonata.import_sonata",
    "apical.simulate.elsewhere.sonata_out.export_sonata",
    "apical.simulate.trial.generated_source.generated",
    "apical.surrogate.fitting.prepare.load_joined",
    "apical.surrogate.sweep.sweep.run_all",
    "apical.surrogate.use.predict.rollout",
    "apical.surrogate.use.export.export",
    "apical.surrogate.network.run.write_store",
    "apical.surrogate.sweep.generalise.predict",
    "apical.cli.look_inside.look_inside",
    "apical.analysis.comparison.compare.compare",
    "apical.analysis.report.report.write_report",
    "apical.analysis.pages.inspect.inspect_figure",
    "apical.analysis.pages.fidelity.fidelity_figure",
    "apical.analysis.pages.validation_figure.validation_figure",
    "apical.simulate.validation.validate.validate",
    "apical.simulate.validation.own_mechanisms.apart",
    "apical.simulate.cell.models.taking.take_cell",
    "apical.cli.quickstart._simulate",
    "apical.tasks.fitting.fit.check_task_folder",
    "apical.tasks.sweep.sweep.run_all",
    "apical.tasks.digits.spoken_digits._make_clips",
    "apical.tasks.sources.listops.made_blocks",
    "apical.tasks.sources.pathfinder.made_blocks",
)


class Started(Exception):
    """Work has begun."""


class Here:
    """In place of Dask's client: calls run in this process."""

    dashboard_link = ""

    def __init__(self, value=None):
        self.result = lambda: value

    def submit(self, function, *arguments, pure):
        return Here(function(*arguments))


def commands():
    """The commands by name, as the command line knows them."""
    import typer

    from apical.cli.app import app

    found, todo = {}, [("", typer.main.get_command(app))]
    while todo:
        name, command = todo.pop()
        inner = getattr(command, "commands", None)
        if inner is None:
            found[name] = command
        for each, below in (inner or {}).items():
            todo.append((f"{name} {each}".strip(), below))
    return found


def named(case: str) -> str:
    """The command of a case of COMMANDS: `engine show` of "engine show", `fit` of "fit tcn"."""
    return next(name for name in sorted(commands(), key=len, reverse=True) if f"{case} ".startswith(f"{name} "))


def wrong_values(parameter) -> list[str]:
    kind = str(parameter.type_descriptor.annotation)
    if "bool" in kind or parameter.name in ("help", "fields"):
        return []
    return NUMBERS if "int" in kind or "float" in kind else PATHS if "Path" in kind else WORDS


def settable(case: str) -> list[str]:
    """Names for --set: every field, of the fit only once."""
    if case in ("simulate", "simulate --append", "engine show"):
        from apical.simulate.changes import fields

        return [each["name"] for each in fields()]
    if case in ("fit task", "sweep task"):
        from apical.tasks.fitting.recipe import TaskFit
        from apical.tasks.models.settings import ElmSettings

        return [*TaskFit.model_fields, *(f"options.{name}" for name in ElmSettings.model_fields)]
    from apical.surrogate.fitting.recipe import FitConfig
    from apical.surrogate.models.families import ELMConfig, GatedConfig, LIFConfig, LNConfig, TCNConfig

    models = {"fit tcn": TCNConfig, "fit lstm": GatedConfig, "fit ln": LNConfig, "fit alif": LIFConfig}
    of_model = [f"options.{name}" for name in models.get(case, ELMConfig).model_fields]
    of_fit = [*FitConfig.model_fields] if case in ("fit", "sweep") else []
    return [*of_fit, *of_model, *(["options.receptive_field_ms"] if case == "fit tcn" else [])]


def wrong(case: str):
    """Command lines, as words, each with one wrong argument."""
    name, line = named(case), COMMANDS[case].split()
    places = [p.name for p in commands()[name].params if p.param_type_name == "argument"]
    if case == name:
        for parameter in commands()[name].params:
            for value in wrong_values(parameter):
                words = [*line]
                if parameter.name in places:
                    words[places.index(parameter.name) : places.index(parameter.name) + 1] = [value]
                elif parameter.opts[0] in words:
                    words[words.index(parameter.opts[0]) + 1] = value
                else:
                    words += [parameter.opts[0], value]
                yield [*name.split(), *words]
    if case == "fit live":
        given = [f"{field}={value}" for field in settable("simulate") for value in VALUES]
        yield from ([name, *line, "--live-set", word] for word in [*given, *FIELDS])
        for option in ("--live", "--keep", "--window", "--seen", "--test-trials", "--workers"):
            yield from ([name, *line, option, word] for word in [*WORDS, *NUMBERS, *PATHS])
    elif any(p.name == "fields" for p in commands()[name].params):
        given = [f"{field}={value}" for field in settable(case) for value in VALUES]
        yield from ([*name.split(), *line, "--set", word] for word in [*given, *FIELDS])


def brief(words: list[str]) -> str:
    return " ".join(word if len(word) < 70 else f"{word[:60]}… ({len(word)} characters)" for word in words)


@pytest.fixture(scope="session")
def _base(tmp_path_factory):
    return tmp_path_factory.mktemp("bad")


@pytest.fixture
def here(_base, request, tmp_path, monkeypatch, swc, apical):
    """A folder of all that the commands need; work that would begin raises Started."""
    from apical.simulate import presets
    from apical.simulate.run import dask_cluster, dataset, noise_floor
    from apical.tasks import toy

    @contextmanager
    def connected(workers, scheduler, busy, device="cpu"):
        with nullcontext() if scheduler is None else asked(0, scheduler, busy):
            yield Here()

    asked = dask_cluster.connected

    def begin(*_, **__):
        raise Started

    if not (_base / "truth.zarr").exists():
        request.getfixturevalue("fitted")
        swc()
        (tmp_path / "afolder").mkdir()
        (tmp_path / "mod").mkdir()
        (tmp_path / "mod" / "leak.mod").write_text("NEURON { SUFFIX Leak }\n")
        (tmp_path / "afile").write_text("hello\n")
        (tmp_path / "numbers.p").write_bytes(b"hello")
        (tmp_path / "sweep.toml").write_text(SWEEP)
        (tmp_path / "network.toml").write_text(NETWORK)
        (tmp_path / "classifiers.toml").write_text(f"bins_ms = [50]\n{SWEEP}")
        toy(tmp_path / "task.zarr", "events", train=40, test=20)
        with monkeypatch.context() as patch:
            patch.setattr(dataset, "connected", connected)
            patch.setattr(dataset, "run", lambda *_, **__: None)
            config = presets.preset("lif").model_copy(update={"seconds": 0.05})
            dataset.simulate(config, tmp_path / "lif.zarr", 1)
        _finished(tmp_path / "lif.zarr")
        shutil.copytree(tmp_path, _base, dirs_exist_ok=True)
    shutil.copytree(_base, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(dataset, "connected", connected)
    monkeypatch.setattr(noise_floor, "connected", connected)
    monkeypatch.setattr(dataset, "run", begin)
    monkeypatch.setattr(noise_floor, "run", begin)
    monkeypatch.setattr("apical.simulate.run.dask_cluster.CONNECT_S", 0.2)
    for work in WORK:
        monkeypatch.setattr(work, begin)
    return tmp_path


def _finished(store):
    """Write the one trial of the store: silence."""
    from apical.simulate import schema
    from apical.simulate.run import chunks

    ds = schema.open_dataset(store, complete=False)
    shape = {name: ds[name].shape[1:] for name in ("input_spikes", "soma_v_mv", "output_spike_time_ms")}
    silence = {"input_spikes": False, "soma_v_mv": -70.0, "output_spike_time_ms": np.nan}
    chunks.write(store, 0, {name: np.full(shape[name], value) for name, value in silence.items()}, schema.DONE)


def told(words, capsys):
    """What came of a command line: "" where it is right, was begun or refused in one line; else what is wrong."""
    from apical.cli.__main__ import main

    capsys.readouterr()
    try:
        status = main(words)
    except Started:
        return ""
    except BaseException as error:
        return f"{type(error).__name__}: {str(error)[:300]}"
    err = capsys.readouterr().err
    lines = [line for line in err.splitlines() if not line.endswith("…")]  # of what goes on
    if status == 0 or (status == 2 and len(lines) == 1 and len(err) < 2000):
        return ""
    return f"status {status}: {err[-300:]}"


def made_by(here, before):
    for path in {*here.iterdir()} - before:
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def test_every_command_has_a_case():
    assert {named(case) for case in COMMANDS} == set(commands())


@pytest.mark.slow
def test_a_wrong_argument_is_refused_in_one_line(here, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["apical"])
    before, wrongly = {*here.iterdir()}, {}
    for words in islice(chain.from_iterable(map(wrong, COMMANDS)), 0, None, EVERY):
        if what := told(words, capsys):
            wrongly[brief(words)] = what
        made_by(here, before)
    assert not wrongly, f"{len(wrongly)}: {json.dumps(wrongly, indent=1)}"
