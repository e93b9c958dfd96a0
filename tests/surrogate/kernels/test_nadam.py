"""Our Nadam is PyTorch's, step by step, state included."""

from copy import deepcopy

import pytest
import torch

from apical.surrogate.kernels.nadam import NAdam


def parameters(dtype=torch.float32):
    random = torch.Generator().manual_seed(0)
    shapes = [(1,), (7, 5, 3), (70_001,)]  # of more than one thread's work, of less; no multiple of a register
    made = [torch.randn(shape, generator=random).to(dtype) for shape in shapes]
    return [made[0], made[1].permute(2, 1, 0), made[2]]  # one with its last dimension outermost in memory


def take_steps(optimizer, given, numbers):
    for number in numbers:
        random = torch.Generator().manual_seed(number)
        for parameter in given:
            gradient = torch.randn(parameter.shape, generator=random, dtype=parameter.dtype)
            parameter.grad = torch.empty_like(parameter).copy_(gradient * 10.0 ** (-number % 7))
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 / (1 + number)
        optimizer.step()


@pytest.mark.parametrize("options", [{}, {"weight_decay": 0.1}, {"betas": (0.8, 0.99), "eps": 1e-3}])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equals_pytorchs(options, dtype):
    results = []
    for kind in (torch.optim.NAdam, NAdam):
        given = [each.clone().requires_grad_() for each in parameters(dtype)]
        optimizer = kind(given, **options)
        take_steps(optimizer, given, range(30))
        results.append((given, [optimizer.state[each] for each in given]))
    for theirs, ours in zip(*(given for given, _ in results), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=2e-6, atol=2e-7)
    for theirs, ours in zip(*(states for _, states in results), strict=True):
        assert theirs.keys() == ours.keys()
        for name, value in theirs.items():
            torch.testing.assert_close(ours[name], value, rtol=1e-5, atol=1e-7, msg=lambda m, n=name: f"{n}: {m}")


def test_a_state_goes_over_to_the_other_and_back():
    given = [each.clone().requires_grad_() for each in parameters()]
    twins = [each.detach().clone().requires_grad_() for each in given]
    ours, theirs = NAdam(given, weight_decay=0.1), torch.optim.NAdam(twins, weight_decay=0.1)
    take_steps(ours, given, range(5))
    take_steps(theirs, twins, range(5))
    ours.load_state_dict(deepcopy(theirs.state_dict()))
    take_steps(ours, given, range(5, 9))
    take_steps(theirs, twins, range(5, 9))
    for one, other in zip(given, twins, strict=True):
        torch.testing.assert_close(one, other, rtol=2e-6, atol=2e-7)


def test_a_state_in_another_order_of_memory_is_the_same_state():
    results = []
    for reorder in (False, True):
        given = [each.clone().requires_grad_() for each in parameters()]
        optimizer = NAdam(given)
        take_steps(optimizer, given, range(3))
        if reorder:
            state = optimizer.state[given[1]]
            state["exp_avg"], state["exp_avg_sq"] = state["exp_avg"].contiguous(), state["exp_avg_sq"].contiguous()
        take_steps(optimizer, given, range(3, 6))
        results.append(given)
    assert all(torch.equal(one, other) for one, other in zip(*results, strict=True))


def test_what_has_no_gradient_stays():
    kept, moved = torch.ones(3, requires_grad=True), torch.ones(3, requires_grad=True)
    moved.grad = torch.ones(3)
    NAdam([kept, moved]).step()
    assert torch.equal(kept, torch.ones(3)) and (moved < 1).all()
