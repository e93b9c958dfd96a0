"""Steps on a device: the fit of the host's steps, nothing waited for, and as a graph the same again.

A GPU's graph is one of kernels. Its stand-in on the CPU is one of PyTorch's operations: written down without being run,
then run on the same memory. As there, no Python runs in a replay, and nothing of it can be written down that waits.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves, tree_map_only

from apical.simulate import schema
from apical.surrogate.fitting import fit as fitting
from apical.surrogate.fitting import step, steps
from apical.surrogate.fitting.dendrites import fit_components
from apical.surrogate.fitting.recipe import FitConfig, Phase
from apical.surrogate.fitting.resident import MEMORY_SHARE, Resident, fits
from apical.surrogate.fitting.scaling import VoltageScaling
from apical.surrogate.fitting.spike_inputs import SpikeInputs
from apical.surrogate.fitting.stack import Stack
from apical.surrogate.fitting.step import make_optimizer, optimizer_state, restore_optimizer
from apical.surrogate.fitting.steps import DeviceSteps, HostSteps, Training
from apical.surrogate.fitting.weight_average import WeightAverage
from apical.surrogate.fitting.windows import draw_places, draw_windows, load_trials
from apical.surrogate.kernels import replay, spike_convolution, spike_drive
from apical.surrogate.kernels.nadam import NAdam
from apical.surrogate.kernels.recurrence import cpu, gpu, memory
from apical.surrogate.kernels.recurrence.reference import leak
from apical.surrogate.kernels.replay import Replay
from apical.surrogate.models import gated
from apical.surrogate.models.families import build

HAS_GPU = torch.cuda.is_available()
PHASES = tuple(
    Phase(
        from_fraction=at, learning_rate=0.02 - at / 50, spike_weight=1 + at, voltage_weight=1 - at, dendrite_weight=0.1
    )
    for at in (0.0, 0.5)
)
MODELS = {
    "elm": ("elm", 3, {"n_branches": 4}, 1),
    "elms": ("elm", 3, {"n_branches": 4}, 3),
    "deep elm": ("elm", 2, {"n_branches": 4, "mlp_layers": 2}, 1),
    "tcn": ("tcn", "2x4", {"receptive_field_ms": 12}, 2),
    "tcn in bfloat16": ("tcn", "2x4", {"receptive_field_ms": 12}, 1),
    "lstm": ("lstm", 3, {}, 1),
    "gru": ("gru", 3, {}, 1),
    "ln": ("ln", 2, {}, 1),
    "alif": ("alif", 1, {}, 1),
}
OPTIONS = {"spike_windows": 0.5, "input_dropout": 0.3, "weight_average": 0.7, "weight_decay": 0.1, "warm_up_steps": 3}
every_model = pytest.mark.parametrize("name", MODELS)
WAITING = ("_local_scalar_dense", "nonzero", "_unique", "masked_select", "equal", "is_nonzero")


def settings(name="elm", **changes):
    family, size, options, _ = MODELS[name]
    fields = {"family": family, "size": size, "options": options, "steps": 8, "batch": 2, "window_ms": 24}
    fields |= {"burn_in_ms": 4, "validate_every": 4, "learning_rate": 0.02, "gradient_clip": 0.5}
    fields |= {"optimizer": "nadam", "l2": 1e-3} if family == "tcn" else {}
    fields |= {"precision": "bfloat16"} if name.endswith("bfloat16") else {}
    return FitConfig(**(fields | changes))


def training(trials, name="elm", device="cpu", path="auto", **changes):
    """All that steps need, from the same seeds each time."""
    family, size, options, n_models = MODELS[name]
    config = settings(name, **changes)
    models = [build(family, size, 16, seed=seed, **options).to(device) for seed in range(n_models)]
    for model in models if family == "elm" else []:
        model.path = path
    optimizers = [make_optimizer(config, model) for model in models]
    stack = Stack(models)
    averages = [WeightAverage(deepcopy(model), model) for model in models if config.weight_average]
    return Training(stack, optimizers, config, range(n_models), trials, averages=averages)


def on_device(given, device="cpu", say=None):
    config = given.config
    resident = Resident(given.trials, torch.device(device), window_ms=config.window_ms, batch=config.batch)
    return DeviceSteps(given, resident, say)


def state_of(given):
    """Every number that the next step depends on."""
    parts = [each.state_dict() for each in given.stack.models]
    parts += [[mean for mean, _ in each._pairs] for each in given.averages]
    parts += [optimizer_state(each, 0.0)["state"] for each in given.optimizers]
    return [leaf.clone() for leaf in tree_leaves(parts) if isinstance(leaf, torch.Tensor)]


def assert_equal(ours, theirs):
    for one, other in zip(ours, theirs, strict=True):
        assert torch.equal(one, other)


@pytest.fixture
def trials(make_dataset):
    return load_trials(schema.open_dataset(make_dataset(n_trials=4)), [0, 1, 3], VoltageScaling())


@pytest.fixture
def as_a_gpu(monkeypatch):
    """Models take the paths that they have on a GPU; Triton's kernels, which other tests interpret, are the CPU's."""
    monkeypatch.setattr(gpu, "_launch", launched)
    for module in (step, spike_drive):
        monkeypatch.setattr(module, "GPU", "cpu")
    for kind in (torch.optim.Adam, torch.optim.NAdam):
        module = sys.modules[kind.__module__]
        monkeypatch.setattr(module, "_get_capturable_supported_devices", lambda **given: ["cpu"])
    monkeypatch.setattr("apical.surrogate.kernels.nadam._one_pass", lambda parameter: False)
    for module in (spike_convolution, gated):
        monkeypatch.setattr(module, "why_not", lambda weight: "on cuda")
    monkeypatch.setattr("apical.surrogate.fitting.stack.path_of", lambda neuron: gpu_path(neuron))


def launched(kernel, a_nbth, m_nbtm, activation, *arrays):
    """What `gpu._launch` does."""
    sizes = *_, n_h, n_m = (*a_nbth.shape, m_nbtm.shape[3])
    rest = torch.zeros_like(m_nbtm[:, :, 0])
    if kernel.__name__ == "memory_forward":
        drive, leak_1, bias, into, out, *vectors, a, d, m = arrays
        given = leaked(drive, leak_1) + bias[:, None, None], into[:, :n_h, :n_m].mT, out[:, :n_h, :n_m]
        cpu.call("memory_forward", *sizes, *(each.contiguous() for each in given), *vectors, rest, activation, a, d, m)
    else:
        gradient, leak_1, into, out, kappa, gain, a, d, m, of_drive, before, before_tanh, *made = arrays
        given = gradient, into[:, :n_h, :n_m], out[:, :n_h, :n_m].mT, kappa, gain, rest
        made = a, d, m, before, before_tanh, torch.empty_like(rest), *made
        cpu.call("memory_backward", *sizes, *(each.contiguous() for each in given), activation, *made)
        of_drive.copy_(leaked(before.flip(2), leak_1).flip(2))


def leaked(values_nbth, leak_1):
    return leak(values_nbth.flatten(0, 1), leak_1).view_as(values_nbth)


def gpu_path(neuron):
    path, why = memory.path_of(neuron)
    return ("triton" if path == "compiled" else path), why


class Waits(Exception):
    """The host would wait for the device."""


class Written(TorchDispatchMode):
    """A stand-in of a CUDA graph: its operations in order, with the memory that they read and write.

    What they wrote when they were written down is put back, as none of them ran.
    """

    def __init__(self):
        super().__init__()
        self.operations, self.before = [], []

    def __torch_dispatch__(self, operation, types, given=(), options=None):
        name, options = operation.overloadpacket.__name__, options or {}
        if name.startswith(WAITING):
            raise Waits(operation)
        written = [v for of, v in zip(operation._schema.arguments, given, strict=False) if writes(of)]
        if "batch_norm" in name and "backward" not in name:  # whose schema does not say so
            written += given[3:5]
        self.before += [(each.detach(), each.clone()) for each in tree_leaves(written)]
        seen = aliased(given), aliased(options)
        made = operation(*given, **options)
        self.operations.append((operation, *seen, aliased(made)))
        return made

    def launched(self, *given):
        """A kernel that is no operation of PyTorch."""
        with _disable_current_modes():
            launched(*given)
        self.operations.append((launched, given, {}, None))

    def put_back(self):
        for tensor, value in reversed(self.before):
            tensor.copy_(value)

    def replay(self):
        with torch._C._AutoDispatchBelowAutograd():
            for operation, given, options, made in self.operations:
                again = operation(*aliased(given), **aliased(options))
                for kept, value in zip(tree_leaves(made), tree_leaves(again), strict=True):
                    if isinstance(kept, torch.Tensor) and kept.data_ptr() != value.data_ptr():
                        kept.copy_(value)


def writes(argument):
    return argument.alias_info is not None and argument.alias_info.is_write


def aliased(values):
    """The same memory, seen by tensors of their own, which operations such as transpose_ may turn."""
    return tree_map_only(torch.Tensor, torch.Tensor.detach, values)


@pytest.fixture
def pretend_cuda(monkeypatch):
    """Enough of torch.cuda for `Replay`."""
    current: list[Written] = []

    @contextmanager
    def graph(made):
        with monkeypatch.context() as patched, made:
            patched.setattr(gpu, "_launch", made.launched)
            for name in ("item", "tolist", "cpu", "numpy", "__array__"):
                patched.setattr(torch.Tensor, name, waits)
            yield
        made.put_back()
        current.append(made)

    class Stream:
        def wait_stream(self, other):
            pass

    monkeypatch.setattr(torch.cuda, "CUDAGraph", Written)
    monkeypatch.setattr(torch.cuda, "graph", graph)
    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "current_stream", Stream)
    monkeypatch.setattr(torch.cuda, "set_stream", lambda stream: None)
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: nullcontext())
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    return current


def waits(*given, **options):
    raise Waits


@pytest.mark.parametrize("window_ms", [1, 40, 1000])
def test_windows_cut_on_the_device_are_those_drawn_on_the_host(make_dendrites, window_ms):
    ds = schema.open_dataset(make_dendrites(n_trials=4))
    trials = load_trials(ds, [0, 2, 3], VoltageScaling(), fit_components([(ds, np.array([0, 2]))], 2))
    size = {"window_ms": window_ms, "batch": 6}
    resident, lengths = Resident(trials, torch.device("cpu"), **size), set()
    for number in range(5):
        expected = draw_windows(trials, **size, seed=1, step=number)
        places = [torch.from_numpy(each) for each in draw_places(trials, **size, seed=1, step=number)[:2]]
        made = resident.windows(*places)
        lengths.add(len(made.events.row_n))
        assert_equal(made.events.trimmed()[:3], expected.events[:3])
        assert made.events.shape == expected.events.shape
        assert [each.dtype for each in made.events[:3]] == [each.dtype for each in expected.events[:3]]
        assert torch.equal(made.events.dense(), expected.events.dense()), "what fills the batch up is seen"
        assert_equal(made[1:4], expected[1:4])
    assert len(lengths) == 1, "a graph needs one size for all"


def test_a_silent_dataset_has_windows_too(make_dataset):
    ds = schema.open_dataset(make_dataset(n_trials=3))
    trials = load_trials(ds, [0, 1], VoltageScaling())
    silent = [SpikeInputs.from_dense(np.zeros((16, 1500), bool), trial.sign_s) for trial in trials.inputs]
    resident = Resident(trials._replace(inputs=silent), torch.device("cpu"), window_ms=20, batch=2)
    events = resident.windows(torch.tensor([0, 1]), torch.tensor([500, 700])).events
    assert not len(events.trimmed().row_n) and not events.dense().any()


def test_what_is_too_large_for_a_gpu_stays_on_the_host(trials, monkeypatch):
    n_events = sum(len(trial.trains.synapse_n) for trial in trials.inputs)
    needed = 4 * n_events + 16 * 3 * 1500
    assert Resident.n_bytes(trials) == needed
    for free, fit in ((needed / MEMORY_SHARE, True), (needed / MEMORY_SHARE - 4, False)):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device, free=free: (free, 2 * free))
        assert fits(trials, torch.device("cuda")) is fit


@every_model
def test_steps_on_a_device_are_those_of_the_host(trials, name):
    """To the bit, over two phases of rates, taken three and then five at a time."""
    ours, theirs = (training(trials, name, phases=PHASES) for _ in range(2))
    taken, expected = on_device(ours), HostSteps(theirs, range(8))
    assert taken.take(range(3)) + taken.take(range(3, 8)) == expected.take(range(8))
    assert_equal(state_of(ours), state_of(theirs))


@pytest.mark.parametrize("name", ["elm", "elms", "tcn"])
def test_so_are_they_with_every_option(trials, name):
    """Weighted windows, input spikes left out, a mean of the weights: on the host and on a device to the bit."""
    ours, theirs = (training(trials, name, **OPTIONS) for _ in range(2))
    taken, expected = on_device(ours), HostSteps(theirs, range(8))
    assert taken.take(range(3)) + taken.take(range(3, 8)) == expected.take(range(8))
    assert_equal(state_of(ours), state_of(theirs))


@every_model
def test_nothing_is_waited_for_within_a_step(trials, name, as_a_gpu, pretend_cuda):
    """A graph of a step can be made, and making one leaves no trace; its replays are the steps to the bit."""
    options = OPTIONS if name == "elm" else {}
    ours, theirs = (training(trials, name, phases=PHASES, **options) for _ in range(2))
    said, taken, expected = [], on_device(ours), on_device(theirs)
    taken._step = Replay(taken.step, said.append)
    assert taken.take(range(8)) == expected.take(range(8))
    assert_equal(state_of(ours), state_of(theirs))
    (graph,) = pretend_cuda
    assert said == []
    launches = [given[0].__name__ for operation, given, *_ in graph.operations if operation is launched]
    if name.startswith("elm"):  # one launch of each kernel for all bins of all windows of all models
        assert launches == ["memory_forward", "memory_backward"]
    with torch.no_grad():
        for model in (model for each in (ours, theirs) for model in each.stack.models):
            for parameter in model.parameters():
                parameter.mul_(1.5)  # a graph knows the memory, not what lay there
    assert taken.take(range(8)) == expected.take(range(8))


def test_the_stand_in_refuses_what_waits(trials, pretend_cuda):
    """Else the test above would say nothing: the CPU's own kernels look at their events."""
    said, given = [], training(trials)
    taken = on_device(given)
    taken._step = Replay(taken.step, said.append)
    losses = taken.take(range(8))
    assert len(said) == 1 and said[0].startswith("a training step is launched kernel by kernel: no CUDA graph was made")
    assert pretend_cuda == []
    assert losses == HostSteps(training(trials), range(8)).take(range(8)), "a graph that fails leaves a trace"


def test_only_the_losses_are_read_and_once(trials, as_a_gpu, monkeypatch):
    """Of all steps that are taken together; copies to the device are not waited for."""
    taken = on_device(training(trials, "lstm"))
    reads = []
    for name in ("item", "tolist", "cpu", "numpy", "__bool__", "__float__", "__int__", "__index__", "__array__"):
        plain = getattr(torch.Tensor, name)
        monkeypatch.setattr(torch.Tensor, name, lambda *given, n=name, p=plain: reads.append(n) or p(*given))
    taken.take(range(8))
    assert reads == ["tolist"]


@pytest.mark.parametrize("name", ["elm", "tcn", "lstm"])
def test_a_fit_on_a_device_is_that_of_the_host(make_dataset, tmp_path, monkeypatch, name):
    """The folder to the byte: weights, state, log but its seconds; reports come as steps are looked at."""
    data, config = make_dataset(), settings(name, steps=10)
    fitting.fit(config, data, tmp_path / "host", device="cpu")
    monkeypatch.setattr(fitting, "_resident", resident_on_the_cpu)
    seen = []
    fitting.fit(config, data, tmp_path / "device", device="cpu", report=lambda progress: seen.append(progress.step))
    assert seen == [4, 8, 10]
    for file in ("weights.safetensors", "state.pt", "config.json"):
        assert (tmp_path / "device" / file).read_bytes() == (tmp_path / "host" / file).read_bytes()
    logs = ((tmp_path / way / "log.csv").read_text().splitlines() for way in ("host", "device"))
    assert len({tuple(line.rpartition(",")[0] for line in log) for log in logs}) == 1


def resident_on_the_cpu(train, device, config, share):
    return Resident(train, device, window_ms=config.window_ms, batch=config.batch)


def test_resumed_on_another_device_it_is_the_same(make_dataset, tmp_path, monkeypatch):
    """Four steps by the host, then as on a GPU, whose rate is a tensor; stopped between two validations."""

    class Stop(Exception):
        pass

    def stop(progress):
        if progress.step == 5:
            raise Stop

    data, config = make_dataset(), settings(steps=8)
    fitting.fit(config, data, tmp_path / "whole", device="cpu")
    with pytest.raises(Stop):
        fitting.fit(config, data, tmp_path / "resumed", device="cpu", report=stop)
    monkeypatch.setattr(fitting, "_resident", resident_on_the_cpu)
    fitting.fit(config, data, tmp_path / "resumed", device="cpu", resume=True)
    assert (tmp_path / "resumed" / "state.pt").read_bytes() == (tmp_path / "whole" / "state.pt").read_bytes()


def test_a_loss_that_is_no_number_is_found_where_it_was(make_dataset, tmp_path, monkeypatch):
    """Though it is looked at later: the step is named, and nothing after the last validation is kept."""
    data, config, errors = make_dataset(), settings(steps=12, validate_every=6), []
    descend = steps.descend

    def failing(*given):
        losses = descend(*given)
        numbers.append(None)
        return losses * float("nan") if len(numbers) in (9, 10) else losses

    for way in ("host", "device"):
        numbers = []
        monkeypatch.setattr(steps, "descend", failing)
        monkeypatch.setattr("apical.surrogate.fitting.step.descend", failing)
        if way == "device":
            monkeypatch.setattr(fitting, "_resident", resident_on_the_cpu)
        (error,) = fitting.fit_together([config], data, [tmp_path / way], device="cpu")
        errors.append(str(error).replace(way, "run"))
        assert len((tmp_path / way / "log.csv").read_text().splitlines()) == 2
    assert errors[0] == errors[1] and "loss is nan at step 9; the best model up to step 6 is kept" in errors[0]
    assert (tmp_path / "device" / "state.pt").read_bytes() == (tmp_path / "host" / "state.pt").read_bytes()


def adam(parameter, **kind):
    return torch.optim.Adam([parameter], fused=True, **kind)


@pytest.mark.parametrize("kind", [adam, lambda parameter, **given: NAdam([parameter], **given)], ids=["adam", "nadam"])
def test_an_optimizer_that_a_graph_can_hold(kind, monkeypatch):
    """Its rate and its count of steps are tensors; it steps as the CPU's, and its state goes from one to the other."""
    nadam = sys.modules[torch.optim.NAdam.__module__]
    monkeypatch.setattr(nadam, "_get_capturable_supported_devices", lambda **given: ["cpu"])
    monkeypatch.setattr("apical.surrogate.kernels.nadam._one_pass", lambda p: not capturable)
    random = torch.Generator().manual_seed(0)
    start, gradients = torch.randn(7, generator=random), torch.randn(6, 7, generator=random)
    results = []
    for order in ((False,) * 6, (True,) * 6, (False, False, True, True, False, False)):
        parameter, state = torch.nn.Parameter(start.clone()), None
        for capturable, gradient in zip(order, gradients, strict=True):
            rate = torch.tensor(0.03) if capturable else 0.03
            optimizer = kind(parameter, lr=rate, weight_decay=0.01, capturable=capturable)
            if state is not None:
                restore_optimizer(optimizer, state)
            assert optimizer.param_groups[0]["lr"] is rate and optimizer.param_groups[0]["capturable"] is capturable
            parameter.grad = gradient
            optimizer.step()
            state = optimizer_state(optimizer, 0.03)
            assert state["param_groups"][0]["lr"] == 0.03 and state["param_groups"][0]["capturable"] is False
        results.append(parameter.detach())
    for result in results[1:]:
        torch.testing.assert_close(result, results[0], rtol=2e-6, atol=1e-6)  # the rate in 32 bits


@pytest.mark.parametrize("kind", ["adam", "nadam"])
def test_steps_outside_a_graph_are_not_warned_of(as_a_gpu, monkeypatch, kind):
    """PyTorch warns, once, of an optimizer that a graph can hold and that steps without one: the first steps do."""
    model = build("lif", 1, 4)
    optimizer = make_optimizer(settings("alif", optimizer=kind), model)
    assert optimizer.param_groups[0]["capturable"]
    (model.w_s.sum() + model.rest + model.proto_tau).backward()
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda **given: torch.device("cuda"))
    monkeypatch.setattr(torch.accelerator, "current_stream", lambda: SimpleNamespace(is_capturing=lambda: False))
    optimizer.step()


def test_calls_of_a_replay(pretend_cuda):
    """As it is, then written down once, then replayed."""
    number, python = torch.zeros(()), []

    def function():
        python.append(None)
        number.add_(1)

    call = Replay(function)
    for n in range(1, 9):
        call()
        assert number == n
    assert len(python) == replay.WARM_UP + 1


@pytest.mark.gpu
@pytest.mark.skipif(not HAS_GPU, reason="no CUDA device")
@pytest.mark.filterwarnings("ignore:Synchronization debug mode is a prototype")
@every_model
def test_on_a_gpu_a_step_is_one_graph_that_waits_for_nothing(trials, name):
    """As the steps that are launched kernel by kernel, and near those of the CPU."""
    said, ways = [], []
    for graph in (True, False):
        given = training(trials, name, "cuda", phases=PHASES)
        taken = on_device(given, "cuda", said.append)
        if not graph:
            taken._step = taken.step
        losses = taken.take(range(4))
        if graph:
            assert said == [] and taken._step._graph is not None
        taken.take(range(4, 8))
        torch.cuda.set_sync_debug_mode("error")
        try:
            taken._at.zero_()
            for _ in range(4):
                taken._step()
        finally:
            torch.cuda.set_sync_debug_mode("default")
        ways.append((losses, state_of(given)))
    (graph_losses, graph_state), (losses, state) = ways
    if name in ("elm", "elms"):
        assert graph_losses == losses
        assert_equal(graph_state, state)
    for one, other in zip(graph_state, state, strict=True):  # cuDNN may sum in any order
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)
    on_cpu = HostSteps(training(trials, name, phases=PHASES), range(4)).take(range(4))
    np.testing.assert_allclose(losses, on_cpu, rtol=1e-2)  # the 11 digits of TF32, of a small loss


@pytest.mark.gpu
@pytest.mark.skipif(not HAS_GPU, reason="no CUDA device")
@pytest.mark.parametrize("name", ["elm", "elms"])
def test_on_a_gpu_a_fit_that_is_resumed_is_the_undisturbed_one(make_dataset, tmp_path, name):
    class Stop(Exception):
        pass

    def stop(progress):
        if progress.step == 8:
            raise Stop

    data, configs = make_dataset(), [settings(name, steps=16, seed=seed) for seed in range(MODELS[name][3])]
    whole, resumed = ([tmp_path / f"{way}{config.seed}" for config in configs] for way in ("whole", "resumed"))
    fitting.fit_together(configs, data, whole, device="cuda")
    with pytest.raises(Stop):
        fitting.fit_together(configs, data, resumed, device="cuda", report=stop)
    fitting.fit_together(configs, data, resumed, device="cuda", resume=True)
    for one, other in zip(whole, resumed, strict=True):
        assert (one / "state.pt").read_bytes() == (other / "state.pt").read_bytes()
