"""The files that a network's step can be written to, and how each is run again.

B windows, S inputs, O outputs.
"""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ...simulate.schema import InputError
from ..models.elm_network import ElmNetwork
from ..models.network import Network

METADATA = "apical.json"  # the extra file of a torch-export file, the property of an ONNX file
OPSET = 18  # of ONNX: the one that PyTorch's exporter writes without a conversion
ONNX_PACKAGES = ("onnx", "onnxscript", "onnxruntime")

Run = Callable[[list[np.ndarray]], list[np.ndarray]]  # input and state of a bin; outputs and the state after it


class Step(nn.Module):
    """A network's step with its state as inputs and outputs side by side, as a graph has them."""

    def __init__(self, model: Network | ElmNetwork):
        super().__init__()
        # Computed in each bin by another library, exp(-dt/tau) would be off in its last digit, and 1 - exp(-dt/tau),
        # for a tau of 150 ms, 150 times as much: 4e-5 of scale after 300 bins of the best published ELM.
        self.model = model.frozen()
        self.eval()

    def forward(self, input_bs: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        output_bo, after = self.model.step(input_bs, state)
        return output_bo, *after


class Graph(NamedTuple):
    """What an exporter asks for."""

    step: Step
    example: tuple[Tensor, ...]
    batch_axes: tuple[int, ...]  # of the example's tensors; the number of windows is free
    inputs: list[str]
    outputs: list[str]

    @property
    def dynamic_shapes(self) -> dict[str, object]:
        batch = torch.export.Dim("batch")
        first, *state = ({axis: batch} for axis in self.batch_axes)
        return {"input_bs": first, "state": tuple(state)}


def graph_of(model: Network | ElmNetwork) -> Graph:
    """The step of a model, with names for its inputs and outputs."""
    two, three = (model.init_state(n) for n in (2, 3))
    axes = [next(at for at in range(a.ndim) if a.shape[at] != b.shape[at]) for a, b in zip(two, three, strict=True)]
    example = [torch.zeros(2, model.n_inputs), *(state.cpu().clone() for state in two)]  # one tensor would be one input
    states = [f"state_{at}" for at in range(len(two))]
    after = [f"{name}_after" for name in states]
    return Graph(Step(model), tuple(example), (0, *axes), ["input", *states], ["output", *after])


def write_torch_export(graph: Graph, path: Path, metadata: dict) -> None:
    """Write a .pt2 file: the graph in PyTorch's operations, and the metadata as JSON."""
    with _quiet():
        program = torch.export.export(graph.step, graph.example, dynamic_shapes=graph.dynamic_shapes)
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # paths on this machine are nobody's business
    with _quiet():  # of a weight whose order in memory is not that of its dimensions
        torch.export.save(program, path, extra_files={METADATA: json.dumps(metadata, indent=1)})


def run_torch_export(path: Path) -> Run:
    """What runs such a file."""
    module = torch.export.load(path).module()

    @torch.inference_mode()
    def run(arrays: list[np.ndarray]) -> list[np.ndarray]:
        return [tensor.numpy() for tensor in module(*(torch.from_numpy(array) for array in arrays))]

    return run


def write_onnx(graph: Graph, path: Path, metadata: dict) -> None:
    """Write an .onnx file, weights and all, with the metadata as JSON in one of its properties.

    Raises InputError where a package for it is not installed.
    """
    missing = [name for name in ONNX_PACKAGES if find_spec(name) is None]
    if missing:
        raise InputError(f"format onnx needs {', '.join(missing)}: pip install {' '.join(ONNX_PACKAGES)}")
    with _quiet():
        program = torch.onnx.export(
            graph.step,
            graph.example,
            dynamo=True,
            verbose=False,
            opset_version=OPSET,
            dynamic_shapes=graph.dynamic_shapes,
            input_names=graph.inputs,
            output_names=graph.outputs,
        )
    assert program is not None
    for node in program.model.graph:
        node.metadata_props.clear()  # stack traces, with paths on this machine
    program.model.metadata_props[METADATA] = json.dumps(metadata, indent=1)
    program.save(path, external_data=False)


def run_onnx(path: Path) -> Run:
    """What runs such a file."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]
    return lambda arrays: session.run(None, dict(zip(names, arrays, strict=True)))


class Format(NamedTuple):
    suffix: str
    write: Callable[[Graph, Path, dict], None]
    run: Callable[[Path], Run]


FORMATS = {
    "torch-export": Format(".pt2", write_torch_export, run_torch_export),
    "onnx": Format(".onnx", write_onnx, run_onnx),
}


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what PyTorch's exporters say of themselves; whether they did well is measured afterwards."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
