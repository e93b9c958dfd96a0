"""A whole training step of a TCN, LSTM or GRU: ours against plain PyTorch on dense input.

    python benchmarks/tcn.py data.zarr
    python benchmarks/tcn.py data.zarr --models lstm:50 gru:50 --threads 1 --rounds 20
    python benchmarks/tcn.py data.zarr --device cuda --precision bfloat16

The published recipe (TCN, Beniaguev et al. 2021: batch 8 x 400 ms, Nadam; LSTM and GRU, Spieler et al. 2024: batch 8 x
500 ms, Adam), the same batches for both: drawing them from the dataset's events, forward, loss, backward and the
optimizer. The baseline is what a straightforward port does: nn.Conv1d, or nn.LSTM and nn.GRU, on dense input in the
default memory layout, with torch.optim's defaults. Both take their steps in turn, in one run. With --precision bfloat16
ours has its large products in it, as `apical fit --set precision=bfloat16` has; the baseline and both gradients stay in
float32. Run it where nothing else does.

Prints the median of each in ms and the ratio. Then the error of each one's gradient: the norm of its difference from
double precision as a part of the norm, of the parameter that has the largest. (Rounding flips units of a deep ReLU
network that are near 0, whoever computes it.) Then the GMAC of a step on dense input, every layer forward and twice
backward and the first only once, and the rate at which each got through them: ours by not doing most of them.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from apical.simulate import schema
from apical.surrogate.fitting.recipe import FitConfig, paper
from apical.surrogate.fitting.rollout import overlap_ms_of
from apical.surrogate.fitting.scaling import VoltageScaling
from apical.surrogate.fitting.stack import Stack
from apical.surrogate.fitting.step import make_optimizer, train_step, window_loss
from apical.surrogate.fitting.windows import Trials, Windows, draw_windows, finished_trials, load_trials
from apical.surrogate.kernels.events import Events
from apical.surrogate.models.families import build
from apical.surrogate.models.gated import Gated
from apical.surrogate.models.network import Network
from apical.surrogate.models.tcn import TCN

MODELS = ("tcn:7x128", "tcn:4x128", "tcn:2x8", "lstm:15", "lstm:50", "gru:50")


class PlainTCN(nn.Module):
    """Causal convolutions over dense input, channels first, with the parameters of one of ours."""

    def __init__(self, tcn: TCN) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        for layer in tcn.layers:
            conv = nn.Conv1d(layer.conv.in_channels, layer.conv.out_channels, layer.conv.kernel_size[0])
            conv.load_state_dict(layer.conv.state_dict())
            self.layers.append(nn.ModuleList([conv, deepcopy(layer.norm)]))
        self.heads = nn.ModuleList([deepcopy(tcn.spike), deepcopy(tcn.voltage)])

    def forward(self, x_bts: Tensor) -> Tensor:
        features = x_bts.abs().transpose(1, 2)
        for conv, norm in self.layers:
            features = norm(torch.relu(conv(F.pad(features, (conv.kernel_size[0] - 1, 0)))))
        return torch.cat([head(features) for head in self.heads], dim=1).transpose(1, 2)


class PlainCells(nn.Module):
    """nn.LSTM or nn.GRU over dense input, with the parameters of one of ours."""

    def __init__(self, gated: Gated) -> None:
        super().__init__()
        self.cells, self.head = deepcopy(gated.cells), deepcopy(gated.head)

    def forward(self, x_bts: Tensor) -> Tensor:
        return self.head(self.cells(x_bts)[0])


def plain(model: Network) -> nn.Module:
    return PlainTCN(model) if isinstance(model, TCN) else PlainCells(model)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--models", nargs="+", default=MODELS, metavar="FAMILY:SIZE")
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument(
        "--rounds", type=int, default=7, help="of one step of the baseline and three of ours; 2 at least"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32", help="of ours")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    ds = schema.open_dataset(options.data, "simulation")
    trials = load_trials(ds, finished_trials(ds)[: options.trials].tolist(), VoltageScaling())
    n_inputs = ds.sizes["synapse"]
    print(f"{n_inputs} inputs, {options.threads} threads, ours in {options.precision}, on {options.device}\n")
    columns = (
        f"{'dense, ms':>11}{'ours, ms':>10}{'ratio':>8}{'gradient error':>16}{'dense GMAC':>12}{'GMAC/s':>8}{'ours':>8}"
    )
    print(f"{'model':<12}{columns}")
    for name in options.models:
        family, size = name.split(":")
        config = paper(family, size, precision=options.precision)
        dense_ms, ours_ms = in_turn(config, trials, n_inputs, options.rounds, options.device)
        gmac = dense_gmac(build(family, size, n_inputs), config)
        dense_off, ours_off = gradient_errors(config, trials, build(family, size, n_inputs).to(options.device))
        times = f"{dense_ms:>9.1f}{ours_ms:>9.1f}{dense_ms / ours_ms:>8.1f}"
        rates = f"{gmac:>8.2f}{1000 * gmac / dense_ms:>8.0f}{1000 * gmac / ours_ms:>8.0f}"
        print(f"{name:<12}{times}{dense_off:>9.0e}{ours_off:>9.0e}{rates}", flush=True)


def in_turn(config: FitConfig, trials: Trials, n_inputs: int, rounds: int, device: str) -> tuple[float, float]:
    """Median ms of a step of the baseline and of ours, which take turns."""
    ours = build(config.family, config.size, n_inputs).to(device)
    theirs = plain(ours)
    our_optimizer = make_optimizer(config, ours)
    kind = {"adam": torch.optim.Adam, "nadam": torch.optim.NAdam}[config.optimizer]
    their_optimizer = kind(
        [p for p in theirs.parameters() if p.requires_grad], lr=config.learning_rate, weight_decay=config.l2
    )

    def baseline(step: int) -> None:
        for group in their_optimizer.param_groups:
            group["lr"] = config.rates(step).learning_rate
        loss = loss_of(theirs, ours, trials, config, step)
        their_optimizer.zero_grad()
        loss.backward()
        their_optimizer.step()

    stack, where = Stack([ours]), torch.device(device)

    def step_of_ours(step: int) -> None:
        train_step(stack, [our_optimizer], [draw(trials, config, step).to(where)], config, step)

    took: dict[str, list[float]] = {"dense": [], "ours": []}
    for step in range(rounds):
        took["dense"].append(ms_of(baseline, step))
        took["ours"] += [ms_of(step_of_ours, 3 * step + again) for again in range(3)]
    warm = {way: times[len(times) // rounds :] for way, times in took.items()}  # without the first round
    return statistics.median(warm["dense"]), statistics.median(warm["ours"])


def ms_of(step: Callable[[int], object], number: int) -> float:
    settle()
    began = time.perf_counter()
    step(number)
    settle()
    return 1000 * (time.perf_counter() - began)


def settle() -> None:
    """Wait for what a GPU still has to do."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def draw(trials: Trials, config: FitConfig, step: int) -> Windows:
    return draw_windows(trials, window_ms=config.window_ms, batch=config.batch, seed=config.seed, step=step)


def loss_of(model: nn.Module, like: Network, trials: Trials, config: FitConfig, step: int) -> Tensor:
    """The loss of a batch in the model's precision; it sees the batch as events if it is one of ours, else dense."""
    windows = draw(trials, config, step)
    device, dtype = (getattr(next(model.parameters()), name) for name in ("device", "dtype"))
    events = windows.events.to(device)
    x: Tensor | Events = events if isinstance(model, Network) else events.dense(dtype)
    scored = slice(overlap_ms_of(like, config.burn_in_ms), None)
    spike_bw, voltage_bw = (each[:, scored].to(device, dtype) for each in (windows.spike_bw, windows.voltage_bw))
    return window_loss(model(x)[:, scored], spike_bw, voltage_bw, config.rates(step))


def gradient_errors(config: FitConfig, trials: Trials, ours: Network) -> tuple[float, float]:
    """Of the baseline and of ours: see the top."""
    exact, theirs = plain(ours).double(), plain(ours)
    for model in (exact, theirs, ours):
        loss_of(model, ours, trials, config, 0).backward()

    def largest(model: nn.Module) -> float:
        pairs = [(one.grad, truth.grad) for one, truth in zip(model.parameters(), exact.parameters(), strict=True)]
        return max(float((a - b).norm() / b.norm()) for a, b in pairs if a is not None and b is not None)

    return largest(theirs), largest(ours)


def dense_gmac(model: Network, config: FitConfig) -> float:
    """Multiply-accumulates of a step on dense input: forward, by the weights and by what comes before each layer."""
    bins = config.batch * config.window_ms
    first = model.layers[0].conv.weight if isinstance(model, TCN) else model.cells.weight_ih_l0
    return bins * (3 * model.macs_per_ms - first.numel()) / 1e9


if __name__ == "__main__":
    main()
