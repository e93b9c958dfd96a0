"""The families of surrogates by name, each with one size dial. A new family is one file and one entry here."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from functools import partial
from typing import Annotated

import torch
from pydantic import Field

from ...simulate.schema import InputError, shown
from .elm import ELM, ELMConfig, elm
from .gated import Gated, GatedConfig, gated
from .lif import LIF, LIFConfig, lif
from .ln import LN, LNConfig, ln
from .network import Network
from .tcn import TCN, TCNConfig, tcn

AnyConfig = ELMConfig | TCNConfig | GatedConfig | LNConfig | LIFConfig
ModelConfig = Annotated[AnyConfig, Field(discriminator="family")]

Dial = Callable[..., AnyConfig]
FAMILIES: dict[str, tuple[Dial, Callable[..., Network]]] = {
    "elm": (elm, ELM),
    "tcn": (tcn, TCN),
    "lstm": (partial(gated, "lstm"), Gated),
    "gru": (partial(gated, "gru"), Gated),
    "ln": (ln, LN),
    "lif": (partial(lif, "lif"), LIF),
    "alif": (partial(lif, "alif"), LIF),
}
GIVEN = ("family", "size", "n_inputs", "d_m", "width", "n_exponentials")  # no options, since they are given otherwise


def check_family(family: str) -> None:
    """Raise InputError, naming the nearest, for a family that does not exist."""
    if not isinstance(family, str) or family not in FAMILIES:
        near = get_close_matches(str(family), FAMILIES, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"choose one of {', '.join(FAMILIES)}"
        raise InputError(f"model family {shown(family)} is not known: {hint}")


def configure(family: str, size: int | str, n_inputs: int, /, **options: object) -> AnyConfig:
    """The configuration of a family at a size; `options` set its other fields.

    Raises InputError for an unknown family (naming the nearest), a bad size or a bad option.
    """
    check_family(family)
    for name in GIVEN:
        if name in options:
            raise InputError(f"option '{name}' of {family}: family, size and data give it; leave it out")
    return FAMILIES[family][0](size, n_inputs, **options)


def build(family: str, size: int | str, n_inputs: int, *, seed: int = 0, **options: object) -> Network:
    """A model of a family at a size, its initial weights fixed by `seed` alone.

    size: 'elm': memory units, such as 20, or "simplest". 'tcn': depth x width, such as "7x128". 'lstm', 'gru': cells,
    such as 50. 'ln': time constants of a filter, such as 3. 'lif', 'alif': 1.
    Raises InputError as `configure` does.
    """
    return assemble(configure(family, size, n_inputs, **options), seed)


def assemble(config: AnyConfig, seed: int = 0) -> Network:
    """The model that a configuration describes, its initial weights fixed by `seed` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return FAMILIES[config.family][1](config)
