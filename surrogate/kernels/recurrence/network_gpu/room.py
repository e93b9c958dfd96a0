"""Memory for the steps of a layer on a GPU, which stays where it is; all launches of a window on it are two graphs.

A window is a launch for each step, and Python takes longer to launch one than a GPU may take to run it: the launches
are written down once, and replayed on the same memory. What is given to a layer is copied there.

B sequences, T steps, C channels, N neurons, Y synapses of each, K branches, H hidden units, M memory units.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from ...replay import Replay
from ..network_reference import SLOPE
from .sizes import COLUMNS, READERS, Sizes, power_of_two, warps

MOST_SPARE = 8  # rooms that are kept: of every layer of a network, for batches of training and of validation
Arrays = dict[str, Tensor]


class Room:
    """arrays: by the names that the kernels' arguments have; see gpu_kernels.py."""

    def __init__(self, sizes: Sizes, like: Tensor) -> None:
        """like: a tensor of the device."""
        self.sizes, self._stream = sizes, _stream(like)
        self.own = not (like.is_cuda and torch.cuda.is_current_stream_capturing())  # else it is of a graph round it
        (n_sequences, n_steps, n_channels, n_neurons, n_branches, n_per_branch, n_hidden, n_memory, *_) = sizes
        n, by_step, n_synapses = n_neurons, (n_steps, n_sequences), n_branches * n_per_branch
        n_heard = n_channels + n_neurons
        integers = {"source_ny": (n, n_synapses), "order_y": (n * n_synapses,), "first_s": (n_heard + 1,)}
        shapes: dict[str, tuple[int, ...]] = {"w_ny": (n, n_synapses), "w_in_nxh": (n, n_branches + n_memory, n_hidden)}
        shapes |= {"bias_nh": (n, n_hidden), "w_out_nhm": (n, n_hidden, n_memory), "bias_n": (n,)}
        shapes |= dict.fromkeys(("bias_nm", "kappa_nm", "gain_nm", "w_y_nm"), (n, n_memory))
        shapes |= dict.fromkeys(("mask_nb", "slow_nb", "effort_nb"), (n, n_sequences))
        shapes |= {"heard": (n_heard, n_steps + 1, n_sequences), "m_nmtb": (n, n_memory, n_steps + 1, n_sequences)}
        shapes |= {"branch_nktb": (n, n_branches, *by_step), "a_nhtb": (n, n_hidden, *by_step)}
        shapes |= {"d_nmtb": (n, n_memory, *by_step), "v_ntb": (n, *by_step), "activity_ntb": (n, *by_step)}
        self.arrays = {name: like.new_empty(shape, dtype=torch.int32) for name, shape in integers.items()}
        self.arrays |= {name: like.new_empty(shape) for name, shape in shapes.items()}
        self._forward = self._graph_of(forward_steps)
        self._backward: Callable[[], None] | None = None

    def fits(self, sizes: Sizes, like: Tensor) -> bool:
        return sizes == self.sizes and like.device == self.arrays["heard"].device and self._stream == _stream(like)

    def forward(self) -> None:
        with torch.cuda.device_of(self.arrays["heard"]):
            self._forward()

    def with_gradients(self) -> Arrays:
        """All arrays, also those of the gradients."""
        if self._backward is None:
            pairs = {f"of_{name}": name for name in ("branch_nktb", "a_nhtb", "w_ny", "slow_nb", "effort_nb", "v_ntb")}
            pairs |= {"of_activity_ntb": "v_ntb", "of_r_ntb": "v_ntb", "of_start_nb": "slow_nb"}
            pairs |= dict.fromkeys(("of_z_nmtb", "of_m_nmtb", "of_kept_nmtb"), "d_nmtb")
            self.arrays |= {name: torch.empty_like(self.arrays[of]) for name, of in pairs.items()}
            self.arrays["of_m_nmb"] = torch.empty_like(self.arrays["m_nmtb"][:, :, 0])
            self._backward = self._graph_of(backward_steps)
        return self.arrays

    def backward(self) -> None:
        """With what is given in the arrays of `with_gradients`."""
        assert self._backward is not None
        with torch.cuda.device_of(self.arrays["heard"]):
            self._backward()

    def _graph_of(self, steps: Callable[[Sizes, Arrays], None]) -> Callable[[], None]:
        launches = partial(steps, self.sizes, self.arrays)  # not of self, which it would keep
        return Replay(launches) if self.own and self.arrays["heard"].is_cuda else launches


def forward_steps(sizes: Sizes, arrays: Arrays) -> None:
    """All steps of a window."""
    from .gpu_kernels import step_forward

    grid, given = _arguments(step_forward, sizes, arrays)
    for t in range(sizes.n_steps):
        step_forward[grid](t=t, **given)


def backward_steps(sizes: Sizes, arrays: Arrays) -> None:
    """All steps back; then the gradients of the synapses' weights, and of what was heard in the first step."""
    from .gpu_kernels import step_backward, synapse_gradients

    grid, given = _arguments(step_backward, sizes, arrays)
    for t in reversed(range(sizes.n_steps)):
        step_backward[grid](t=t, **given)
    n_columns = sizes.n_steps * sizes.n_sequences
    block = min(power_of_two(sizes.n_per_branch), max(1, 4096 // COLUMNS))
    synapse_gradients[(sizes.n_neurons * sizes.n_branches, -(-sizes.n_per_branch // block))](
        *(arrays[name] for name in ("source_ny", "heard", "of_branch_nktb", "of_w_ny")),
        *(sizes.n_per_branch, n_columns + sizes.n_sequences, n_columns),
        S=block,
        COLUMNS=COLUMNS,
        num_warps=warps(block * COLUMNS),
    )
    of_sources(sizes, arrays, arrays["of_start_nb"], sizes.n_channels)


def of_sources(sizes: Sizes, arrays: Arrays, of_heard: Tensor, first_source: int) -> None:
    """Gradients of what sources are, from the first on that is told, in as many columns (t, b) as there is room for."""
    from .gpu_kernels import source_gradients

    n_wanted = of_heard[0].numel()
    columns = min(COLUMNS, power_of_two(n_wanted))
    source_gradients[(len(of_heard), -(-n_wanted // columns))](
        *(arrays[name] for name in ("order_y", "first_s", "w_ny", "of_branch_nktb")),
        *(of_heard, first_source, sizes.n_per_branch, sizes.n_steps * sizes.n_sequences, n_wanted),
        READERS=READERS,
        COLUMNS=columns,
        num_warps=warps(READERS * columns),
    )


def _arguments(kernel, sizes: Sizes, arrays: Arrays) -> tuple[tuple[int], dict]:
    """How many programs a step has, and all that they take but its number."""
    blocks = sizes.blocks()
    known = {**sizes._asdict(), **arrays, **blocks, "SPIKING": sizes.spiking, "slope": SLOPE, "READERS": READERS}
    taken = {name: known[name] for name in kernel.arg_names if name != "t"}
    return (sizes.n_neurons * -(-sizes.n_sequences // blocks["B"]),), {**taken, "num_warps": blocks["num_warps"]}


_spare: list[Room] = []  # the one that was used last is last


def borrowed(sizes: Sizes, like: Tensor) -> Room:
    """A room for a window, one that `give_back` has kept where there is one."""
    fitting = [] if like.is_cuda and torch.cuda.is_current_stream_capturing() else _spare
    found = next((number for number, room in enumerate(fitting) if room.fits(sizes, like)), None)
    return Room(sizes, like) if found is None else _spare.pop(found)


def give_back(room: Room) -> None:
    """Keep a room that nothing uses any more, in place of the one that has not been used for longest."""
    if room.own:
        _spare.append(room)
        del _spare[:-MOST_SPARE]


def _stream(like: Tensor) -> int:
    """What orders the work on a room: within one stream, what comes next waits for what was before."""
    return torch.cuda.current_stream(like.device).cuda_stream if like.is_cuda else 0
