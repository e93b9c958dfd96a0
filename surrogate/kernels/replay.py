"""A function that is called again and again, as one CUDA graph: what it launches is written down once, then replayed.

What is replayed is the same kernels on the same memory. So the function takes and returns nothing, works on buffers
that stay where they are, and waits for nothing that a GPU computes.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

WARM_UP = 3  # calls before it is written down, in which libraries set up what they keep, and Triton compiles


class Replay:
    """Calls a function: the first times as it is, then as a graph; as it is to the end where that cannot be."""

    def __init__(self, function: Callable[[], None], say: Callable[[str], None] | None = None) -> None:
        """say: told, once, where there is no graph, and why."""
        self._function, self._say = function, say
        self._calls, self._refused = 0, False
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self) -> None:
        self._calls += 1
        if self._calls > WARM_UP and self._graph is None and not self._refused:
            self._write_down()
        if self._graph is not None:
            self._graph.replay()
        elif self._refused:
            self._function()
        else:
            self._aside()

    def _aside(self) -> None:
        """Call the function on another stream, as PyTorch asks for before a graph is made of it."""
        here, aside = torch.cuda.current_stream(), torch.cuda.Stream()
        aside.wait_stream(here)
        with torch.cuda.stream(aside):
            self._function()
        here.wait_stream(aside)

    def _write_down(self) -> None:
        """Make the graph, which runs nothing yet."""
        graph, here = torch.cuda.CUDAGraph(), torch.cuda.current_stream()
        try:
            with torch.cuda.graph(graph):
                self._function()
        except Exception as error:  # whatever a library or a driver does not take
            self._refused = True
            torch.cuda.set_stream(here)  # PyTorch leaves the graph's own where its end fails too
            torch.cuda.synchronize()
            if self._say is not None:
                why = " ".join(str(error).split())[:200]
                self._say(f"a training step is launched kernel by kernel: no CUDA graph was made of it ({why})")
        else:
            self._graph = graph
