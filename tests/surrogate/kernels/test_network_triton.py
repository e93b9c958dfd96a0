"""The ELM Network's layers in Triton against the plain ones: on a GPU where there is one, else interpreted."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from apical.surrogate.kernels.events import Events
from apical.surrogate.kernels.recurrence.network import path_of
from apical.surrogate.kernels.recurrence.network_gpu import layer, room, sizes

from .networks import VARIANTS, assert_same, given, layers_of, network, outcome

HAS_GPU = torch.cuda.is_available()
pytest.importorskip("triton", reason="triton is not installed: it comes with PyTorch's CUDA build, on Linux")
from apical.surrogate.kernels.recurrence.network_gpu import gpu_kernels  # noqa: E402

DEVICES = [
    pytest.param("cpu", id="cpu-interpreter", marks=pytest.mark.skipif(HAS_GPU, reason="the GPU runs these")),
    pytest.param("cuda", marks=[pytest.mark.gpu, pytest.mark.skipif(not HAS_GPU, reason="no CUDA device")]),
]


@pytest.fixture(params=DEVICES)
def device(request, monkeypatch, poisoned):
    if request.param == "cpu":
        monkeypatch.setenv("TRITON_INTERPRET", "1")
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it cuBLAS refuses to be deterministic
    monkeypatch.setattr(room, "_spare", [])
    return request.param


@pytest.mark.parametrize(
    "n_neurons, d_m, n_sequences, n_steps", [(1, 1, 1, 1), (11, 3, 3, 6), (3, 7, 11, 4), (3, 20, 8, 4)]
)
def test_it_equals_the_reference(n_neurons, d_m, n_sequences, n_steps, device):
    model, x_btc = network(n_neurons, d_m=d_m), given(n_sequences, n_steps)
    assert_same(outcome(model, x_btc, "triton", device), outcome(model, x_btc, "reference"))


@pytest.mark.parametrize("name", VARIANTS)
def test_every_kind_of_network(name, device):
    model, x_btc = network(n_neurons=7, **VARIANTS[name]), given(2, 6)
    assert_same(outcome(model, x_btc, "triton", device), outcome(model, x_btc, "reference"))


def test_what_does_not_go_into_one_program(device, monkeypatch):
    """Hidden units, synapses, readers, sequences and columns in several blocks, the last of each not full."""
    monkeypatch.setattr(sizes, "TILE", 16)
    monkeypatch.setattr(room, "READERS", 2)
    monkeypatch.setattr(room, "COLUMNS", 8)
    model, x_btc = network(n_neurons=4, n_branches=3), given(3, 4)
    neurons = model.layers[0].neurons()
    blocks = sizes.Sizes.of(neurons, 3, 4, 13).blocks()
    assert (blocks["H"], blocks["S"], blocks["B"]) == (4, 4, 1) and neurons.mlp[0][0].shape[2] == 6
    assert_same(outcome(model, x_btc, "triton", device), outcome(model, x_btc, "reference"))


def test_events_that_fill_up_and_double_ones(device):
    """As on a CPU: rows past the last step are no events; two of one step and channel are their sum."""
    model, x_btc = network(n_neurons=4), given(2, 6)
    events = Events.from_dense(x_btc)
    twice = [each.repeat_interleave(2) for each in (events.row_n, events.input_n, events.value_n / 2)]
    filled = [torch.cat([each, torch.full((4,), last).to(each)]) for each, last in zip(twice, (12, 0, 0), strict=True)]
    ours = outcome(model, Events(*filled, events.shape).to(device), "triton", device)
    assert_same(ours, outcome(model, x_btc, "reference"))


def test_memory_that_was_used_before_gives_the_same(device):
    """Rooms are given back where no gradient is asked for, and after it; what lay there changes nothing, to the bit."""
    model, x_btc = network(n_neurons=3), given(3, 3)
    first = outcome(model, x_btc, "triton", device)
    assert len(room._spare) == 1
    (kept,) = room._spare
    for each in kept.arrays.values():
        each.fill_(0) if each.dtype == torch.int32 else each.fill_(torch.nan)
    again = outcome(model, x_btc, "triton", device)
    assert room._spare == [kept]
    model.to(device)
    with torch.no_grad():
        y_bto = model.trace(x_btc.to(device), model.init_state(3)).y_bto
    assert room._spare == [kept]
    assert torch.equal(y_bto, model.trace(x_btc.to(device), model.init_state(3)).y_bto)
    assert room._spare == []  # a gradient may be asked for
    assert all(torch.equal(again[name], each) for name, each in first.items())


class WrittenDown:
    """A stand-in for a graph of launches: the first call makes them and writes them down, others only repeat them."""

    def __init__(self, launches, monkeypatch):
        self._launches, self._monkeypatch, self.calls = launches, monkeypatch, []

    def __call__(self):
        if self.calls:
            for kernel, grid, given, named in self.calls:
                kernel[grid](*given, **named)
            return
        with self._monkeypatch.context() as patched:
            for name in ("step_forward", "step_backward", "synapse_gradients", "source_gradients"):
                patched.setattr(gpu_kernels, name, self._noting(getattr(gpu_kernels, name)))
            self._launches()

    def _noting(self, kernel):
        class Noting:
            arg_names = kernel.arg_names

            def __getitem__(_, grid):
                def launch(*given, **named):
                    self.calls.append((kernel, grid, given, named))
                    kernel[grid](*given, **named)

                return launch

        return Noting()


def test_launches_that_are_repeated_are_of_the_new_input_and_weights(device, monkeypatch):
    """As a graph has them: the same kernels on the same memory. Of a step each way, then the sums over all."""
    graphs, others = [], {"seed": 6, "share": 0.5}

    def graph_of(kept, steps):
        graphs.append(WrittenDown(lambda: steps(kept.sizes, kept.arrays), monkeypatch))
        return graphs[-1]

    model = network(n_neurons=4)
    expected = outcome(model, given(2, 5, **others), "triton", device)
    monkeypatch.setattr(room, "_spare", [])
    monkeypatch.setattr(room.Room, "_graph_of", graph_of)
    outcome(network(n_neurons=4, routing_seed=3), given(2, 5), "triton", device)
    assert [len(each.calls) for each in graphs] == [5, 5 + 2]
    found = outcome(model, given(2, 5, **others), "triton", device)
    assert len(graphs) == 2 and all(torch.equal(found[name], each) for name, each in expected.items())


def test_layers_of_one_size_do_not_share_a_room_while_it_is_used(device):
    """Both wait for their gradients; of rooms of other sizes a few are kept, the last ones used."""
    model, x_btc = network(n_neurons=4, n_inputs=4, n_layers=2, rho=0.5), given(1, 4, n_inputs=4)
    assert_same(outcome(model, x_btc, "triton", device), outcome(model, x_btc, "reference"))
    assert [kept.sizes for kept in room._spare] == [room._spare[0].sizes] * 2
    for n_steps in range(1, room.MOST_SPARE + 1):
        other = room._spare[-1].sizes._replace(n_steps=n_steps)
        room.give_back(room.Room(other, torch.empty(0, device=device)))
    assert [kept.sizes.n_steps for kept in room._spare] == list(range(1, room.MOST_SPARE + 1))


def test_a_sequence_in_pieces_is_the_same(device):
    """The state goes on, and so does its gradient."""
    model, x_btc = network(n_neurons=4).to(device), given(2, 5).to(device)
    model.path, found = "triton", []
    for lengths in ([5], [2, 3]):
        model.zero_grad()
        state, outputs = model.init_state(2), []
        for piece in x_btc.split(lengths, dim=1):
            traced = model.trace(piece, state)
            state = traced.state
            outputs.append(traced.y_bto)
        y_bto = torch.cat(outputs, 1)
        (y_bto**2).sum().backward()
        found.append(
            {"y": y_bto.detach()} | {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
        )
    assert_same(found[1], found[0])


def test_streaming_is_the_same(device):
    model, x_btc = network(n_neurons=4), given(2, 7)
    model.to(device).path = "triton"
    with torch.no_grad():
        expected, state = model(x_btc.to(device)), model.init_state(2)
        for t in range(7):
            y_bo, state = model.step(x_btc[:, t].to(device), state)
            torch.testing.assert_close(y_bo, expected[:, t], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("spiking", [False, True])
def test_a_number_that_is_none_shows(spiking, device):
    model = network(n_neurons=6, spiking=spiking)
    with torch.no_grad():
        model.layers[0].mlp_bias[0][2, 1] = torch.nan
    assert outcome(model, given(2, 12), "triton", device)["y"].isnan().any()


def test_input_and_states_of_another_layer_are_refused(device):
    model = network(n_neurons=4).to(device)
    model.path = "triton"
    x_btc = given(2, 3).to(device)
    with pytest.raises(ValueError, match="are not of a layer of 4 neurons"):
        model(given(2, 3, n_inputs=14).to(device))
    with pytest.raises(ValueError, match="are not of a layer of 4 neurons"):
        model.trace(x_btc, model.init_state(1))
    with pytest.raises(ValueError, match="are not of a layer of 4 neurons"):
        model(x_btc, torch.ones(2, 3, device=device))


def test_readers_are_all_synapses_by_what_they_read():
    source_ny = torch.tensor([[4, 0, 4], [2, 3, 0]])
    found = layer.Readers.of(source_ny, 3)
    assert found.order_y.tolist() == [1, 5, 3, 4, 0, 2]
    assert found.first_s.tolist() == [0, 2, 2, 3, 4, 6]
    assert {each.dtype for each in found} == {torch.int32}


def on_a_gpu(layers):
    """As far as `path_of` can tell."""

    class OnGPU(torch.Tensor):
        device = torch.device("cuda")

    return [each._replace(w_ny=each.w_ny.detach().as_subclass(OnGPU)) for each in layers]


def test_a_gpu_takes_this_path_by_itself(monkeypatch):
    x_btc = given(1, 2)
    assert path_of(x_btc, on_a_gpu(layers_of(network(n_layers=2)))) == ("triton", "")
    assert path_of(x_btc, on_a_gpu(layers_of(network(2, d_m=1024)))) == ("triton", "")
    refused = {
        "1025 branches or memory units of a neuron": network(2, d_m=1025),
        "2000 branches or memory units of a neuron": network(2, n_branches=2000, synapses_per_branch=1),
        "129 memory units of an output neuron": network(output_d_m=129),
        "weights are torch.float64": network().double(),
    }
    for why, model in refused.items():
        path, said = path_of(x_btc, on_a_gpu(layers_of(model)))
        assert path == "reference" and why in said
    assert path_of(x_btc.requires_grad_(), on_a_gpu(layers_of(network())))[1] == "a gradient of the input is asked for"
    monkeypatch.setitem(sys.modules, "triton", None)
    assert path_of(x_btc.detach(), on_a_gpu(layers_of(network()))) == ("reference", "triton is not installed")


COMPILE = """
import re, subprocess
from pathlib import Path
import triton.backends.nvidia
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource, compile
from apical.surrogate.kernels.recurrence.network_gpu import gpu_kernels, output_gpu_kernels, room, sizes

dump = str(Path(triton.backends.nvidia.__path__[0], "bin", "cuobjdump"))
integers = {"t": "i32", "kappa_r": "fp32", "slope": "fp32"} | dict.fromkeys(("source_ny", "order_y", "first_s"), "*i32")
of_layer = [gpu_kernels.step_forward, gpu_kernels.step_backward]
of_output = [output_gpu_kernels.output_forward, output_gpu_kernels.output_backward]
whole = [gpu_kernels.synapse_gradients, gpu_kernels.source_gradients]
published = sizes.Sizes(8, 500, 700, 96, 30, 10, 10, 5, 0.8, False).blocks()
largest = sizes.Sizes(8, 500, 700, 64, 30, 10, 200, 100, 0.8, True).blocks()
output = {"M": 4, "B": 8, "num_warps": 1}
sums = {"S": 16, "READERS": room.READERS, "COLUMNS": room.COLUMNS, "num_warps": 8}
for kernels, given in ((of_layer, published), (of_layer, largest), (of_output, output), (whole, sums)):
    for kernel in kernels:
        known = {"SPIKING": given is largest, "READERS": room.READERS, **given}
        constants = {name: value for name, value in known.items() if name in kernel.arg_names}
        kinds = integers | dict.fromkeys(constants, "constexpr")
        numbers = ("n_", "first_source")
        kinds = {n: kinds.get(n, "i32" if n.startswith(numbers) else "*fp32") for n in kernel.arg_names}
        aligned = {(n,): [["tt.divisibility", 16]] for n, kind in enumerate(kinds.values()) if kind[0] == "*"}
        source = ASTSource(fn=kernel, signature=kinds, constexprs=constants, attrs=aligned)
        made = compile(source, target=GPUTarget("cuda", 90, 32), options={"num_warps": known["num_warps"]})
        Path("made.cubin").write_bytes(made.asm["cubin"])
        used = subprocess.run([dump, "-res-usage", "made.cubin"], capture_output=True, text=True, check=True).stdout
        print(made.metadata.shared <= 48 * 1024 and int(re.search(r"STACK:(\\d+)", used)[1]) == 0)
"""


@pytest.mark.slow
def test_it_compiles_for_a_gpu_without_one(tmp_path, monkeypatch):
    """In a process of its own, as in test_triton.py, and with what every GPU grants a program; nothing on the stack."""
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    done = subprocess.run([sys.executable, "-c", COMPILE], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["True"] * 8
