"""What a network is: groups of neurons, what connects them, what reaches them from outside; read from a TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from ...simulate.schema import InputError, Seed, shown
from ...simulate.schema.input_error import one_line
from ..models.settings import Settings
from ..population.connections import LONGEST_MS

SIGNS = {"excitatory": 1, "inhibitory": -1}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _rates(given: Any) -> Any:
    of_signs = isinstance(given, Mapping) and bool(given) and {*given} <= {*SIGNS}
    numbers = [*given.values()] if of_signs else given if isinstance(given, list | tuple) else [given]
    if given is not None and not (numbers and all(map(_is_number, numbers))):
        expected = "Hz, {excitatory = Hz, inhibitory = Hz}, or a list with Hz of each synapse"
        raise ValueError(f"poisson_hz is {shown(given)}, expected {expected}")
    return given


def _delays(given: Any) -> Any:
    both = [given, given] if _is_number(given) else given
    if not (isinstance(both, list | tuple) and len(both) == 2 and all(isinstance(each, int) for each in both)):
        raise ValueError(f"delay_ms is {shown(given)}, expected whole ms, or [LEAST, MOST] of them")
    if not 1 <= both[0] <= both[1] <= LONGEST_MS:
        raise ValueError(f"delay_ms is {shown(given)}, expected whole ms from 1 to {LONGEST_MS:,}")
    return both


Rates = Annotated[float | dict[str, float] | tuple[float, ...] | None, BeforeValidator(_rates)]
Delays = Annotated[tuple[int, int], BeforeValidator(_delays)]


class Cells(Settings):
    """A group: neurons with the weights of one model."""

    name: str = Field("", pattern=r"^[\w.-]*$", description="what connections call it")
    model: str = Field(min_length=1, description="a model that ships, or the folder of a run")
    n: int = Field(ge=1, description="how many neurons")
    poisson_hz: Rates = Field(None, description="independent spikes at each synapse: Hz of all, by sign, or of each")


class Wiring(Settings):
    """Connections: those in a file, or drawn."""

    pre: str | None = Field(None, description="group that sends, which a file's numbers count from; all neurons")
    post: str | None = Field(None, description="group that receives")
    file: str | None = Field(None, min_length=1, description=".csv, .npz or SONATA edges (.h5)")
    population: str | None = Field(None, description="of a SONATA file: of its edges")
    synapse: str | None = Field(None, description="of a SONATA file: attribute with the target's synapse")
    probability: float | None = Field(None, ge=0, le=1, description="of each pair, drawn by itself")
    in_degree: int | None = Field(None, ge=1, description="how many neurons send to each, none of them twice")
    weight: float = Field(1.0, description="above 0 excites, below inhibits; of a file, the factor on its weights")
    delay_ms: Delays = Field((1, 1), description="of all, or [LEAST, MOST] to draw from; where a file has none")

    @model_validator(mode="after")
    def _one_kind(self) -> Wiring:
        kinds = [name for name in ("file", "probability", "in_degree") if getattr(self, name) is not None]
        if len(kinds) != 1:
            raise ValueError(
                f"connections: have {' and '.join(kinds) or 'none'} of file, probability, in_degree; give one"
            )
        for name in ("population", "synapse"):
            if getattr(self, name) is not None and Path(self.file or "").suffix not in (".h5", ".hdf5"):
                raise ValueError(f"connections: {name} is of SONATA edges (.h5); leave it out")
        return self


class Network(Settings):
    """A network and its run."""

    duration_ms: int = Field(ge=1, description="how long")
    groups: tuple[Cells, ...] = Field(min_length=1)
    connections: tuple[Wiring, ...] = ()
    input_spikes: str | None = Field(None, min_length=1, description=".csv or .npz: time_ms, neuron, synapse, weight")
    threshold: float | None = Field(None, gt=0, lt=1, description="spike probability of a spike; else it is drawn")
    record: tuple[int, ...] = Field((), description="neurons whose voltage and spike probability are kept")
    seed: Seed = Field(0, description="of spikes, Poisson input, connections and synapses that are drawn")

    @model_validator(mode="after")
    def _names_are_known(self) -> Network:
        names = [group.name for group in self.groups if group.name]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"groups: two are called '{name}'; give each a name of its own")
        for wiring in self.connections:
            for end in ("pre", "post"):
                name = getattr(wiring, end)
                if name is not None and name not in names:
                    there = ", ".join(names) or "none with a name"
                    raise ValueError(f"connections: {end} is {shown(name)}, expected a group: there are {there}")
        n = sum(group.n for group in self.groups)
        for neuron in self.record:
            if not 0 <= neuron < n:
                raise ValueError(f"record: neuron {neuron} of {n:,}, from 0 on")
        return self


def read_network(given: str | Path | Mapping[str, Any]) -> tuple[Network, str, Path]:
    """The network in a TOML file, or of these fields; what errors call it; and the folder that its paths are in.

    Raises InputError naming file and field.
    """
    if isinstance(given, Mapping):
        return Network.checked("network", given), "network", Path()
    path = Path(given)
    try:
        fields = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: the network cannot be read ({one_line(error)})") from error
    return Network.checked(str(path), fields), str(path), path.parent
