"""A training step of the ELM Network: the fast path against the plain loop over steps, both sizes in one run.

    python benchmarks/elm_network.py
    python benchmarks/elm_network.py --sizes 96x5 --no-compile --repeats 3
    python benchmarks/elm_network.py --device cuda

A step is forward, loss, backward and Adamax on 8 sequences × 500 steps × 700 channels, 30 branches of 10 synapses, rho
0.25, 19 classes read from the last step, the same batch for all. The plain loop gathers every synapse's source and goes
through the sequence as the equations stand (Spieler, Martius & Levina 2026); it runs as TorchScript, to which the
ratios are, and as torch.compile makes of a step of it (of all 500 it would take minutes). Prints the least of several
in ms, the ratios, and the largest error of a gradient against the loop's; on a GPU also the largest difference of the
outputs and of a gradient from the CPU's. Run it where nothing else does.
"""

from __future__ import annotations

import argparse
import copy
import time
import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from apical.surrogate.kernels.events import Events
from apical.surrogate.models.elm_layer import ElmLayer
from apical.surrogate.models.elm_network import ElmNetwork
from apical.surrogate.models.elm_network_config import elm_network

BATCH, STEPS, CHANNELS, CLASSES = 8, 500, 700, 19
RATE = 0.02  # events in a step of a channel: 7,000 in a sequence
WARM_UP = 4  # steps on a GPU before those that count, of which the last makes a graph of the launches


class PlainLayer(nn.Module):
    """What a step of a layer computes, with the parameters of one of ours."""

    def __init__(self, layer: ElmLayer) -> None:
        super().__init__()
        self.w, self.w_y, self.bias, self.is_linear = layer.w_ny, layer.w_y, layer.bias, layer.is_output
        self.w_first, self.bias_first, self.w_last = layer.mlp[0], layer.mlp_bias[0], layer.mlp[-1]
        self.bias_last = layer.mlp_bias[-1]
        self.n_branches, self.scale = layer.config.n_branches, layer.config.input_scale
        given = layer.neurons()
        self.register_buffer("source", layer.source_ny)
        self.register_buffer("kappa", given.kappa_nm.detach())
        self.register_buffer("gain", given.gain_nm.detach())

    def forward(self, sources: Tensor, m: Tensor) -> tuple[Tensor, Tensor]:
        """Readout and memory."""
        at_synapses = sources[:, self.source] * self.w
        b = self.scale * at_synapses.view(m.shape[0], m.shape[1], self.n_branches, -1).sum(-1)
        kept = self.kappa * m
        z = torch.cat([b, kept], dim=-1).transpose(0, 1)
        if not self.is_linear:
            z = torch.relu(torch.baddbmm(self.bias_first[:, None], z, self.w_first)) ** 2
        z = torch.baddbmm(self.bias_last[:, None], z, self.w_last)
        m = kept + self.gain * 1.7159 * torch.tanh(2.0 / 3.0 * z.transpose(0, 1))
        return (self.w_y * m).sum(-1), m


class PlainLoop(nn.Module):
    """The network, a step at a time."""

    def __init__(self, network: ElmNetwork) -> None:
        super().__init__()
        self.hidden, self.output, self.head = PlainLayer(network.layers[0]), PlainLayer(network.output), network.head
        self.kappa_r = network.layers[0].neurons().kappa_r
        config = network.config
        self.sizes = [config.n_neurons, config.d_m, config.n_outputs, config.output_d_m]

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the last step."""
        n, d, n_out, d_out = self.sizes
        a = x.new_zeros(x.shape[0], n)
        slow, m, m_out = a, x.new_zeros(x.shape[0], n, d), x.new_zeros(x.shape[0], n_out, d_out)
        y = x.new_zeros(x.shape[0], n_out)
        for x_t in x.unbind(1):
            a, slow, m, m_out, y = self.step(x_t, a, slow, m, m_out)
        return self.head(y)

    def step(
        self, x: Tensor, a: Tensor, slow: Tensor, m: Tensor, m_out: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        r, m = self.hidden(torch.cat([x, a], dim=1), m)
        slow = self.kappa_r * slow + (1 - self.kappa_r) * r
        a = torch.relu(r - slow + self.hidden.bias)
        y, m_out = self.output(a, m_out)
        return a, slow, m, m_out, y + self.output.bias


def least_ms(logits: Callable[[], Tensor], network: ElmNetwork, label_b: Tensor, repeats: int) -> tuple[float, float]:
    """The least of so many training steps, which other work on the machine lengthens least; and the first one's s."""
    optimizer = torch.optim.Adamax(network.parameters(), lr=1e-5)
    took, first = [], WARM_UP if label_b.is_cuda else 1
    for _ in range(first + repeats):
        began = time.perf_counter()
        optimizer.zero_grad()
        F.cross_entropy(logits(), label_b).backward()
        optimizer.step()
        if label_b.is_cuda:
            torch.cuda.synchronize()
        took.append(time.perf_counter() - began)
    return 1000 * min(took[first:]), took[0]


def gradients(logits: Callable[[], Tensor], network: ElmNetwork, label_b: Tensor) -> list[Tensor]:
    network.zero_grad()
    F.cross_entropy(logits(), label_b).backward()
    return [parameter.grad.clone() for parameter in network.parameters()]


def off(found: Tensor, truth: Tensor) -> float:
    """The largest difference as a part of the largest value, which may be 0."""
    return float((found - truth).abs().max() / truth.abs().max().clamp(min=1e-30))


def differences(network: ElmNetwork, events: Events, label_b: Tensor) -> str:
    """Outputs and gradients of a network on its device from those of the CPU, as parts of their largest."""
    found = []
    plain = copy.deepcopy(network).cpu()
    plain.path = "auto"
    for each, device in ((plain, "cpu"), (network, label_b.device)):
        each.zero_grad()
        y_bto = each(events.to(device))
        F.cross_entropy(y_bto[:, -1], label_b.to(device)).backward()
        found.append([y_bto.detach().cpu(), *(parameter.grad.cpu() for parameter in each.parameters())])
    outputs, *of_each = (off(f, t) for t, f in zip(*found, strict=True))
    return f"outputs {outputs:.1e}, a gradient {max(of_each):.1e} of its largest"


def compare(n_neurons: int, d_m: int, given: argparse.Namespace) -> None:
    torch.manual_seed(0)
    network, repeats = ElmNetwork(elm_network(n_neurons, given.channels, CLASSES, d_m=d_m)), given.repeats
    x_btc = (torch.rand(given.batch, given.steps, given.channels) < RATE).float()
    network.path = given.path
    network, x_btc = network.to(given.device), x_btc.to(given.device)
    events, label_b = Events.from_dense(x_btc), torch.randint(CLASSES, (given.batch,)).to(given.device)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # TorchScript's own
        script = torch.jit.script(PlainLoop(network))

    def ours() -> Tensor:
        return network.head(network.trace(events, network.init_state(given.batch)).y_bto[:, -1])

    truth, found = (gradients(way, network, label_b) for way in (lambda: script(x_btc), ours))
    error = max(off(f, t) for t, f in zip(truth, found, strict=True))
    print(f"\nN {n_neurons}, d_m {d_m}: {network.config.n_parameters():,} parameters")
    print(f"{'way, the least of several':<32}{'ms a step':>10}{'ratio':>8}")
    slow_ms, _ = least_ms(lambda: script(x_btc), network, label_b, repeats)
    print(f"{'plain loop, TorchScript':<32}{slow_ms:>10.1f}{1.0:>8.1f}", flush=True)
    compiled_ms = 0.0
    if given.compile:
        plain = PlainLoop(network)
        plain.step = torch.compile(plain.step)
        compiled_ms, first_s = least_ms(lambda: plain(x_btc), network, label_b, repeats)
        first = f"  the first {first_s:.0f} s"
        print(f"{'plain loop, torch.compile':<32}{compiled_ms:>10.1f}{slow_ms / compiled_ms:>8.1f}{first}", flush=True)
    ours_ms, _ = least_ms(ours, network, label_b, 10 * repeats)
    against = f"  to torch.compile {compiled_ms / ours_ms:.1f}" if given.compile else ""
    print(f"{'ours':<32}{ours_ms:>10.1f}{slow_ms / ours_ms:>8.1f}{against}")
    print(f"largest error of a gradient, as a part of its largest: {error:.1e}", flush=True)
    if given.device != "cpu" or given.path == "triton":
        print(f"largest difference from the CPU: {differences(network, events, label_b)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="96x5,21x20", help="neurons x memory units of each")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5, help="steps of what is slow")
    parser.add_argument("--no-compile", dest="compile", action="store_false", help="without it; it takes a minute")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--path", choices=["auto", "triton"], default="auto")
    for name, size in {"batch": BATCH, "steps": STEPS, "channels": CHANNELS}.items():
        parser.add_argument(f"--{name}", type=int, default=size)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    where = torch.cuda.get_device_name() if given.device == "cuda" else f"{given.threads} threads"
    print(f"{given.batch} x {given.steps} steps x {given.channels} channels, 30 x 10 synapses, {where}")
    for size in given.sizes.split(","):
        n_neurons, d_m = map(int, size.split("x"))
        compare(n_neurons, d_m, given)


if __name__ == "__main__":
    main()
