"""A whole training step of the Branch-ELM: each path against the plain loop over bins, compiled with TorchScript.

    python benchmarks/elm.py data.zarr
    python benchmarks/elm.py data.zarr --d-m 100 --steps 100
    python benchmarks/elm.py data.zarr --device cuda --batch 256 --compile

One run, the same batches for all: drawing them from the dataset's events, forward, loss, backward and Adam; one row is
as `apical fit` does it on a GPU, its trials there and a step one CUDA graph. The baseline holds every synapse's state
and steps through the window as the published code does (Spieler et al. 2024); it is run as it is written, as
TorchScript, to which the ratios are, and with --compile as torch.compile makes of a bin of it (of the whole window it
would take minutes). Prints the median of each in ms, the ratio, and the largest error of the loss's gradient against
the baseline's. --compile tells how long compiling took. Run it where nothing else does.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from apical.simulate import schema
from apical.surrogate.fitting.recipe import FitConfig, paper
from apical.surrogate.fitting.resident import Resident
from apical.surrogate.fitting.scaling import VoltageScaling
from apical.surrogate.fitting.stack import Stack
from apical.surrogate.fitting.step import make_optimizer, train_step, window_loss
from apical.surrogate.fitting.steps import DeviceSteps, Training
from apical.surrogate.fitting.windows import Trials, Windows, draw_windows, finished_trials, load_trials
from apical.surrogate.models.elm import ELM
from apical.surrogate.models.families import build


class PlainLoop(nn.Module):
    """The first version of the ELM, a bin at a time, with the parameters of one of ours."""

    def __init__(self, elm: ELM) -> None:
        super().__init__()
        self.w_s, self.mlp, self.w_y = elm._proto_w_s, elm.mlp.network, elm.w_y
        self.n_branches, self.lambda_value = elm.n_branches, elm.config.lambda_value
        self.register_buffer("input_of", elm.input_to_synapse_indices)
        self.register_buffer("valid", elm.valid_indices_mask)
        self.register_buffer("kappa_s", torch.exp(-1 / elm.tau_s))
        self.register_buffer("kappa_m", torch.exp(-1 / elm.tau_m_ms).detach())

    def forward(self, x: Tensor) -> Tensor:
        w_s = torch.relu(self.w_s)
        s = torch.zeros(x.shape[0], w_s.shape[0], device=x.device)
        m = torch.zeros(x.shape[0], self.kappa_m.shape[0], device=x.device)
        y: list[Tensor] = []
        at_synapses = torch.index_select(x, 2, self.input_of) * self.valid
        for t in range(x.shape[1]):
            s, m = self.bin(s, m, w_s, at_synapses[:, t])
            y.append(self.w_y(m))
        return torch.stack(y, dim=1)

    def bin(self, s: Tensor, m: Tensor, w_s: Tensor, at_synapses: Tensor) -> tuple[Tensor, Tensor]:
        """Synapses and memory after a bin."""
        s = self.kappa_s * s + w_s * at_synapses
        b = s.view(s.shape[0], self.n_branches, -1).sum(-1)
        kept = self.kappa_m * m
        d = 1.7159 * torch.tanh(2.0 / 3.0 * self.mlp(torch.cat([b, kept], dim=1)))
        return s, kept + self.lambda_value * (1 - self.kappa_m) * d


def median_ms(step: Callable[[int], object], warm_up: int, count: int) -> float:
    for number in range(warm_up):
        step(number)
    took = []
    for number in range(count):
        settle()
        began = time.perf_counter()
        step(warm_up + number)
        settle()
        took.append(time.perf_counter() - began)
    return 1000 * statistics.median(took)


def settle() -> None:
    """Wait for what a GPU still has to do."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--d-m", type=int, default=20)
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--batch", type=int, help="windows in a step, in place of the published recipe's")
    parser.add_argument("--window-ms", type=int, help="likewise; longer than the burn-in")
    parser.add_argument("--path", choices=["compiled", "triton"], help="ours; by default the fast one of the device")
    parser.add_argument("--compile", action="store_true", help="torch.compile of the plain loop too")
    parser.add_argument("--baseline-steps", type=int, default=9, help="steps of what is slow")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    ds = schema.open_dataset(options.data, "simulation")
    trials = load_trials(ds, finished_trials(ds)[: options.trials].tolist(), VoltageScaling())
    sizes = {"batch": options.batch, "window_ms": options.window_ms}
    config = paper("elm", options.d_m, **{name: size for name, size in sizes.items() if size})
    n_inputs = ds.sizes["synapse"]
    print(
        f"batch {config.batch} x {config.window_ms} ms x {n_inputs} inputs, 45 x 100 synapses, d_m {options.d_m}, "
        f"{options.threads} threads, on {options.device}\n"
    )

    def model(seed: int = 0) -> ELM:
        return build("elm", options.d_m, n_inputs, seed=seed).to(options.device)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # TorchScript's own
        script = torch.jit.script(PlainLoop(model()))
    print(f"{'way':<44}{'ms a step':>10}{'ratio':>8}{'gradient error':>16}", flush=True)
    slow_ms = baseline_ms(script, trials, config, options.baseline_steps)
    print(f"{'plain loop over bins, TorchScript':<44}{slow_ms:>10.1f}{1.0:>8.1f}", flush=True)
    others: dict[str, nn.Module] = {"plain loop over bins": PlainLoop(model())}
    if options.compile:
        others["plain loop over bins, torch.compile"] = compiled_bins(PlainLoop(model()))
    for name, other in others.items():
        began = time.perf_counter()
        loss_of(other, trials, config, 0).backward()
        first = f"  the first {time.perf_counter() - began:.1f} s" if options.compile else ""
        took_ms = baseline_ms(other, trials, config, options.baseline_steps)
        print(f"{name:<44}{took_ms:>10.1f}{slow_ms / took_ms:>8.1f}{first}", flush=True)
    fast = options.path or ("triton" if options.device == "cuda" else "compiled")
    for name, path, count in (
        ("reference, in PyTorch", "reference", options.baseline_steps),
        (fast, fast, options.steps),
    ):
        ours = model()
        ours.path = path
        took_ms = step_ms([ours], trials, config, count)
        error = gradient_error(config, trials, ours)
        print(f"{name:<44}{took_ms:>10.1f}{slow_ms / took_ms:>8.1f}{error:>16.1e}", flush=True)
    drawn_ms = median_ms(lambda step: draw(trials, config, step), 3, options.steps)
    print(f"{'  of which drawing the batch':<44}{drawn_ms:>10.1f}", flush=True)
    graph = ", one CUDA graph" if options.device == "cuda" else ""
    ours = model()
    ours.path = fast
    each_ms = device_ms(ours, trials, config, options.steps)
    print(f"{f'{fast}, drawn on the device{graph}':<44}{each_ms:>10.1f}{slow_ms / each_ms:>8.1f}", flush=True)
    for count in (2, 4, 8):
        each_ms = step_ms([model(seed) for seed in range(count)], trials, config, -(-options.steps // count)) / count
        together = "triton" if options.device == "cuda" else "compiled"  # which a stack chooses
        print(
            f"{f'{together}, {count} models together: each of them':<44}{each_ms:>10.1f}{slow_ms / each_ms:>8.1f}",
            flush=True,
        )


def baseline_ms(model: nn.Module, trials: Trials, config: FitConfig, count: int) -> float:
    """A whole training step of a plain loop."""
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-4)

    def step(number: int) -> None:
        loss = loss_of(model, trials, config, number)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return median_ms(step, min(3, count), count)


def compiled_bins(plain: PlainLoop) -> PlainLoop:
    plain.bin = torch.compile(plain.bin)
    return plain


def step_ms(models: list[ELM], trials: Trials, config: FitConfig, count: int) -> float:
    """A whole training step of models together."""
    stack, optimizers = Stack(models), [make_optimizer(config, model) for model in models]
    device = next(models[0].parameters()).device

    def step(number: int) -> None:
        batches = [draw(trials, config, number, seed).to(device) for seed in range(len(models))]
        train_step(stack, optimizers, batches, config, number)

    return median_ms(step, 3, count)


def device_ms(model: ELM, trials: Trials, config: FitConfig, count: int) -> float:
    """A whole training step as `apical fit` takes it on a GPU, a hundred of them between two looks."""
    training = Training(Stack([model]), [make_optimizer(config, model)], config, [0], trials)
    device = next(model.parameters()).device
    taken = DeviceSteps(training, Resident(trials, device, window_ms=config.window_ms, batch=config.batch), print)
    taken.take(range(min(count, 10)))
    began = time.perf_counter()
    for first in range(0, count, taken.at_once):
        taken.take(range(first, min(first + taken.at_once, count)))
    return 1000 * (time.perf_counter() - began) / count


def draw(trials: Trials, config: FitConfig, step: int, seed: int = 0) -> Windows:
    return draw_windows(trials, window_ms=config.window_ms, batch=config.batch, seed=seed, step=step)


def loss_of(model: nn.Module, trials: Trials, config: FitConfig, step: int) -> Tensor:
    """The loss of a batch that a model sees dense."""
    windows, scored = draw(trials, config, step), slice(config.burn_in_ms, None)
    device = next(model.parameters()).device
    y_bwo = model(windows.events.to(device).dense())[:, scored]
    spike_bw, voltage_bw = (each[:, scored].to(device) for each in (windows.spike_bw, windows.voltage_bw))
    return window_loss(y_bwo, spike_bw, voltage_bw, config.rates(step))


def gradient_error(config: FitConfig, trials: Trials, model: ELM) -> float:
    """Largest difference of a parameter's gradient from the plain loop's, as a part of its largest."""
    gradients = []
    for forward in (PlainLoop(model), model):
        model.zero_grad()
        loss_of(forward, trials, config, 0).backward()
        gradients.append([p.grad.clone() for p in model.parameters() if p.grad is not None])
    return max(float((ours - truth).abs().max() / truth.abs().max()) for truth, ours in zip(*gradients, strict=True))


if __name__ == "__main__":
    main()
