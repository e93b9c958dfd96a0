"""Which engine is the fastest that a configuration can have."""

from __future__ import annotations

from . import biophysics
from .biophysics import Biophysics
from .config import Simulation
from .engine.base import Integration
from .parameter_file import REGIONS
from .schema import InputError
from .synapses import RECEPTORS

DEVICES = ("cpu", "cuda")


def resolved(config: Simulation, device: str = "cpu") -> tuple[Simulation, str]:
    """The configuration with an engine for 'auto', and the device.

    'auto' takes engine 'batched' where the step is fixed and every mechanism can be generated, and a GPU that is there;
    else CoreNEURON, or plain NEURON for a variable step.
    Raises InputError for a device that is not known, not there, or that the engine cannot use.
    """
    if device not in DEVICES:
        raise InputError(f"device: expected 'cpu' or 'cuda', got '{device}'")
    asked = config.integration.engine
    if asked == "auto":
        integration = fastest(config.integration, biophysics.load(config.biophysics), _receptors(config))
        config = config.model_copy(update={"integration": integration})
        if integration.engine == "batched" and _gpu_is_there():
            device = "cuda"
    if device == "cuda":
        if config.lif is not None or config.integration.engine != "batched":
            engine = "a leaky integrate-and-fire neuron" if config.lif else f"engine '{config.integration.engine}'"
            raise InputError(f"device cuda: {engine} runs on the CPU; give --engine batched, or --device cpu")
        from .batched import gpu

        gpu.count()
    return config, device


def fastest(integration: Integration, parameters: Biophysics, receptors: list[str]) -> Integration:
    """`integration` with the fastest engine that has these mechanisms. receptors: their mechanisms' names."""
    if integration.dt_ms is None:
        return integration.model_copy(update={"engine": "neuron"})
    from .batched import support

    regions = [parameters.region(name) for name in REGIONS]
    names = {name for region in regions for name, entry in region.items() if isinstance(entry, dict)}
    can = support.refusal([*sorted(names), *receptors]) is None
    return integration.model_copy(update={"engine": "batched" if can else "coreneuron"})


def _receptors(config: Simulation) -> list[str]:
    return sorted({mechanism for name in (config.excitatory, config.inhibitory) for mechanism, _ in RECEPTORS[name]})


def _gpu_is_there() -> bool:
    from .batched import gpu

    try:
        gpu.count()
    except InputError:
        return False
    return True
