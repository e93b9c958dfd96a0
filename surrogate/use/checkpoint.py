"""A fitted model that stands for the cell: read from wherever one may be, and driven bin by bin."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from html import escape
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike

from ...simulate.schema import InputError
from ..fitting.run_folder import CARD
from ..fitting.scaling import VoltageScaling
from ..fitting.split import Split
from ..fitting.start import kept_model
from ..kernels.population import Bins
from ..kernels.recurrence.memory import path_of
from ..models.cost import macs_per_ms, n_parameters
from ..models.elm import ELM
from ..models.network import Network, State
from . import shipped
from .hub import fetch, is_hub_name
from .published import DATASET, SETTINGS_FILE, read_published_elm


@dataclass(frozen=True)
class Surrogate:
    """Network in evaluation mode, voltage scaling, and where both come from."""

    model: Network
    scaling: VoltageScaling
    name: str
    family: str
    size: int | str
    seed: int | None
    run: str  # its folder, the name that it ships under, or its name and commit on a hub
    trained_on: str  # dataset_id of its training data; of several, joined by +
    splits: dict[str, Split] = field(default_factory=dict)  # of those data, by dataset_id; none where not known
    input_signs: list[tuple[int, int]] | None = None  # (sign, how many inputs), in their order; None: not known

    @classmethod
    def load(cls, source: str | Path, device: torch.device | str = "cpu") -> Surrogate:
        """The surrogate `source`: a model that ships, the folder of a run or of a published ELM, or a name on a hub.

        source: path or name. device: where it computes, such as 'cpu' or 'cuda'.
        `apical models` lists those that ship. A path that is there comes before a name.
        A name on a hub is text of the form owner/name or owner/name@revision where there is no such path; nothing else
        makes this look into the network. See hub.py for what is fetched and how it is checked.
        Raises InputError where nothing can be loaded from there, or loading would run code.
        """
        if isinstance(source, str) and shipped.is_shipped(source):
            return replace(load_run(shipped.folder_of(source), device), run=source)
        if isinstance(source, str) and is_hub_name(source):
            fetched = fetch(source)
            return replace(load_run(fetched.folder, device), run=fetched.name)
        folder = Path(source)
        if not folder.exists() and (hint := shipped.nearest(str(source))):
            raise InputError(f"{source}: no run there, and no model that ships: {hint}`apical models` lists them")
        published = (folder / SETTINGS_FILE).exists() and not (folder / CARD).exists()
        return load_published_elm(folder, device) if published else load_run(folder, device)

    @property
    def sign_s(self) -> np.ndarray:
        """+1 for each excitatory input, -1 for each inhibitory one: (S,), int8.

        Raises InputError where the run does not say, because an earlier apical wrote it.
        """
        if self.input_signs is None:
            raise InputError(f"{self.run}: does not say which inputs are excitatory; take synapse_sign of its dataset")
        signs, counts = zip(*self.input_signs, strict=True)
        return np.repeat(np.array(signs, dtype=np.int8), counts)

    def _repr_html_(self) -> str:
        """What Jupyter shows of it."""
        signs = ", ".join(f"{n:,} {'excitatory' if sign > 0 else 'inhibitory'}" for sign, n in self.input_signs or ())
        told = {
            "family": f"{self.family}, size {self.size}" + ("" if self.seed is None else f", seed {self.seed}"),
            "trainable parameters": f"{n_parameters(self.model):,}",
            "multiply-accumulates per ms": f"{macs_per_ms(self.model):,}",
            "inputs": signs or f"{self.model.n_inputs:,}",
            "fitted to": self.trained_on + (f", {self.train_trials} trials" if self.splits else ""),
            "from": self.run,
        }
        rows = "".join(f"<tr><th>{name}</th><td>{escape(value)}</td></tr>" for name, value in told.items())
        return f"<strong>{escape(self.name)}</strong><table>{rows}</table>"

    @property
    def split(self) -> Split | None:
        """Of its training data, or of the first of several; None where it is not known."""
        return next(iter(self.splits.values()), None)

    @property
    def train_trials(self) -> int | None:
        """How many trials it was fitted to; None where it is not known."""
        return sum(len(split.train) for split in self.splits.values()) if self.splits else None

    def start(self, n_neurons: int = 1) -> State:
        """The state of so many neurons at rest, for `step`.

        The network's weights are read here: one that was trained further steps with its new ones from the next `start`
        on. Raises InputError for fewer than 1.
        """
        if n_neurons < 1:
            raise InputError(f"start: n_neurons is {n_neurons}, expected 1 or more")
        self.__dict__.pop("_compiled", None)
        return self._rest(n_neurons)

    def step(
        self, input_spikes: ArrayLike, state: State
    ) -> tuple[float, float, State] | tuple[np.ndarray, np.ndarray, State]:
        """Go on by a bin of 1 ms: the probability of an output spike in it, the soma voltage in mV, the new state.

        input_spikes: (S,) of one neuron, which gives two floats; or (B, S) of B neurons side by side, which gives two
        arrays (B,), float32. +1 where an excitatory synapse spikes in the bin, -1 where an inhibitory one does, else 0.
        state: of the bin before, first that of `start`; it is left as it is.
        No gradient is kept, so memory does not grow with the bins. An ELM on the CPU goes through the kernel that
        `Population` has: to the bit it gives the same there, alone and beside others. Other models give beside others
        what they give alone but for rounding: the order of a matrix product's sums depends on its shape.
        Raises InputError for input of another shape, or a state of another model or number of neurons.
        """
        x_bs = np.atleast_2d(np.asarray(input_spikes, dtype=np.float32))
        if np.ndim(input_spikes) not in (1, 2) or x_bs.shape[1] != self.model.n_inputs or not len(x_bs):
            n = self.model.n_inputs
            raise InputError(
                f"input of shape {np.shape(input_spikes)}, {self.name} takes ({n},), or (neurons, {n}) for several"
            )
        self._check_state(state, len(x_bs))
        if self._compiled is not None:
            probability_b, v_mv_b, state = self._compiled.step(x_bs, state)
        else:
            probability_b, v_mv_b, state = self._step_in_torch(x_bs, state)
        if np.ndim(input_spikes) == 1:
            return float(probability_b[0]), float(v_mv_b[0]), state
        return probability_b, v_mv_b, state

    @cached_property
    def _compiled(self) -> Bins | None:
        """What steps an ELM that the kernel takes, where it lies now; None: PyTorch does."""
        if not isinstance(self.model, ELM) or self.model.path == "reference":
            return None
        with torch.no_grad():
            neuron = self.model.neuron()
        if path_of(neuron)[0] != "compiled":
            return None
        return Bins(neuron, self.model.w_y, self.model.n_inputs, self.scaling.of_one)

    @torch.inference_mode()
    def _step_in_torch(self, x_bs: np.ndarray, state: State) -> tuple[np.ndarray, np.ndarray, State]:
        rest = next(self.model.parameters())
        # A copy: from memory that lies otherwise, the last digit may come out otherwise
        y_bo, state = self.model.step(torch.tensor(x_bs, device=rest.device), state)
        return y_bo[:, 0].sigmoid().cpu().numpy(), self.scaling.to_mv(y_bo[:, 1]).cpu().numpy(), state

    def __getstate__(self) -> dict[str, object]:
        """All but what is compiled, which has addresses: a copy reads the weights anew."""
        return {name: value for name, value in self.__dict__.items() if name != "_compiled"}

    def _rest(self, n_neurons: int) -> State:
        return (self.model.init_state if self._compiled is None else self._compiled.rest)(n_neurons)

    def _check_state(self, state: State, n_neurons: int) -> None:
        """Raise InputError where a state is not that of so many neurons; a network would spread one over all."""
        of_one = self._rest(1)
        found = {each.numel() / one.numel() for each, one in zip(state, of_one, strict=False)}
        if len(state) != len(of_one) or len(found) != 1:
            raise InputError(f"state of another model, or of another path: begin with start({n_neurons})")
        (n_found,) = found
        if n_found != n_neurons:
            raise InputError(f"state of {n_found:g} neurons, input of {n_neurons}: begin with start({n_neurons})")

    def check_inputs(self, n_inputs: int, dataset: str | Path) -> None:
        """Raise InputError where a dataset has another number of synapses than the model reads."""
        if n_inputs != self.model.n_inputs:
            raise InputError(
                f"{self.run}: checkpoint expects {self.model.n_inputs} inputs, dataset has {n_inputs} ({dataset}): "
                f"choose a dataset of the cell that it was fitted on{shipped.that_read(n_inputs)}"
            )

    def describe(self) -> dict[str, object]:
        """What a prediction says of the model that made it."""
        told = {key: getattr(self, key) for key in ("name", "family", "size", "seed", "run", "trained_on")}
        cost = {"n_parameters": n_parameters(self.model), "macs_per_ms": macs_per_ms(self.model)}
        return told | cost | {"train_trials": self.train_trials}


def load_run(folder: str | Path, device: torch.device | str = "cpu") -> Surrogate:
    """The best model of a run.

    Raises InputError where the folder is not a run, or its weights are missing, damaged or of another model.
    """
    card, model = kept_model(Path(folder))
    return Surrogate(
        model.to(device).eval(),
        card.scaling,
        name=f"{card.fit.family}-{card.fit.size}",
        family=model.kind,
        size=card.fit.size,
        seed=card.fit.seed,
        run=str(folder),
        trained_on=card.trained_on,
        input_signs=card.input_signs,
        splits=card.splits,
    )


def load_published_elm(folder: str | Path, device: torch.device | str = "cpu") -> Surrogate:
    """A checkpoint of the ELM paper's authors: model_config.json and one *_state.pt.

    Raises InputError where either is missing, foreign or unreadable, or where reading it would run code.
    """
    folder = Path(folder)
    model = read_published_elm(folder)
    half = model.n_inputs // 2  # NeuronIO: an excitatory and an inhibitory synapse on each segment, in this order
    return Surrogate(
        model.to(device).eval(),
        VoltageScaling(),
        name=folder.resolve().name,
        family=model.kind,
        size=model.config.d_m,
        seed=None,
        run=str(folder),
        trained_on=DATASET,
        input_signs=[(1, half), (-1, model.n_inputs - half)],
    )
