"""The compiled mechanisms: made once, safe when two ask at once, and a clear line where they cannot be made."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from contextlib import nullcontext

import pytest

from apical.simulate.cell import biophysics
from apical.simulate.mechanisms import fused_check, fusion, library, nmodl
from apical.simulate.schema import InputError


def test_no_compiler_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(InputError, match=r"no C\+\+ compiler: 'g\+\+' is not on PATH") as error:
        library.compiled(biophysics.mechanism_groups())
    assert "\n" not in str(error.value)


def test_a_mechanism_that_does_not_compile_leaves_a_log_and_no_library(tmp_path, monkeypatch):
    broken = tmp_path / "Broken.mod"
    broken.write_text("NEURON { SUFFIX Broken }\nBREAKPOINT { this is not NMODL\n")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shipped = nmodl.sources()
    monkeypatch.setattr(nmodl, "sources", lambda: [*shipped, broken])
    with pytest.raises(InputError, match=r"did not compile .*: see .*\.log"):
        library.compiled(biophysics.mechanism_groups())
    kept = sorted(path.suffix for path in (tmp_path / "cache" / "apical" / "mechanisms").iterdir())
    assert kept in ([".lock", ".log"], [".log"])


def test_the_key_follows_sources_and_flags(tmp_path, monkeypatch):
    before = library.key(biophysics.mechanism_groups())
    assert before == library.key(biophysics.mechanism_groups())
    monkeypatch.setattr(library, "FLAGS", "-O0")
    assert library.key(biophysics.mechanism_groups()) != before
    monkeypatch.undo()
    changed, shipped = tmp_path / "Im.mod", nmodl.sources()
    changed.write_text(next(file for file in shipped if file.name == "Im.mod").read_text().replace("0.0033", "0.0034"))
    monkeypatch.setattr(nmodl, "sources", lambda: [file for file in shipped if file.name != "Im.mod"] + [changed])
    assert library.key(biophysics.mechanism_groups()) != before


ONE_MECHANISM = """
from apical.simulate.cell import biophysics
from apical.simulate.mechanisms import fused_check, fusion, library, nmodl
(text,) = [file.read_text() for file in nmodl.sources() if file.stem == "AMPA_NMDA"]
library._sources = lambda *of: {"AMPA_NMDA": text}  # all of them would take a minute
library.load(biophysics.mechanism_groups())
from neuron import h
h.AMPA_NMDA
"""


@pytest.mark.slow
def test_two_processes_at_once_compile_once(tmp_path):
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    both = [
        subprocess.Popen([sys.executable, "-c", ONE_MECHANISM], env=environment, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate()[1] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum("Compiling" in text for text in said) == 1


def test_a_process_that_has_imported_neuron_can_compile(tmp_path, monkeypatch):
    """`import neuron` sets NEURONHOME, with which NMODL does not find its units."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("NEURONHOME", "/nowhere")
    given = []

    def run(command, limit_s, cwd, env):
        given.append(env)
        return subprocess.CompletedProcess(command, 1, "", "")

    monkeypatch.setattr(library.processes, "command", run)
    with pytest.raises(InputError, match="did not compile"):
        library.compiled(biophysics.mechanism_groups())
    assert "NEURONHOME" not in given[0] and given[0]["PATH"] == os.environ["PATH"]


def test_a_compiler_that_does_not_end_is_ended_with_all_that_it_has_started(tmp_path, monkeypatch):
    compiler, mark = tmp_path / "slow", tmp_path / "alive"
    compiler.write_text(f"#!/bin/sh\ntouch {mark}\nsleep 3600 &\necho $! > {mark}\nwait\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("CXX", str(compiler))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(library, "LONGEST_S", 0.0)
    monkeypatch.setattr(library, "EACH_S", 10.0)
    text = "NEURON { SUFFIX Made NONSPECIFIC_CURRENT i }\nASSIGNED { v i }\nBREAKPOINT { i = v }\n"
    own = library.Own({"Made": nmodl.Source(file="made_up.mod", text=text)})
    with pytest.raises(InputError, match=r"^mechanisms made_up\.mod: nrnivmodl was stopped after 10 s") as error:
        library.compiled(frozenset(), lambda message: nullcontext(), own)
    assert "\n" not in str(error.value)
    child = int(mark.read_text())
    with pytest.raises(ProcessLookupError):
        for _ in range(100):
            os.kill(child, 0)
            time.sleep(0.1)
    assert not list((tmp_path / "cache" / "apical" / "mechanisms").glob("*/"))


@pytest.mark.slow
def test_a_fused_mechanism_that_is_not_its_parts_is_left_out(tmp_path, monkeypatch, capsys):
    """Compared when it is compiled: one with another equation goes, the other one stays."""
    shipped = [file for file in nmodl.sources() if file.stem in ("AMPA_NMDA", "Receptor", "Ih", "Im")]
    monkeypatch.setattr(nmodl, "sources", lambda: shipped)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(library, "FLAGS", "-O1")  # sooner compiled
    right = fusion.fuse

    def with_another_equation(group, texts):
        return right(group, texts).replace("Im_m' = ", "Im_m' = 0.9*")

    monkeypatch.setattr(fusion, "fuse", with_another_equation)
    groups = frozenset({("Im", "pas"), ("Ih", "pas")})
    folder = library.compiled(groups)
    left = {file.stem for file in (folder / "mod").iterdir()}
    assert fusion.name_of(("Ih", "pas")) in left and fusion.name_of(("Im", "pas")) not in left
    assert re.search(r"^Im, pas stay single: as one mechanism they differ by [\d.]+ mV$", capsys.readouterr().err, re.M)


def test_what_does_not_compile_as_one_stays_single(tmp_path, monkeypatch, capsys):
    """Where no file of the user's is at fault; nor is a file's fault tried twice."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    single = {name: source for name, source in nmodl.by_name(nmodl.sources()).items() if name in ("Ih", "Im")}
    groups, tried = frozenset({("Ih", "Im")}), []

    def build(work, script, sources, own, log):
        tried.append(set(sources))
        work.mkdir()
        if fusion.name_of(("Ih", "Im")) in sources:
            raise library._Unexplained("the mechanisms did not compile")

    monkeypatch.setattr(library, "_build", build)
    monkeypatch.setattr(library.fused_check, "differences_mv", lambda path, fused: dict.fromkeys(fused, 0.0))
    assert library.compiled(groups, own=library.Own(single)).is_dir()
    assert tried == [{"Ih", "Im", fusion.name_of(("Ih", "Im"))}, {"Ih", "Im"}]
    assert "stay single: as one they do not compile" in capsys.readouterr().err


def test_a_name_that_neuron_has_is_told_in_one_line():
    """As NEURON 9.0 says it, where it loads a library."""
    said = 'NEURON: The user defined name already exists: distance\n near line 0\n        nrn_load_dll("/x/l...")\n'
    assert str(fused_check.not_loaded(said)).startswith("mechanism distance: NEURON has that name already; give it")
    assert fused_check.not_loaded("hoc_execerror: something else") is None
    assert fused_check.differences_mv(None, []) == {}
