"""What fixes a classifier of sequences: a family, its size, and how its outputs become a class.

Times are in the unit of `step_ms`: in ms for binned events, in steps for tokens and vectors, where it is 1.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Annotated, Literal

from pydantic import Field

from ...simulate.schema import InputError, Seed, shown
from ...surrogate.models.elm_network_config import NetworkShape
from ...surrogate.models.settings import Settings

Pool = Literal["last", "mean"]


class Common(Settings):
    """What every family has."""

    n_channels: int = Field(gt=0, le=1_000_000)
    n_classes: int = Field(ge=2, le=1_000_000)
    towers: Literal[1, 2] = 1
    latent: int = Field(default=75, gt=0, le=100_000, description="of two towers: what each sequence becomes")
    pool: Pool = Field(default="last", description="what of the outputs is read: the last one, or their mean")
    input_gain: float = Field(default=1.0, gt=0, le=1e6, description="what the input is multiplied by")
    input_dropout: float = Field(default=0.0, ge=0, lt=1, description="share of the input left out in training")
    dropped: Literal["entries", "channels"] = Field(
        default="entries", description="what of it: entries, or channels for a whole sequence"
    )


class ElmSettings(Common):
    """ELM and Branch-ELM; defaults are the paper's of SHD (Spieler et al. 2024, arXiv 2306.16922)."""

    family: Literal["elm", "branch-elm"]
    size: int = Field(default=100, gt=0, le=10_000, description="memory units d_m")
    n_branches: int = Field(default=100, gt=0, le=100_000, description="branch-elm: branches")
    synapses_per_branch: int = Field(default=15, gt=0, le=100_000, description="branch-elm: inputs of a branch, drawn")
    routing_seed: Seed = Field(default=0, description="branch-elm: which inputs")
    lambda_value: float = Field(default=5.0, gt=0, le=1e6, description="the paper's lambda: gain of a memory update")
    tau_s: float = Field(default=5.0, ge=1e-3, le=1e6, description="time constant of synapses")
    tau_m_min: float = Field(default=1.0, ge=1e-3, le=1e6, description="least time constant of the memory")
    tau_m_max: float = Field(default=150.0, ge=1e-3, le=1e6, description="largest time constant of the memory")
    learn_tau_m: bool = Field(default=False, description="whether the memory's time constants are learned")
    w_s_init: float = Field(default=0.5, ge=0, le=1e6, description="initial weight of a synapse")
    step_ms: float = Field(default=1.0, ge=1e-3, le=1e6, description="length of a step")


class GatedSettings(Common):
    """LSTM and GRU, and the LSTM with initial biases by Tallec & Ollivier 2018 (arXiv 1804.11188)."""

    family: Literal["lstm", "chrono-lstm", "gru"]
    size: int = Field(default=250, gt=0, le=100_000, description="cells")
    longest: int = Field(default=1000, ge=3, le=10_000_000, description="chrono-lstm: steps that it shall remember")


class TransformerSettings(Common):
    """An encoder as the Long Range Arena's baseline (Tay et al. 2021); defaults are its size for Pathfinder 32."""

    family: Literal["transformer"] = "transformer"
    size: int = Field(default=128, gt=0, le=100_000, description="width between layers")
    layers: int = Field(default=1, gt=0, le=100, description="attention layers")
    heads: int = Field(default=4, gt=0, le=1000, description="of each")
    attention: int = Field(default=64, gt=0, le=100_000, description="width of queries, keys and values, of all heads")
    hidden: int = Field(default=128, gt=0, le=100_000, description="hidden units after each, and of the classifier")
    dropout: float = Field(default=0.2, ge=0, lt=1, description="in training")
    pool: Pool = "mean"


class SpikingSettings(Common):
    """One layer of leaky integrate-and-fire neurons, with a leaky readout of its spikes."""

    family: Literal["snn"] = "snn"
    size: int = Field(default=500, gt=0, le=100_000, description="neurons")
    synapses: int = Field(default=81, gt=0, le=100_000, description="inputs of a neuron, drawn with replacement")
    routing_seed: Seed = Field(default=0, description="which inputs")
    tau_min: float = Field(default=1.0, ge=1e-3, le=1e6, description="least time constant of a membrane")
    tau_max: float = Field(default=150.0, ge=1e-3, le=1e6, description="largest time constant of a membrane")
    tau_readout: float = Field(default=20.0, ge=1e-3, le=1e6, description="time constant of the readout")
    slope: float = Field(default=10.0, gt=0, le=1e6, description="of the surrogate derivative")
    step_ms: float = Field(default=1.0, ge=1e-3, le=1e6, description="length of a step")


class ElmNetworkSettings(Common, NetworkShape):
    """The ELM Network (Spieler, Martius & Levina 2026, arXiv 2605.12049); the classifier's readout is its dense layer.

    Defaults are the published ones of SHD-Adding, without what is for training only.
    """

    family: Literal["elm-network"] = "elm-network"
    size: int = Field(default=96, gt=0, le=1_000_000, description="neurons of a layer")
    dropped: Literal["entries", "channels"] = "channels"
    recurrent_dropout: float = Field(
        default=0.0, ge=0, lt=1, description="share of neurons that a layer does not hear in a sequence, in training"
    )
    u_penalty: float = Field(
        default=0.0, ge=0, le=1e6, description="in training: weight of the mean over neurons of (mean |u|)²"
    )
    activity_penalty: float = Field(default=0.0, ge=0, le=1e6, description="in training: weight of the mean activity")


AnySettings = ElmNetworkSettings | ElmSettings | GatedSettings | TransformerSettings | SpikingSettings
ModelSettings = Annotated[AnySettings, Field(discriminator="family")]


def check_known(what: str, name: str, known: Iterable[str]) -> None:
    """Raise InputError, naming the nearest, for a name that is none of those known."""
    known = list(known)
    if name not in known:
        near = get_close_matches(str(name), known, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"choose one of {', '.join(known)}"
        raise InputError(f"{what} {shown(name)} is not known: {hint}")
