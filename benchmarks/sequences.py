"""A training step of classifiers of long sequences: time against the plain loop and PyTorch's LSTM, memory by length.

    python benchmarks/sequences.py
    python benchmarks/sequences.py --only speed
    python benchmarks/sequences.py --only steps --batch 1 --models elm,transformer

speed: Branch-ELM, d_m 100, 100 branches of 15, on 8 sequences × 1,000 steps × 700 channels, forward, loss, backward and
Adamax, against the plain loop over steps as TorchScript and torch.nn.LSTM(250), the same batch for all, and the largest
error of a gradient against the loop's. memory: of one such step at 1,024 and at 16,384 steps, what a process of its own
takes at most above what it held before the step. steps: time and memory of a step of each model of Path-X's recipe, on
16,384 steps of 8 grey levels. Run it where nothing else does.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from elm import PlainLoop
from torch import Tensor, nn
from torch.nn import functional as F

from apical.surrogate.kernels.events import Events
from apical.surrogate.models.elm import ELM
from apical.tasks.fitting.recipe import recipe
from apical.tasks.fitting.step import make_optimizer, take_step
from apical.tasks.inputs import Inputs, of_tokens
from apical.tasks.loader import Batch
from apical.tasks.models.classifier import FAMILIES, Classifier, assemble, configure
from apical.tasks.models.sequence import Sequences

BATCH, STEPS, CHANNELS, CLASSES = 8, 1000, 700, 19
RATE = 0.01  # events in a step of a channel: 7 of 700
LEVELS, LONGEST = 8, 16_384  # of Path-X
SHORT = 1_024


def spikes(steps: int) -> Batch:
    """A batch as SHD's are, of noise."""
    random = np.random.default_rng(0)
    x_btc = random.random((BATCH, steps, CHANNELS), dtype=np.float32) < RATE
    b, t, channel = np.nonzero(x_btc)
    row = (b * steps + t).astype("i4")
    length_b = np.full(BATCH, steps)
    inputs = Inputs(x_btc.shape, length_b, row, channel.astype("i4"), np.ones(len(row), "f4"))
    return Batch(inputs, random.integers(CLASSES, size=BATCH), np.zeros((BATCH, 1), int))


def pixels(batch: int) -> Batch:
    """A batch as Path-X's are, of noise."""
    random = np.random.default_rng(0)
    inputs = of_tokens([random.integers(LEVELS, size=LONGEST) for _ in range(batch)], LEVELS)
    return Batch(inputs, random.integers(2, size=batch), np.zeros((batch, 1), int))


def branch_elm() -> Classifier:
    return assemble(configure("branch-elm", 100, {"n_channels": CHANNELS, "n_classes": CLASSES}))


def speed() -> None:
    batch, ours = spikes(STEPS), branch_elm()
    dense, label_b = torch.from_numpy(batch.inputs.dense()), torch.from_numpy(batch.label_b)
    whole = ELM(ours.encoder.cell.config.model_copy(update={"n_outputs": CLASSES}))
    whole.load_state_dict(ours.encoder.cell.state_dict(), strict=False)
    whole.w_y.load_state_dict(ours.readout.state_dict())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # TorchScript's own
        loop = torch.jit.script(PlainLoop(whole))
    cells, head = nn.LSTM(CHANNELS, 250, batch_first=True), nn.Linear(250, CLASSES)
    sequences = Sequences.of(batch.inputs)
    named: dict[str, tuple[Callable[[], Tensor], list[nn.Module], int]] = {
        "plain loop, TorchScript": (lambda: loop(dense)[:, -1], [whole], 5),
        "torch.nn.LSTM(250)": (lambda: head(cells(dense)[0][:, -1]), [cells, head], 5),
        "ours": (lambda: ours(sequences), [ours], 25),
    }
    truth = gradients(lambda: loop(dense)[:, -1], whole, label_b)
    found = gradients(lambda: ours(sequences), ours, label_b)
    found = {name.replace("encoder.cell.", "").replace("readout.", "w_y."): each for name, each in found.items()}
    worst = max(float((found[name] - each).abs().max() / each.abs().max()) for name, each in truth.items())
    print(f"largest error of a gradient, as a part of its largest: {worst:.1e}")

    print(f"{BATCH} x {STEPS:,} steps x {CHANNELS} channels, {torch.get_num_threads()} threads")
    print(f"{'way, the least of several':<28}{'ms a step':>10}{'ratio':>8}")
    first = 0.0
    for name, (logits, modules, count) in named.items():
        took = least_ms(stepper(logits, modules, label_b), count)
        first = first or took
        print(f"{name:<28}{took:>10.1f}{first / took:>8.1f}", flush=True)


def least_ms(step: Callable[[], None], count: int) -> float:
    """The least of so many, which other work on the machine lengthens least."""
    step()
    took = []
    for _ in range(count):
        began = time.perf_counter()
        step()
        took.append(time.perf_counter() - began)
    return 1000 * min(took)


def stepper(logits: Callable[[], Tensor], modules: list[nn.Module], label_b: Tensor) -> Callable[[], None]:
    parameters = [p for module in modules for p in module.parameters() if p.requires_grad]
    optimizer = torch.optim.Adamax(parameters, lr=1e-5)

    def step() -> None:
        optimizer.zero_grad()
        F.cross_entropy(logits(), label_b).backward()
        optimizer.step()

    return step


def gradients(logits: Callable[[], Tensor], module: nn.Module, label_b: Tensor) -> dict[str, Tensor]:
    module.zero_grad()
    F.cross_entropy(logits(), label_b).backward()
    return {name: p.grad.clone() for name, p in module.named_parameters() if p.grad is not None}


def one_step(family: str, steps: int, batch: int) -> dict[str, float]:
    """Time in s of a second step, and MB that the first one took at most above what was held before it."""
    if family == "spikes":
        config, given, model = recipe("paper-shd", "branch-elm"), spikes(steps), branch_elm()
    else:
        config, given = recipe("paper-lra-path-x", family), pixels(batch)
        model = assemble(configure(family, config.size, {**config.options, "n_channels": LEVELS, "n_classes": 2}))
    optimizer = make_optimizer(config, model)
    warm = Events.from_dense(torch.ones(1, 2, given.inputs.shape[2]))
    small = Sequences(warm, torch.tensor([2]), torch.zeros(1, 2, dtype=torch.long))
    model(small).sum().backward()  # what is loaded at first use is no step's
    Path("/proc/self/clear_refs").write_text("5")  # the highest is counted from here
    before = _status("VmRSS")
    take_step(model, optimizer, given, config, 0, 10)
    peak = _status("VmHWM")
    began = time.perf_counter()
    take_step(model, optimizer, given, config, 1, 10)
    return {"s": time.perf_counter() - began, "mb": (peak - before) / 1024}


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1])


def measured(family: str, steps: int, batch: int, threads: int) -> dict[str, float]:
    """`one_step` in a process of its own."""
    command = [sys.executable, __file__, "--one", family, str(steps), str(batch), "--threads", str(threads)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=["speed", "memory", "steps"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=8, help="sequences in a step of Path-X")
    parser.add_argument("--models", default=",".join(FAMILIES), help="of Path-X's steps")
    parser.add_argument("--one", nargs=3, metavar=("FAMILY", "STEPS", "BATCH"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.one:
        print(json.dumps(one_step(options.one[0], int(options.one[1]), int(options.one[2]))))
        return
    if options.only in (None, "speed"):
        speed()
    if options.only in (None, "memory"):
        short, long = (measured("spikes", steps, BATCH, options.threads) for steps in (SHORT, LONGEST))
        print(
            f"\nmemory of a step: {short['mb']:.0f} MB at {SHORT:,} steps, {long['mb']:.0f} MB at {LONGEST:,}: ", end=""
        )
        print(f"{long['mb'] / short['mb']:.1f} times; {long['s']:.1f} s", flush=True)
    if options.only in (None, "steps"):
        print(
            f"\nPath-X: {options.batch} x {LONGEST:,} steps x {LEVELS} levels\n{'model':<14}{'s a step':>10}{'MB':>8}"
        )
        for family in options.models.split(","):
            found = measured(family, LONGEST, options.batch, options.threads)
            print(f"{family:<14}{found['s']:>10.1f}{found['mb']:>8.0f}", flush=True)


if __name__ == "__main__":
    main()
