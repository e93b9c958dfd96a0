"""The Triton path of the ELM recurrence against the plain one: on a GPU where there is one, else interpreted.

Triton is interpreted from its import on, or not at all, hence one choice for the whole process.
"""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from apical.surrogate.fitting.recipe import Rates
from apical.surrogate.fitting.step import window_loss
from apical.surrogate.kernels.events import Events
from apical.surrogate.kernels.recurrence import gpu
from apical.surrogate.kernels.recurrence.memory import Neuron, memory, path_of
from apical.surrogate.kernels.recurrence.reference import PHI_HEIGHT, PHI_SLOPE, leak, memory_trace
from apical.surrogate.models.elm import ELMConfig
from apical.surrogate.models.families import assemble
from apical.surrogate.use.checkpoint import load_published_elm
from apical.surrogate.use.published import elm_from_published

HAS_GPU = torch.cuda.is_available()
pytest.importorskip("triton", reason="triton is not installed: it comes with PyTorch's CUDA build, on Linux")

DEVICES = [
    pytest.param("cpu", id="cpu-interpreter", marks=pytest.mark.skipif(HAS_GPU, reason="the GPU runs these")),
    pytest.param("cuda", marks=[pytest.mark.gpu, pytest.mark.skipif(not HAS_GPU, reason="no CUDA device")]),
]
LEAK = torch.tensor([0.7])  # of all branches, in a bin
ACTIVATIONS = [torch.nn.ReLU(), torch.nn.SiLU()]  # in the order of their numbers


@pytest.fixture(params=DEVICES)
def device(request, monkeypatch):
    """Where the path runs; what is not written there holds NaN, so nothing can lean on what memory happened to hold."""
    if request.param == "cpu":
        monkeypatch.setenv("TRITON_INTERPRET", "1")
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it cuBLAS refuses to be deterministic
    torch.use_deterministic_algorithms(True)
    assert torch.utils.deterministic.fill_uninitialized_memory
    assert torch.empty(3, device=request.param).isnan().all()
    yield request.param
    torch.use_deterministic_algorithms(False)


def elm(d_m=7, **options):
    small = {"n_inputs": 34, "d_m": d_m, "n_branches": 5, "synapses_per_branch": 9, "learn_tau_m": True}
    return assemble(ELMConfig(**small | options), 1)


def spikes(n_windows, n_ms, n_inputs=34):
    random = torch.Generator().manual_seed(0)
    x_bts = (torch.rand(n_windows, n_ms, n_inputs, generator=random) < 0.1).float()
    return x_bts * (1 - 2 * (torch.arange(n_inputs) % 2))


def outcome(model, x, path, device="cpu"):
    """Outputs and every gradient, of a loss in which each output has a weight of its own."""
    model.zero_grad()
    model.to(device)
    y_bto = model.w_y(memory(x.to(device), model.neuron(), path))
    weight = torch.randn(y_bto.shape, generator=torch.Generator().manual_seed(5))
    (y_bto * weight.to(device)).mean().backward()
    made = {n: p.grad.cpu() for n, p in model.named_parameters() if p.grad is not None}
    model.cpu()
    return {"y": y_bto.detach().cpu()} | made


def assert_same(ours, truth, tolerance=1e-5):
    """Relative to the largest of each."""
    assert ours.keys() == truth.keys()
    for name, expected in truth.items():
        scale = expected.abs().max().clamp(min=1e-3) if expected.numel() else 1.0
        difference = ours[name].float() / scale - expected / scale
        assert ours[name].shape == expected.shape and difference.abs().max() <= tolerance, name


def recurrence(n_models, n_windows, n_ms, n_hidden, n_memory):
    """Random arguments of MemoryTrace but the activation, weights as small as PyTorch's; a weight for every output."""
    random = torch.Generator().manual_seed(3)

    def draw(*shape, low, high):
        return low + (high - low) * torch.rand(n_models, *shape, generator=random)

    into, out = n_memory**-0.5, n_hidden**-0.5
    arguments = {
        "drive": draw(n_windows, n_ms, n_hidden, low=-0.3, high=0.3),
        "bias_h": draw(n_hidden, low=-0.5, high=0.5),
        "w_hm": draw(n_hidden, n_memory, low=-into, high=into),
        "w_mh": draw(n_memory, n_hidden, low=-out, high=out),
        "bias": draw(n_memory, low=-0.5, high=0.5),
        "kappa": draw(n_memory, low=0.3, high=0.99),
        "gain": draw(n_memory, low=0.1, high=0.9),
    }
    return arguments, draw(n_windows, n_ms, n_memory, low=-1.0, high=1.0)


def traced(arguments, weight, activation, device):
    """Memories and gradients of the Triton path."""
    given = {name: value.to(device).clone().requires_grad_() for name, value in arguments.items()}
    drive, *others = given.values()
    m_nbtm = gpu.MemoryTrace.apply(drive, LEAK.to(device), *others, activation)
    (m_nbtm * weight.to(device)).sum().backward()
    return {"m": m_nbtm.detach().cpu()} | {name: value.grad.cpu() for name, value in given.items()}


def plain(arguments, weight, activation):
    """The same of the reference, a model at a time; its constants, which the path takes inside, are taken out."""
    given = {name: value.float().clone().requires_grad_() for name, value in arguments.items()}
    traces = []
    for drive, bias_h, w_hm, w_mh, bias, kappa, gain in zip(*given.values(), strict=True):
        first = torch.cat([torch.eye(len(w_hm)), w_hm], dim=1), bias_h
        mlp = [first, (w_mh / PHI_SLOPE, bias / PHI_SLOPE)]
        traces.append(memory_trace(leak(drive, LEAK), mlp, ACTIVATIONS[activation], kappa, gain / PHI_HEIGHT))
    m_nbtm = torch.stack(traces)
    (m_nbtm * weight).sum().backward()
    return {"m": m_nbtm.detach()} | {name: value.grad for name, value in given.items()}


@pytest.mark.parametrize("activation", [0, 1])
@pytest.mark.parametrize(
    "sizes", [(1, 1, 1, 2, 1), (1, 3, 63, 14, 7), (1, 1, 257, 2, 1), (1, 1, 20, 200, 100), (2, 3, 9, 5, 3)]
)
def test_it_equals_the_reference(sizes, activation, device):
    arguments, weight = recurrence(*sizes)
    assert_same(traced(arguments, weight, activation, device), plain(arguments, weight, activation))


def test_a_drive_in_bfloat16_is_computed_in_float32(device):
    arguments, weight = recurrence(1, 2, 17, 14, 7)
    arguments["drive"] = arguments["drive"].bfloat16()
    ours, truth = traced(arguments, weight, 1, device), plain(arguments, weight, 1)
    assert ours["drive"].dtype == torch.bfloat16
    assert_same({"drive": ours.pop("drive")}, {"drive": truth.pop("drive")}, tolerance=2**-8)  # its digits
    assert_same(ours, truth)


def test_tanh_and_silu_over_their_range(device):
    """One bin: m = tanh(bias + f(drive)), from 1e-6 to where tanh is 1 and SiLU's exponential is 0."""
    v = torch.logspace(-6, 2.5, 320)
    v_rm = torch.cat([-v, v]).view(5, 128)
    none_m, through = torch.zeros(1, 128), torch.eye(128)[None]
    for activation, f in enumerate(ACTIVATIONS):
        given = (v_rm[None, :, None], LEAK, none_m, 0 * through, through, none_m, none_m, none_m + 1)
        ours = gpu.MemoryTrace.apply(*(each.to(device) for each in given), activation)
        expected = torch.tanh(f(v_rm.double())).float()
        torch.testing.assert_close(ours.view(5, 128).cpu(), expected, rtol=5e-6, atol=1e-12)
    nothing = torch.zeros(5, 1, 1, 1), LEAK, torch.zeros(5, 1), torch.zeros(5, 1, 128), torch.zeros(5, 128, 1)
    given = (*nothing, v_rm, 0 * v_rm, 0 * v_rm + 1)  # a row of v to a model
    ours = gpu.MemoryTrace.apply(*(each.to(device) for each in given), 0)
    torch.testing.assert_close(ours.view(5, 128).cpu(), torch.tanh(v_rm.double()).float(), rtol=5e-6, atol=1e-12)


def test_a_number_that_is_none_shows(device):
    for activation in ("relu", "silu"):
        model = elm(mlp_activation=activation)
        with torch.no_grad():
            model.mlp.network[0].bias[2] = torch.nan
        assert outcome(model, spikes(1, 5), "triton", device)["y"].isnan().all()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"version": 2, "lambda_value": 10.0, "mlp_activation": "silu", "routing": "random"},
        {"n_branches": None, "mlp_hidden_size": 3, "tau_b_ms": 11.0},
        {"d_m": 20, "learn_tau_m": False},
    ],
)
def test_every_kind_of_elm(options, device):
    model, x_bts = elm(**options), spikes(2, 21)
    x_bts[1, 3:] = 0
    assert_same(outcome(model, x_bts, "triton", device), outcome(model, x_bts, "reference"))


def test_silence_and_input_of_any_type(device):
    model, x_bts = elm(), spikes(1, 9)
    assert_same(outcome(model, 0 * x_bts, "triton", device), outcome(model, 0 * x_bts, "reference"))
    truth = outcome(model, x_bts, "triton", device)
    for x in (x_bts.bfloat16(), x_bts.to(torch.int8), x_bts.double(), Events.from_dense(x_bts)):
        for name, values in outcome(model, x, "triton", device).items():
            assert torch.equal(values, truth[name]), name


def test_branches_of_models_side_by_side(device):
    """Each model's windows follow the others', under weights of its own."""
    random, x_wts = torch.Generator().manual_seed(0), spikes(6, 33)
    w_nsk, weight = (torch.randn(shape, generator=random) for shape in [(2, 34, 4), (2, 3, 33, 4)])
    events = Events.from_dense(x_wts)
    results = []
    for path in ("ours", "truth"):
        w, to = w_nsk.clone().requires_grad_(), device if path == "ours" else "cpu"
        if path == "ours":
            drive_nbtk = gpu.branch_drive(w.to(to), events.to(to))
        else:
            drive_nbtk = torch.stack([x @ each for x, each in zip(x_wts.split(3), w, strict=True)])
        (drive_nbtk * weight.to(to)).sum().backward()
        results.append({"drive": drive_nbtk.detach().cpu(), "w": w.grad})
    assert_same(*results)
    for table, n_windows in ((w_nsk[:, 1:], 6), (w_nsk, 5)):
        with pytest.raises(ValueError, match="inputs"):
            part = Events.from_dense(x_wts[:n_windows]).to(device)
            gpu.branch_drive(table.to(device), part)


@pytest.mark.parametrize(
    "name",
    [pytest.param("v1/num_memory_20", marks=pytest.mark.slow), "v2/branch_learn_tau"],
)
def test_the_published_outputs_and_gradients(shared, name, device):
    golden = dict(np.load(shared("data/elm_checkpoints/golden_forward_backward.npz")))
    if name.startswith("v1/"):
        model = load_published_elm(shared(f"data/elm_checkpoints/{name[3:]}")).model
    else:
        states = {k: torch.from_numpy(v) for k, v in golden.items() if k.startswith(f"{name}/state/")}
        states = {k.rpartition("/")[2]: v for k, v in states.items()}
        model = elm_from_published(json.loads(str(golden[f"{name}/config"])), states, name)
    model.to(device).path = "triton"
    x_bts = np.zeros(golden["input_shape"], np.float32)
    x_bts[tuple(golden["input_index"])] = golden["input_value"]
    y_bto = model(torch.from_numpy(x_bts).to(device))
    targets = (torch.from_numpy(golden[key]).to(device) for key in ("target_spike", "target_soma"))
    window_loss(y_bto, *targets, Rates(0.0, 0.5, 0.5, 0.0)).backward()
    theirs = {k.rpartition("/")[2]: torch.from_numpy(v) for k, v in golden.items() if k.startswith(f"{name}/grad/")}
    ours = {key: parameter.grad.cpu() for key, parameter in model.named_parameters() if parameter.grad is not None}
    theirs["output"], ours["output"] = torch.from_numpy(golden[f"{name}/output"]), y_bto.detach().cpu()
    assert_same(ours, theirs, tolerance=1e-4)


def on_a_gpu(neuron: Neuron) -> Neuron:
    """As far as `path_of` can tell."""

    class OnGPU(torch.Tensor):
        device = torch.device("cuda")

    return neuron._replace(w_y=neuron.w_y.detach().as_subclass(OnGPU))


def test_a_gpu_takes_this_path_by_itself(monkeypatch):
    uneven = elm()
    uneven.tau_s[:9] = 9.0
    assert path_of(on_a_gpu(elm(100).neuron())) == ("triton", "")
    refused = {
        "branches differ": uneven,
        "one hidden layer": elm(mlp_layers=2),
        "float64": elm().double(),
        "512 hidden units by 256 memory units": elm(256),
    }
    for why, model in refused.items():
        path, said = path_of(on_a_gpu(model.neuron()))
        assert path == "reference" and why in said
    monkeypatch.setitem(sys.modules, "triton", None)
    assert path_of(on_a_gpu(elm().neuron())) == ("reference", "triton is not installed")


@pytest.mark.gpu
@pytest.mark.skipif(not HAS_GPU, reason="no CUDA device")
def test_on_a_gpu_it_runs_and_says_so():
    model = elm().cuda()
    assert model.how == "recurrence: triton, a window to a program"
    x = Events.from_dense(spikes(2, 20)).to("cuda")
    assert torch.equal(outcome(model, x, "auto", "cuda")["y"], outcome(model, x, "triton", "cuda")["y"])


COMPILE = """
import re, subprocess, sys
from pathlib import Path
import triton.backends.nvidia
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource, compile
from apical.surrogate.kernels.recurrence import gpu, gpu_kernels

dump = str(Path(triton.backends.nvidia.__path__[0], "bin", "cuobjdump"))
architecture = int(sys.argv[1])
for kernel in (gpu_kernels.memory_forward, gpu_kernels.memory_backward):
    for hidden, memory, drive in ((64, 32, "*fp32"), (256, 128, "*bf16")):
        constants = {"SILU": True, "H": hidden, "M": memory, "RELOAD": hidden * memory > gpu.MOST_KEPT}
        kinds = {"drive_nbth": drive} | dict.fromkeys(constants, "constexpr")
        kinds = {name: kinds.get(name, "i32" if name.startswith("n_") else "*fp32") for name in kernel.arg_names}
        aligned = {(n,): [["tt.divisibility", 16]] for n, kind in enumerate(kinds.values()) if kind[0] == "*"}
        source = ASTSource(fn=kernel, signature=kinds, constexprs=constants, attrs=aligned)
        options = {"num_warps": gpu.warps_of(hidden * memory)}
        made = compile(source, target=GPUTarget("cuda", architecture, 32), options=options)
        print(made.metadata.shared <= 48 * 1024)  # what every GPU grants a program
        Path("made.cubin").write_bytes(made.asm["cubin"])
        used = subprocess.run([dump, "-res-usage", "made.cubin"], capture_output=True, text=True, check=True).stdout
        print(int(re.search(r"STACK:(\\d+)", used)[1]) <= 64)
"""


@pytest.mark.parametrize("architecture", [pytest.param(80, marks=pytest.mark.slow), 90])
def test_it_compiles_for_gpus_without_one(tmp_path, monkeypatch, architecture):
    """In a process of its own, since here it may be interpreted. What registers do not hold goes to the stack, which is
    read and written in every bin: hundreds of bytes of a thread, once.
    """
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    command = [sys.executable, "-c", COMPILE, str(architecture)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["True"] * 8


def test_nothing_else_needs_triton():
    needed = "apical.surrogate.fitting.fit, apical.surrogate.kernels.recurrence.gpu"
    absent = f"import sys; sys.modules['triton'] = None; import {needed}"
    done = subprocess.run([sys.executable, "-c", absent], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
