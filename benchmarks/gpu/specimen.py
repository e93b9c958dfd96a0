"""What the checks of engine `batched` integrate: trials of a preset, and how long the GPU's kernel took for them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from apical.simulate import config, presets
from apical.simulate.engine.interface import Integration
from apical.simulate.trial.experiment import Experiment

DRAWN = 64  # so many trials' input is drawn; more side by side get the same again


def options(about: str | None) -> argparse.ArgumentParser:
    """Options that these checks share."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="nmda-ttpc1")
    parser.add_argument("--morphology", help="a name or a file, in place of the preset's")
    parser.add_argument("--seed", type=int, default=1)
    return parser


def chosen(given: argparse.Namespace, **changes: object) -> config.Simulation:
    """The configuration of these options."""
    changes |= {"seed": given.seed} | ({"morphology": given.morphology} if given.morphology else {})
    return presets.preset(given.preset).model_copy(update=changes)


def experiment(given: argparse.Namespace, device: str, precision: str = "float32") -> Experiment:
    integration = Integration(engine="batched", precision=precision)
    return Experiment(chosen(given, integration=integration), device)


def drawn(of: Experiment, trials: int, ms: int) -> list[list[np.ndarray]]:
    """Input spikes of so many trials: by trial and synapse, ascending ms."""
    different = [[np.flatnonzero(row) for row in of.input_spikes(k)[:, :ms]] for k in range(min(trials, DRAWN))]
    return [different[k % len(different)] for k in range(trials)]


@contextmanager
def launches() -> Iterator[list]:
    """Pairs of events, before and after each launch of the GPU's kernel within it."""
    import cupy

    from apical.simulate.engine.batched import gpu

    launch, pairs = gpu.Gpu.launch, []

    def stamped(self, tiles, *arguments):
        before, after = cupy.cuda.Event(), cupy.cuda.Event()
        before.record()
        launch(self, tiles, *arguments)
        after.record()
        pairs.append((before, after))

    gpu.Gpu.launch = stamped
    try:
        yield pairs
    finally:
        gpu.Gpu.launch = launch


def kernel_s(pairs: list) -> list[float]:
    """Seconds of each launch, all of which have ended."""
    import cupy

    for _, after in pairs:
        after.synchronize()
    return [cupy.cuda.get_elapsed_time(*pair) / 1000 for pair in pairs]
