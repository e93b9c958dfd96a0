"""Every path of the ELM recurrence against the plain one: outputs and gradients, at sizes that fit no register."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
import torch

from apical.surrogate.fitting.stack import Stack
from apical.surrogate.kernels import compiled
from apical.surrogate.kernels.events import Events
from apical.surrogate.kernels.recurrence import cpu
from apical.surrogate.kernels.recurrence.memory import memory, path_of
from apical.surrogate.models.elm import ELMConfig
from apical.surrogate.models.families import assemble

pytestmark = pytest.mark.usefixtures("poisoned")

VARIANTS = {
    "published": {},
    "second version": {"version": 2, "learn_tau_m": True, "lambda_value": 10.0},
    "plain": {"n_branches": None},
    "random routing, SiLU": {"routing": "random", "mlp_activation": "silu"},
    "no hidden layer": {"mlp_layers": 0, "learn_tau_m": True},
    "own hidden size": {"mlp_hidden_size": 3, "learn_tau_m": True, "tau_b_ms": 11.0},
}


def elm(d_m=7, seed=1, **options):
    return assemble(
        ELMConfig(**{"n_inputs": 34, "d_m": d_m, "n_branches": 5, "synapses_per_branch": 9} | options), seed
    )


def spikes(n_windows, n_ms, n_inputs=34, seed=0):
    random = torch.Generator().manual_seed(seed)
    x_bts = (torch.rand(n_windows, n_ms, n_inputs, generator=random) < 0.1).float()
    return x_bts * (1 - 2 * (torch.arange(n_inputs) % 2))


def outcome(model, x, path):
    """Outputs and every gradient, of a loss in which each output has a weight of its own."""
    model.zero_grad()
    y_bto = model.w_y(memory(x, model.neuron(), path))
    weight = torch.randn(y_bto.shape, generator=torch.Generator().manual_seed(5))
    (y_bto * weight).mean().backward()
    return {"y": y_bto.detach()} | {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


def assert_same(ours, truth):
    assert ours.keys() == truth.keys()
    for name, expected in truth.items():
        scale = expected.abs().max().clamp(min=1e-3)
        torch.testing.assert_close(
            ours[name] / scale, expected / scale, rtol=0, atol=1e-5, msg=lambda m, n=name: f"{n}: {m}"
        )


@pytest.mark.parametrize("n_windows, n_ms", [(1, 1), (3, 63), (8, 20), (9, 257)])
@pytest.mark.parametrize("d_m", [1, 7, 20, 100])
def test_compiled_equals_the_reference(d_m, n_windows, n_ms):
    model, x_bts = elm(d_m), spikes(n_windows, n_ms)
    assert_same(outcome(model, x_bts, "compiled"), outcome(model, x_bts, "reference"))


@pytest.mark.parametrize("name", VARIANTS)
def test_every_kind_of_elm(name):
    model, x_bts = elm(**VARIANTS[name]), spikes(3, 130)
    assert path_of(model.neuron()) == ("compiled", "")
    assert_same(outcome(model, x_bts, "compiled"), outcome(model, x_bts, "reference"))


@pytest.mark.parametrize("dtype", [torch.int8, torch.bfloat16, torch.float32, torch.float64, torch.bool])
def test_events_and_dense_input_of_any_type_are_the_same_input(dtype):
    model, x_bts = elm(), spikes(2, 40).abs().to(dtype)
    truth = outcome(model, x_bts.float(), "compiled")
    for x in (x_bts, Events.from_dense(x_bts)):
        for name, values in outcome(model, x, "compiled").items():
            assert torch.equal(values, truth[name]), name
    assert torch.equal(Events.from_dense(x_bts).dense(torch.float32), x_bts.float())


@pytest.mark.parametrize("n_windows", [1, 3, 8, 11])
@pytest.mark.parametrize("name", VARIANTS)
def test_models_stacked_are_the_models_one_by_one(name, n_windows):
    """Outputs and gradients of three, each under its own spikes, in one call."""
    models = [elm(**VARIANTS[name], seed=seed) for seed in (1, 2, 3)]
    events = [Events.from_dense(spikes(n_windows, 37, seed=seed)) for seed in (4, 5, 6)]
    alone = [outcome(model, each, "reference") for model, each in zip(models, events, strict=True)]
    stack = Stack(models)
    y_nbto = stack.outputs(events)
    weight = torch.randn(y_nbto.shape[1:], generator=torch.Generator().manual_seed(5))
    stack.backward((y_nbto * weight).mean((1, 2, 3)).sum())
    for model, y_bto, truth in zip(models, y_nbto.detach(), alone, strict=True):
        gradients = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
        assert_same({"y": y_bto} | gradients, truth)


def test_silence_and_a_silent_window():
    model, x_bts = elm(), spikes(3, 40)
    x_bts[1] = 0
    assert_same(outcome(model, x_bts, "compiled"), outcome(model, x_bts, "reference"))
    assert_same(outcome(model, 0 * x_bts, "compiled"), outcome(model, 0 * x_bts, "reference"))


def test_the_kernel_s_results_do_not_depend_on_the_number_of_threads():
    """To the bit; PyTorch's own matrix products around it may differ in the last."""
    events, random, had = Events.from_dense(spikes(20, 90)), torch.Generator().manual_seed(0), torch.get_num_threads()
    w_sk, drive, w_hm, w_mh, bias, kappa, gain = (
        (torch.rand(*shape, generator=random) / 2).requires_grad_()
        for shape in [(2, 34, 6), (2, 10, 90, 14), (2, 14, 7), (2, 7, 14), (2, 7), (2, 7), (2, 7)]
    )
    results = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        b_btk = cpu.BranchStates.apply(w_sk, torch.full((6,), 0.8), events, None)
        m_btm = cpu.MemoryTrace.apply(drive, w_hm, w_mh, bias, kappa, gain, 0, None)
        made = torch.autograd.grad((b_btk**2).sum() + (m_btm**2).sum(), [w_sk, drive, kappa, gain])
        results.append((b_btk, m_btm, *made))
    torch.set_num_threads(had)
    for other in results[1:]:
        assert all(torch.equal(ours, theirs) for ours, theirs in zip(results[0], other, strict=True))


def test_extreme_activity_saturates_as_the_reference_does():
    model, x_bts = elm(mlp_activation="silu"), 1e4 * spikes(2, 50)
    ours, truth = (outcome(model, x_bts, path) for path in ("compiled", "reference"))
    torch.testing.assert_close(ours["y"], truth["y"])
    assert all(values.isfinite().all() for values in ours.values())


def test_a_number_that_is_none_shows():
    for activation in ("relu", "silu"):
        model = elm(mlp_activation=activation)
        with torch.no_grad():
            model.mlp.network[0].bias[2] = torch.nan
        assert outcome(model, spikes(2, 30), "compiled")["y"].isnan().all()


def test_another_path_where_the_compiled_one_cannot_go():
    deep, x_bts = elm(mlp_layers=3), spikes(2, 20)
    assert path_of(deep.neuron()) == ("reference", "the MLP is not one hidden layer of ReLU or SiLU")
    x_bts.requires_grad_()
    elm()(x_bts).sum().backward()
    assert x_bts.grad.abs().sum() > 0
    uneven = elm()
    uneven.tau_s[:9] = 9.0
    assert path_of(uneven.neuron())[0] == "reference"


@pytest.fixture
def uncompiled(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    compiled._kernel.cache_clear()
    yield tmp_path
    compiled._kernel.cache_clear()


def test_without_a_compiler_the_reference_runs(uncompiled, monkeypatch):
    model, x_bts = elm(), spikes(2, 20)
    for compiler, said in (("nothere-g++ -O1", "no C++ compiler 'nothere-g++'"), ("false", "false failed: ")):
        monkeypatch.setenv("CXX", compiler)
        compiled._kernel.cache_clear()
        path, why = path_of(model.neuron())
        assert path == "reference" and said in why
        assert torch.equal(outcome(model, x_bts, "auto")["y"], outcome(model, x_bts, "reference")["y"])
    assert list(uncompiled.rglob("*.so")) == []


def test_it_is_compiled_once_and_kept(uncompiled):
    model = elm()
    assert path_of(model.neuron())[0] == "compiled"
    (library,) = uncompiled.rglob("*.so")
    written = library.stat().st_mtime_ns
    compiled._kernel.cache_clear()
    assert path_of(model.neuron())[0] == "compiled"
    assert library.stat().st_mtime_ns == written and list(uncompiled.rglob("*.so")) == [library]


COMPILING = """
import sys
from pathlib import Path
from apical.surrogate.kernels.compiled import _compile
_compile([sys.argv[1]], b"", Path(sys.argv[2]))
"""


def test_killed_while_it_is_compiled_it_leaves_what_the_next_try_removes(tmp_path):
    """A compiler that is half done when its caller is killed; the next time it does its work."""
    compiler, well, library = tmp_path / "compiler", tmp_path / "well", tmp_path / "cache" / "kernel.so"
    made, half = 'for made; do :; done\necho half > "$made"', f'[ -e {well} ] && echo whole > "$made" || kill -9 $PPID'
    compiler.write_text(f"#!/bin/sh\n{made}\n{half}\n")
    compiler.chmod(0o755)
    library.parent.mkdir()
    killed = subprocess.run([sys.executable, "-c", COMPILING, compiler, library])
    assert killed.returncode == -signal.SIGKILL and not library.exists()
    well.touch()
    compiled._compile([str(compiler)], b"", library)
    assert library.read_text() == "whole\n" and list(library.parent.iterdir()) == [library]


@pytest.mark.parametrize(
    "change",
    [{"input_n": 34}, {"input_n": -1}, {"row_n": 60}, {"row_n": -1}],
)
def test_events_outside_their_windows_are_refused(change):
    events = Events.from_dense(spikes(3, 20))
    ((name, value),) = change.items()
    getattr(events, name)[-1 if value > 0 else 0] = value
    with pytest.raises(ValueError, match="lie outside them"):
        cpu.BranchStates.apply(torch.ones(1, 34, 5), torch.ones(5), events, None)
