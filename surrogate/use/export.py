"""A fitted surrogate as a file that runs without apical, a bin at a time: written, run again, compared, then kept.

A window of any length is a loop over its bins, so there is one form. A graph of a whole window would fix its length,
and repeat an ELM's step once for every bin.

B windows, T ms, S inputs, O outputs.
"""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import torch

from ...simulate.schema import InputError, made_with, writing_whole
from ..models.elm_network import ElmNetwork
from ..models.network import Network
from .checkpoint import Surrogate
from .export_formats import FORMATS, Format, Graph, Run, graph_of

EXPORT_VERSION = 1
TOLERANCE = 1e-5  # of an output's largest value, or of 1 where that is smaller
CHECK_WINDOWS, CHECK_MS, CHECK_SPIKES_PER_BIN = 3, 300, 0.02  # NeuronIO has 0.01 for each synapse


class Exported(NamedTuple):
    """What was written, and how far from the model it is."""

    path: Path
    largest_difference: float  # as TOLERANCE counts
    checked_ms: int


def export(surrogate: Surrogate, out: str | Path, to: str, *, overwrite: bool = False) -> Exported:
    """Write the surrogate's step to `out`, once the file has given what the model gives for random spikes.

    The file takes `input` (B, S), signed spikes of a bin of 1 ms, and the state; it gives `output` (B, O) and the state
    after it. The state starts at 0. Units, scaling and provenance are in its metadata.
    surrogate: what `Surrogate.load` returns. out: path of the file.
    to: 'torch-export' (.pt2) or 'onnx' (.onnx, which needs the extra `export`). overwrite: replace such a file.
    Raises InputError for an unknown format, an `out` that exists, has another suffix or cannot be written, a package
    that is missing, or a file that does not give the model's numbers, which is not kept.
    """
    return export_step(
        surrogate.model, partial(metadata_of, surrogate), out, to, run=surrogate.run, overwrite=overwrite
    )


def export_step(
    model: Network | ElmNetwork,
    metadata: Callable[[Graph], dict[str, object]],
    out: str | Path,
    to: str,
    *,
    run: str,
    overwrite: bool,
) -> Exported:
    """As `export`, of a model whose metadata a function tells, and where it comes from: run."""
    out, chosen = Path(out), _format(to)
    _check_path(out, to, chosen, overwrite)
    graph = graph_of(model)
    with writing_whole(out) as growing, TemporaryDirectory(prefix="apical-") as folder:
        made = Path(folder, out.name)  # exporters put the name into the file
        chosen.write(graph, made, metadata(graph))
        difference = largest_difference(model, chosen.run(made))
        if not difference <= TOLERANCE:  # NaN too
            raise InputError(
                f"{out}: not kept: it differs from {run} by {difference:.1e} of scale after "
                f"{CHECK_MS} ms, {TOLERANCE:g} is allowed; try the other format, or report it"
            )
        shutil.copyfile(made, growing)
    return Exported(out, difference, CHECK_MS)


def metadata_of(surrogate: Surrogate, graph: Graph) -> dict[str, object]:
    """What a user needs to know of the file, and where it comes from; every entry can be written as JSON."""
    scaling, n_outputs = surrogate.scaling, graph.step(*graph.example)[0].shape[1]
    return {
        "apical_export": EXPORT_VERSION,
        **surrogate.describe(),
        "bin_ms": 1,
        "input": "(batch, n_inputs) float32, one bin: +1 where an excitatory synapse spikes, -1 where an inhibitory "
        "one does, else 0; in the order of the synapses of the dataset trained_on",
        "n_inputs": surrogate.model.n_inputs,
        "input_signs": surrogate.input_signs,
        "output": "(batch, n_outputs) float32",
        "outputs": ["spike_logit", "scaled_voltage", *(f"dendrite_component_{at}" for at in range(n_outputs - 2))],
        "spike_probability": "1 / (1 + exp(-spike_logit)), of an output spike in this bin",
        "v_mv": f"{scaling.scale_mv:g} * scaled_voltage + {scaling.offset_mv:g}, soma, spikes cut at "
        f"{scaling.clip_mv:g} mV",
        "scaling": scaling.model_dump(),
        **state_metadata(graph),
    }


def state_metadata(graph: Graph) -> dict[str, object]:
    """What the metadata of every file say of its state, and of what wrote it."""
    states = zip(graph.inputs[1:], graph.outputs[1:], graph.example[1:], graph.batch_axes[1:], strict=True)
    shapes = [
        {"input": name, "output": after, "shape": ["batch" if at == axis else n for at, n in enumerate(rest.shape)]}
        for name, after, rest, axis in states
    ]
    return {"state": shapes, "state_at_rest": "all 0", "made_with": made_with("torch")}


@torch.inference_mode()
def largest_difference(model: Network | ElmNetwork, run: Run) -> float:
    """Of a file's outputs, bin by bin from rest, from the model's own for the whole window on the CPU; of scale.

    Input: random spikes of either sign, the same every time.
    """
    rng = np.random.default_rng(0)
    shape = CHECK_WINDOWS, CHECK_MS, model.n_inputs
    x_bts = (rng.choice([-1.0, 1.0], shape) * (rng.random(shape) < CHECK_SPIKES_PER_BIN)).astype(np.float32)
    state = [np.zeros(rest.shape, np.float32) for rest in model.init_state(CHECK_WINDOWS)]
    outputs = []
    for t in range(CHECK_MS):
        output_bo, *state = run([x_bts[:, t], *state])
        outputs.append(output_bo)
    expected_bto = copy.deepcopy(model).cpu()(torch.from_numpy(x_bts)).numpy()
    scale_o = np.maximum(np.abs(expected_bto).max(axis=(0, 1)), 1.0)
    return float((np.abs(np.stack(outputs, axis=1) - expected_bto) / scale_o).max())


def _format(name: str) -> Format:
    if name not in FORMATS:
        near = get_close_matches(name, FORMATS, n=1, cutoff=0.5)
        hint = f"did you mean '{near[0]}'?" if near else f"choose {' or '.join(FORMATS)}"
        raise InputError(f"format '{name}' is not known: {hint}")
    return FORMATS[name]


def _check_path(out: Path, to: str, chosen: Format, overwrite: bool) -> None:
    if out.suffix != chosen.suffix:
        raise InputError(f"{out}: format {to} has files that end in {chosen.suffix}: choose {out.stem}{chosen.suffix}")
    if out.is_dir():
        raise InputError(f"{out}: is a folder; choose another path")
    if out.exists() and not overwrite:
        raise InputError(f"{out}: exists already; --overwrite replaces it")
