"""What training waits for, made ahead by threads: the same things in the same order, whatever their number."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Made = TypeVar("Made")
AHEAD = 2  # for each thread: one that it makes, one that is there when it is asked for


def made_ahead(make: Callable[[int], Made], numbers: Iterable[int], threads: int = 0) -> Generator[Made, None, None]:
    """`make` of each number, in their order. threads: that make ahead; 0: each is made when it is asked for.

    A few are in memory at a time, however many there are.
    """
    if not threads:
        yield from map(make, numbers)
        return
    with ThreadPoolExecutor(threads) as pool:
        left = iter(numbers)
        ahead: deque[Future] = deque(pool.submit(make, number) for number in islice(left, AHEAD * threads))
        try:
            while ahead:
                made = ahead.popleft().result()
                ahead.extend(pool.submit(make, number) for number in islice(left, 1))
                yield made
        finally:
            for future in ahead:
                future.cancel()
