"""The engine and the device that a configuration is run with, where it leaves them open."""

from __future__ import annotations

import math

from ..config import Simulation
from ..engine.run import fastest
from ..schema import InputError

DEVICES = ("cpu", "cuda")


def resolved(config: Simulation, device: str = "cpu", trials: float = math.inf) -> tuple[Simulation, str]:
    """The configuration with an engine for 'auto' (see engine.run.fastest), and the device: a GPU that is there.

    trials: how many each worker is to simulate.
    Raises InputError for a device that is not known, not there, or that the engine cannot use.
    """
    if device not in DEVICES:
        raise InputError(f"device: expected 'cpu' or 'cuda', got '{device}'")
    if config.integration.engine == "auto" and config.lif is None:
        described = config.parameter_set()
        mechanisms = [*described.mechanisms(), *config.point_processes(described)]
        found = fastest(config.integration, mechanisms, trials, described.nmodl)
        config = config.model_copy(update={"integration": found})
        if config.integration.engine == "batched" and _gpu_is_there():
            device = "cuda"
    if device == "cuda":
        if config.lif is not None or config.integration.engine != "batched":
            engine = "a leaky integrate-and-fire neuron" if config.lif else f"engine '{config.integration.engine}'"
            raise InputError(f"device cuda: {engine} runs on the CPU; give --engine batched, or --device cpu")
        from ..engine.batched import gpu

        gpu.count()
    return config, device


def _gpu_is_there() -> bool:
    from ..engine.batched import gpu

    try:
        gpu.count()
    except InputError:
        return False
    return True
