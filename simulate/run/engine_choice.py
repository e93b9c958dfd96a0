"""The engine and the device that a configuration is run with, where it leaves them open."""

from __future__ import annotations

import math

from ..config import Simulation
from ..engine.run import fastest
from ..schema import InputError


def resolved(config: Simulation, device: str = "auto", trials: float = math.inf) -> tuple[Simulation, str]:
    """The configuration with an engine for 'auto' (see engine.run.fastest), and a device for it.

    device: 'auto' is every GPU where there is any and the engine is 'batched', else the CPU. trials: how many each
    worker is to simulate; of no account where GPUs are asked for.
    Raises InputError for a device that is not known, not there, or that the engine cannot use.
    """
    from ..engine.batched import devices

    if device not in ("auto", "cpu") and not devices.is_gpu(device):
        raise InputError(f"device: expected 'auto', 'cpu', 'cuda', or 'cuda:N' for one GPU of several, got '{device}'")
    if config.integration.engine == "auto" and config.lif is None:
        described = config.parameter_set()
        mechanisms = [*described.mechanisms(), *config.point_processes(described)]
        side_by_side = math.inf if devices.is_gpu(device) else trials
        found = fastest(config.integration, mechanisms, side_by_side, described.nmodl)
        config = config.model_copy(update={"integration": found})
    if device == "auto":
        batched = config.integration.engine == "batched" and config.lif is None
        return config, "cuda" if batched and _gpu_is_there() else "cpu"
    if device != "cpu":
        if config.lif is not None or config.integration.engine != "batched":
            engine = "a leaky integrate-and-fire neuron" if config.lif else f"engine '{config.integration.engine}'"
            raise InputError(f"device {device}: {engine} runs on the CPU; give --engine batched, or --device cpu")
        devices.check(device)
    return config, device


def _gpu_is_there() -> bool:
    from ..engine.batched import gpu

    try:
        gpu.count()
    except InputError:
        return False
    return True
