"""What fixes an ELM Network: its configuration, with the number of its parameters.

Source: Spieler, Martius & Levina 2026, arXiv 2605.12049; defaults are its sizes and constants for SHD-Adding.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from ...simulate.schema import Seed
from .settings import Settings, check_size


class NetworkShape(Settings):
    """What neurons there are and how they work; defaults are the published ones of SHD-Adding."""

    n_layers: int = Field(default=1, gt=0, le=100, description="layers of neurons that listen to their own")
    d_m: int = Field(default=5, gt=0, le=10_000, description="memory units of a neuron")
    n_branches: int = Field(default=30, gt=0, le=100_000, description="branches of a neuron")
    synapses_per_branch: int = Field(default=10, gt=0, le=100_000, description="of a branch")
    rho: float = Field(default=0.25, ge=0, lt=1, description="probability that a synapse listens to its own layer")
    routing_seed: Seed = Field(default=0, description="which sources")
    weights: Literal["signed", "positive"] = Field(
        default="signed", description="of synapses: signed, from U(-1, 1)/sqrt(S), or positive, from one value"
    )
    input_scale: float = Field(default=10.0, gt=0, le=1e6, description="what sums of synapses are multiplied by")
    lambda_value: float = Field(default=5.0, gt=0, le=1e6, description="the paper's lambda: gain of a memory update")
    tau_m_min: float = Field(default=1.0, ge=1e-3, le=1e6, description="least time constant of the memory")
    tau_m_max: float = Field(default=500.0, ge=1e-3, le=1e6, description="largest time constant of the memory")
    learn_tau_m: bool = Field(default=False, description="whether the memory's time constants are learned")
    tau_r: float = Field(default=5.0, ge=1e-3, le=1e6, description="time constant of the high-pass")
    tau_in: Literal["steps", "ms"] = Field(default="steps", description="what time constants count")
    step_ms: float = Field(default=1.0, ge=1e-3, le=1e6, description="length of a step, for time constants in ms")
    spiking: bool = Field(default=False, description="whether neurons send spikes, in place of what is above 0")
    output_d_m: int = Field(default=3, gt=0, le=10_000, description="memory units of a neuron of the output layer")


class ElmNetworkConfig(NetworkShape):
    """Everything that fixes a network's shape and dynamics."""

    family: Literal["elm-network"] = "elm-network"
    n_inputs: int = Field(gt=0)
    n_outputs: int = Field(ge=1, le=1_000_000)
    n_neurons: int = Field(default=96, gt=0, le=1_000_000, description="neurons of a layer")

    @model_validator(mode="after")
    def _fits_into_memory(self) -> ElmNetworkConfig:
        check_size(self.n_layers * self.n_neurons * self._hidden_size() + self.n_outputs * self._output_size())
        return self

    def n_parameters(self) -> int:
        """Trainable ones, of which learned time constants are one more for each memory unit."""
        hidden = self.n_layers * self.n_neurons * self._hidden_size()
        return hidden + self.n_outputs * (self._output_size() + self.n_outputs + 1)

    def _hidden_size(self) -> int:
        d, tau = self.d_m, self.d_m if self.learn_tau_m else 0
        return self._synapses() + 2 * d * (d + self.n_branches + 1) + d * (2 * d + 1) + d + 1 + tau

    def _output_size(self) -> int:
        d, tau = self.output_d_m, self.output_d_m if self.learn_tau_m else 0
        return self._synapses() + d * (d + self.n_branches + 1) + d + 1 + tau

    def _synapses(self) -> int:
        return self.n_branches * self.synapses_per_branch


def elm_network(n_neurons: int, n_inputs: int, n_outputs: int, **options: Any) -> ElmNetworkConfig:
    """The network of a size. Raises InputError for a size or an option that is not one."""
    fields = {**options, "n_neurons": n_neurons, "n_inputs": n_inputs, "n_outputs": n_outputs}
    return ElmNetworkConfig.checked(f"elm-network of {n_neurons} neurons", fields)
