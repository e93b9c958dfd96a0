"""Every block of code in README and docs is run, page by page, in order, in a folder of its own.

What a block is, its tag says:
    bash      commands, which must succeed
    console   commands behind `$ `, and lines that they must print, in this order, up to an ellipsis
    python    code, in one namespace for the page; a text block right behind it is what it prints
    text, toml  a file where the text before says "Save this as `NAME`", else something to look at
`<!-- here: data.zarr runs/elm-10 -->` says what a page takes for granted; `data.zarr=PRESET` is simulated, not made up.
`<!-- not run: REASON -->` right before a block leaves it out; there is a bound on how many. Whatever is not run is at
least understood by the command line.
"""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SLOW = {
    "compare",
    "fit",
    "getting_started",
    "sequence_models",
    "simulate",
    "sweeps",
    "your_own_cell",
    "your_own_data",
    "your_own_mechanisms",
    "your_own_model",
}
MADE_UP = {"test.zarr": 7, "data.zarr": 0, "neuronio.zarr": 0, "monday.zarr": 1, "tuesday.zarr": 2}  # and their seeds
MOST_NOT_RUN = 10
BLOCK = re.compile(
    r"(?:[Ss]ave\s+this\s+as\s+`(?P<file>[\w.-]+)`[^`]*?\n\n)?(?:^<!-- not run: (?P<reason>.+?) -->\n)?"
    r"^```(?P<kind>\S*)\n(?P<text>.*?)^```$",
    re.M | re.S,
)


class Block(NamedTuple):
    file: str | None
    reason: str | None
    kind: str
    text: str
    of_the_last: bool  # nothing stands between it and the block before


@cache
def blocks(page: Path) -> list[Block]:
    text, found, end = page.read_text(encoding="utf-8"), [], -1
    for match in BLOCK.finditer(text):
        here = Block(**match.groupdict(), of_the_last=end >= 0 and not text[end : match.start()].strip())
        found.append(here)
        end = match.end()
    assert len(re.findall(r"^```", text, re.M)) == 2 * len(found), f"{page.name}: a block is not closed, or indented"
    return [block for block in found if not block.kind.startswith("{")]  # a directive is Sphinx's


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.fixture
def shell(tmp_path):
    """Runs lines in a folder in which `apical` and `python` are the ones that run this test; what they print."""
    commands, folder = tmp_path / "bin", tmp_path / "here"
    commands.mkdir()
    folder.mkdir()
    for command, runs in {"apical": "-m apical.cli", "python": "-W error"}.items():
        (commands / command).write_text(f'#!/bin/sh\nexec "{sys.executable}" {runs} "$@"\n')
        (commands / command).chmod(0o755)
    environment = os.environ | {"PATH": f"{commands}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}

    def run(lines: str, fails: bool = False) -> str:
        both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        done = subprocess.run(["sh", "-ec", lines], cwd=folder, env=environment, text=True, **both)
        assert fails or done.returncode == 0, f"{lines}\n{done.stdout}"
        return done.stdout

    run.folder = folder
    return run


@pytest.fixture
def one_thread():
    """Such small networks are slower on more."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def provide(make_dataset, neuronio_file, published_elm, monkeypatch, one_thread):
    """Makes what a page takes for granted, in the folder `here`, which becomes the working folder."""
    from apical.simulate import preset, simulate
    from apical.surrogate import Surrogate, fit, predict, quick

    def make(folder: Path, wanted: list[str]) -> None:
        monkeypatch.chdir(folder)
        for path in wanted:
            name, _, by = path.partition("=")
            if by:
                config = preset(by)
                more = config.statistics.model_copy(update={"excitatory_apical": (300, 500)})  # so that it fires
                simulate(config.model_copy(update={"seconds": 2.0, "statistics": more}), name, 12)
            elif path in MADE_UP:
                make_dataset(f"here/{path}", n_trials=12, duration_ms=1000, seed=MADE_UP[path])
            elif path.endswith(".p"):
                neuronio_file(folder / path)
            elif path.startswith("models/"):
                published_elm(folder / path, n_inputs=16)
            elif path.startswith("runs/"):
                family, size = path.removeprefix("runs/").split("-")
                config = quick(family, size, steps=2, batch=2, window_ms=100, burn_in_ms=10)
                fit(config, "data.zarr", path, device="cpu")
            else:
                predict(Surrogate.load(f"runs/{path.removesuffix('.zarr')}"), "data.zarr", path, device="cpu")

    return make


def marked(page: Path):
    return pytest.param(page, id=name(page), marks=[pytest.mark.slow] if page.stem in SLOW else [])


@pytest.mark.parametrize("page", [marked(page) for page in PAGES if blocks(page)])
def test_a_page_does_what_it_says(page, shell, provide, capsys):
    wanted = re.findall(r"^<!-- here: (.*) -->$", page.read_text(encoding="utf-8"), re.M)
    provide(shell.folder, [path for each in wanted for path in each.split()])
    names: dict = {"__name__": "page"}
    printed = ""
    for block in blocks(page):
        if block.file:
            (shell.folder / block.file).write_text(block.text, encoding="utf-8")
        elif block.reason:
            print(f"not run in {name(page)}: {block.reason}")
        elif block.kind == "bash":
            shell(block.text)
        elif block.kind == "console":
            check_console(shell, block.text)
        elif block.kind == "python":
            capsys.readouterr()
            exec(compile(block.text, name(page), "exec"), names)
            printed = capsys.readouterr().out
        elif block.kind == "text":
            assert not block.of_the_last or printed == block.text
        else:
            pytest.fail(f"{name(page)}: what is a block of kind '{block.kind}'?")
    also = globals().get(f"after_{page.stem}")
    if also:
        also(shell.folder, names)


def check_console(shell, text: str) -> None:
    for command, said in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.M):
        printed = shell(command, fails=True)
        left = iter(printed.splitlines())
        for expected in said.splitlines():
            start = expected.removesuffix("…")
            found = any(line.startswith(start) if expected != start else line == expected for line in left)
            assert found, f"{expected!r} is not in\n{printed}"


def after_your_own_cell(folder: Path, names: dict) -> None:
    from apical.analysis import summary

    rate_hz = {
        each: summary(folder / f"{each}.zarr")["output_rate_hz"]["mean"] for each in ("basket", "quieter", "fit")
    }
    assert 0 <= rate_hz["quieter"] < rate_hz["basket"]
    assert rate_hz["fit"] > 0
    assert not (folder / "slip.zarr").exists()


def after_using_a_surrogate(folder: Path, names: dict) -> None:
    """The exported files give what the run gives."""
    from apical.surrogate import Surrogate

    neuron = Surrogate.load(folder / "runs/elm-10")
    assert 0 < len(names["output_ms"]) < 1000 and names["n_spikes"].any()
    expected = neuron.step(np.zeros(16), neuron.start())[:2]
    assert (names["spike_probability"], names["v_mv"]) == pytest.approx(expected, rel=1e-5)
    in_torch = {}
    exec(
        compile(blocks(ROOT / "docs/guides/using_a_surrogate.md")[-1].text, "without what the page has", "exec"),
        in_torch,
    )
    assert (in_torch["spike_probability"], in_torch["v_mv"]) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("checkpoint", ["best_elm_neuron", "num_memory_5", "num_memory_20"])
def test_the_input_on_the_page_makes_the_released_models_fire(shared, one_thread, checkpoint, capsys):
    block = next(block for block in blocks(ROOT / "docs/guides/using_a_surrogate.md") if block.kind == "python")
    code = block.text.replace("runs/elm-10", os.fspath(shared(f"data/elm_checkpoints/{checkpoint}")))
    exec(code, {})
    assert capsys.readouterr().out.startswith("9 output spikes in 1 s")
    exec(code.replace("> 0, 20, 10)", "> 0, 10, 10)"), {})
    assert capsys.readouterr().out.startswith("0 output spikes in 1 s")


def after_your_own_data(folder: Path, names: dict) -> None:
    """What plain xarray reads is what apical does, and the run that was fitted to the page's own store is one."""
    from apical.simulate import open_dataset
    from apical.surrogate import Surrogate

    assert np.array_equal(names["dense_st"], open_dataset(folder / "data.zarr").input_spikes[-1].values)
    assert Surrogate.load(folder / "runs/mine").sign_s.tolist() == names["sign"].tolist()


def after_scores(folder: Path, names: dict) -> None:
    """The page's own arithmetic is that of the published scores."""
    from apical.analysis import metrics

    truth, predicted = names["truth_mv"][None], names["predicted_mv"][None]
    rescaled = metrics.rescale_per_file(truth, predicted, np.array(["one"]))
    assert rescaled[0] == pytest.approx(names["rescaled_mv"])
    r, sd = 0.8, 2.0
    assert metrics.rmse_mv(truth, predicted) == pytest.approx(sd * np.sqrt(1 - r**2))
    assert metrics.rmse_mv(truth, rescaled) == pytest.approx(sd * np.sqrt(2 * (1 - r)))


def test_few_blocks_are_not_run():
    reasons = [f"{name(page)}: {block.reason}" for page in PAGES for block in blocks(page) if block.reason]
    print(*reasons, sep="\n")
    assert len(reasons) <= MOST_NOT_RUN
    assert all(block.kind in ("bash", "python") for page in PAGES for block in blocks(page) if block.reason)


def test_a_block_with_imports_has_all_that_it_needs():
    """It looks as if it could be taken alone, so a module that only a block before it imports would be a NameError."""
    for page in PAGES:
        before: set[str] = set()
        for block in blocks(page):
            if block.kind != "python":
                continue
            nodes = list(ast.walk(ast.parse(block.text)))
            aliases = [each for node in nodes if isinstance(node, ast.Import | ast.ImportFrom) for each in node.names]
            bound = {each.asname or each.name.partition(".")[0] for each in aliases}
            used = {node.id for node in nodes if isinstance(node, ast.Name)}
            assert not bound or not (before - bound) & used, f"{name(page)}: {block.text}"
            before |= bound


def test_every_block_says_what_it_is():
    for page in PAGES:
        for block in blocks(page):
            assert block.kind in ("bash", "console", "python", "text") or block.file, f"{name(page)}: {block.kind}"


@cache
def commands() -> dict:
    """Every command of `apical` by its words."""
    import typer.main

    from apical.cli.app import app

    def below(group, words: str) -> dict:
        found = {}
        for word, command in group.commands.items():
            found |= below(command, f"{words}{word} ") if hasattr(command, "commands") else {words + word: command}
        return found

    return below(typer.main.get_command(app), "")


def shown_commands(page: Path) -> list[tuple[str, bool]]:
    """What a page shows as `apical …`, and whether it is a whole line of a block with commands."""
    text = page.read_text(encoding="utf-8")
    whole = [line for block in blocks(page) if block.kind == "bash" for line in lines_of(block.text)]
    drawn = [line for block in blocks(page) if block.kind in ("text", "console") for line in lines_of(block.text)]
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    inline = [re.sub(r"\s+", " ", each) for each in re.findall(r"`([^`]+)`", prose) if each.startswith("apical ")]
    found = [(line, True) for line in whole if line.startswith("apical ")]
    found += [(each, False) for line in drawn for each in re.findall(r"(?<![\w.`])apical [a-z].*?(?= {3}|$)", line)]
    return [*found, *((each, False) for each in inline)]


def lines_of(text: str) -> list[str]:
    return re.sub(r"\\\n\s*", "", text).splitlines()


@pytest.mark.parametrize("page", [pytest.param(page, id=name(page)) for page in PAGES if shown_commands(page)])
def test_the_command_line_understands_what_is_shown(page):
    for line, whole in shown_commands(page):
        words = shlex.split(line, comments=True)[1:]
        n = next((n for n in (3, 2) if " ".join(words[:n]) in commands()), 1)
        if words[0].startswith("-"):
            continue
        command = commands().get(" ".join(words[:n]))
        assert command or words[0] == "engine", f"{line}: there is no such command"
        if whole:
            command.make_context("apical", words[n:])
        else:
            known = {option for each in command.params for option in (*each.opts, *each.secondary_opts)} | {"--help"}
            asked = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
            assert asked <= known, f"{line}: {asked - known}"


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150
