"""Pathfinder: two snakes of 14 paddles among shorter ones, and discs on two ends: of the same snake, or of both.

The algorithm of Linsley et al. 2018 (github.com/drewlinsley/pathfinder, snakes2.py) with the numbers of the Long Range
Arena: a snake grows paddle by paddle, each where its direction bends little and nothing is near; what fails is drawn
anew. The label is drawn when the picture is there, and decides on which end the second disc lies.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray as xr

from ...simulate.schema import InputError
from ..blocks import Progress, forget, made_blocks, quiet
from ..store import Block, check_free, check_sizes, write_task
from . import paddles
from .paddles import BLOCKED, moved, turned

CLASSES = ("apart", "connected")
SEGMENTS, DISTRACTOR = 14, 14 // 3  # paddles of a snake
PADDING = 1
TRIALS, SNAKE_TRIALS = 3, 5  # of a paddle, of a distractor
CROSSES = 1.8  # of the sum of two masks
LEAST_FREE = 0.01  # share of the picture below which no distractor is begun
PUBLISHED = {"train": 160_000, "validation": 20_000, "test": 20_000}
PER_BLOCK = 250
SPLIT_OF = ("train", "validation", "test")


class Settings(NamedTuple):
    """Lengths in pixels. contrast: of distractors; the snakes' is it times paddle_contrast; a disc's is 1."""

    pixels: int
    length: int
    thickness: float
    margins: tuple[int, ...]
    radius: float
    seed_distance: int
    continuity: float
    distractors: int
    contrast: float
    paddle_contrast: float = 1.0


SETTINGS = {  # as lra_benchmarks/data/pathfinder.py of the Long Range Arena has them, "hard"
    32: Settings(32, 2, 0.5, (1,), 1.5, 7, 1.0, 20 // DISTRACTOR, 2.0, 0.75),
    64: Settings(64, 5, 1.0, (1,), 2.5, 12, 1.8, 22 // DISTRACTOR, 0.8),
    128: Settings(128, 5, 1.5, (2, 3), 3.0, 20, 1.8, 35 // DISTRACTOR, 0.9),
}


class Picture(NamedTuple):
    """Bytes (pixels, pixels), whether the discs are connected, and the paddles' ends of both snakes (2, 15, 2)."""

    pixel_yx: np.ndarray
    label: int
    ends: np.ndarray


class _Head(NamedTuple):
    """Where a snake has come to: its last paddle, whose mask is not yet in the picture's."""

    pivot: tuple[int, int]
    orientation: float
    tip: tuple[int, int]
    last: tuple[paddles.Stroke, paddles.Window]


def make_pathfinder(
    out: str | Path,
    pixels: int = 32,
    *,
    train: int = PUBLISHED["train"],
    validation: int = PUBLISHED["validation"],
    test: int = PUBLISHED["test"],
    seed: int = 0,
    workers: int | None = None,
    overwrite: bool = False,
    progress: Progress = quiet,
) -> xr.Dataset:
    """Write pictures as sequences of bytes, row by row; at 128 pixels this is Path-X.

    Raises InputError for a size of picture that was not published.
    """
    out = Path(out)
    check_free(out, overwrite)
    if pixels not in SETTINGS:
        raise InputError(f"pixels is {pixels}, expected one of {', '.join(map(str, SETTINGS))}")
    check_sizes(train, test, validation)
    sizes = (train, validation, test)
    recipe = {"made_by": "make pathfinder", "pixels": pixels, "seed": seed, "sizes": sizes}
    n_blocks = -(-sum(sizes) // PER_BLOCK)
    blocks = made_blocks(out, recipe, n_blocks, make_block, (pixels, seed, sizes), workers, progress)
    made = write_task(
        out, blocks, form="vectors", title="Path-X" if pixels == 128 else f"Pathfinder {pixels}", n_channels=1,
        class_names=CLASSES, licence="none needed", provenance=recipe, overwrite=overwrite,
    )  # fmt: skip
    forget(out)
    return made


def make_block(number: int, pixels: int, seed: int, sizes: tuple[int, ...]) -> Block:
    """Pictures `number` · 250 and on of all splits, one after another."""
    rng = np.random.default_rng([seed, pixels, number])
    split = np.repeat(SPLIT_OF, sizes)[number * PER_BLOCK : (number + 1) * PER_BLOCK]
    made = [picture(rng, SETTINGS[pixels]) for _ in split]
    value = np.concatenate([each.pixel_yx.reshape(-1, 1) for each in made])
    return Block(
        [each.label for each in made], split.tolist(), [{"length": np.full(len(made), pixels**2), "value": value}]
    )


def picture(rng: np.random.Generator, of: Settings) -> Picture:
    """Draw one."""
    margin = int(rng.choice(of.margins))
    while (drawn := _Canvas(rng, of, margin).two_snakes()) is None:
        pass
    canvas, ends = drawn
    for _ in range(of.distractors):
        canvas.distractor()
    first, label = int(rng.integers(2)), int(rng.integers(2))
    mark = paddles.disc(of.radius)
    for at in (ends[first][0], ends[first if label else 1 - first][-1]):
        place = paddles.window(at, mark.half, of.pixels)
        canvas.bright[place.inside] = np.maximum(canvas.bright[place.inside], mark.bright[place.part])
    scaled = canvas.bright * (255 / canvas.bright.max()) + 0.5
    return Picture(scaled.astype(np.uint8), label, np.array(ends))


class _Canvas:
    """A picture that is being drawn: brightness, and a mask of where paddles keep off."""

    def __init__(self, rng: np.random.Generator, of: Settings, margin: int) -> None:
        self.bright = np.zeros((of.pixels, of.pixels))
        self.mask = _framed(np.zeros_like(self.bright), PADDING)
        self._rng, self._of, self._margin = rng, of, margin

    def two_snakes(self) -> tuple[_Canvas, list[list[tuple[int, int]]]] | None:
        """Draw both, a paddle each by turns, and return their paddles' ends too; None where one has nowhere to go."""
        contrast = self._of.contrast * self._of.paddle_contrast
        first = self._seed(lambda leads: self._any_of(_free_at_first(self._of, self._margin, leads)), contrast)
        if first is None:
            return None
        tails = [first.tip]

        def beside(leads: float) -> tuple[int, int]:
            angle, distance = self._rng.integers(360) * np.pi / 180, self._of.seed_distance
            return (
                round(tails[0][0] + distance * np.sin(angle)),
                round(tails[0][1] + distance * np.cos(angle)),
            )

        second = self._seed(beside, contrast)
        if second is None:
            return None
        heads, ends = [first, second], [[first.tip], [second.tip]]
        for _ in range(SEGMENTS - 1):
            for snake in (0, 1):
                grown = self._extended(heads[snake], contrast)
                if grown is None:
                    return None
                heads[snake] = grown
                ends[snake].append(grown.tip)
        self._keep_off(heads[1].last)  # and not the other's: as published
        return self, ends

    def distractor(self) -> None:
        """Draw a short snake, or none where it fails too often."""
        for _ in range(SNAKE_TRIALS):
            before = self.bright.copy(), self.mask.copy()
            if self._snake():
                return
            self.bright, self.mask = before

    def _snake(self) -> bool:
        if (self.mask <= BLOCKED).mean() < LEAST_FREE:
            return False
        border = _framed(self.mask, 1)
        head = self._seed(lambda leads: self._any_of(_free(border, self._of, self._margin, leads)), self._of.contrast)
        for _ in range(DISTRACTOR - 1):
            if head is None:
                return False
            head = self._extended(head, self._of.contrast)
        if head is None:
            return False
        self._keep_off(head.last)
        return True

    def _any_of(self, point_n: np.ndarray) -> tuple[int, int] | None:
        if not len(point_n):
            return None
        y, x = point_n[self._rng.integers(len(point_n))]
        return int(y), int(x)

    def _seed(self, place: Callable[[float], tuple[int, int] | None], contrast: float) -> _Head | None:
        """Begin a snake where `place` puts a paddle of an orientation; None where there is no place."""
        for _ in range(TRIALS):
            leads = float(self._rng.integers(-180, 180)) * np.pi / 180
            tail = place(leads)
            if tail is None:
                return None
            head = moved(tail, leads, self._of.length)
            pivot = moved(head, turned(leads), self._of.length + self._margin)
            if self._inside(head) and self._inside(pivot):
                return _Head(pivot, leads, tail, self._drawn(tail, leads, contrast))
        return None

    def _extended(self, head: _Head, contrast: float) -> _Head | None:
        """A snake with a paddle more; None where there is no room."""
        of, margin = self._of, self._margin
        pivot = moved(head.pivot, head.orientation, of.length + 2 * margin)
        step_n = paddles.around(of.length + margin)
        at_n = step_n + pivot
        there = ((at_n >= 0) & (at_n < of.pixels)).all(axis=1)
        step_n, at_n = step_n[there], at_n[there]
        if not len(at_n):
            return None
        leads_n = np.arctan2(step_n[:, 0], step_n[:, 1])
        bend_n = np.abs(leads_n - head.orientation)
        bend_n = np.minimum(np.minimum(bend_n, 2 * np.pi - bend_n) * of.continuity, np.pi / 2)
        weight_n = (1 - self._near(at_n)) * np.cos(bend_n) ** 2
        if weight_n.sum() < paddles.LEAST_DISPLACEMENT:
            return None
        sum_n = np.cumsum(weight_n / weight_n.sum())
        for _ in range(TRIALS):
            chosen = min(int(np.searchsorted(sum_n, self._rng.random(), side="right")), len(sum_n) - 1)
            tip, leads = (int(at_n[chosen][0]), int(at_n[chosen][1])), float(leads_n[chosen])
            drawn = self._stroke(turned(leads))
            place = paddles.window(tip, drawn.half, of.pixels)
            if (self.mask[place.inside] + drawn.mask[place.part]).max() < CROSSES:
                self._keep_off(head.last)
                return _Head(pivot, leads, tip, self._drawn(tip, turned(leads), contrast))
        return None

    def _near(self, at_n: np.ndarray) -> np.ndarray:
        """The highest mask within the margin of each point."""
        offset = np.argwhere(paddles.ball(self._margin)) - self._margin
        points = at_n[:, None] + offset
        there = ((points >= 0) & (points < self._of.pixels)).all(axis=2)
        y, x = np.clip(points, 0, self._of.pixels - 1).transpose(2, 0, 1)
        return np.where(there, self.mask[y, x], 0).max(axis=1)

    def _stroke(self, orientation: float) -> paddles.Stroke:
        return paddles.stroke(orientation, self._of.length, self._of.thickness, self._margin)

    def _drawn(
        self, start: tuple[int, int], orientation: float, contrast: float
    ) -> tuple[paddles.Stroke, paddles.Window]:
        drawn = self._stroke(orientation)
        place = paddles.window(start, drawn.half, self._of.pixels)
        self.bright[place.inside] = np.maximum(self.bright[place.inside], contrast * drawn.bright[place.part])
        return drawn, place

    def _keep_off(self, last: tuple[paddles.Stroke, paddles.Window]) -> None:
        drawn, place = last
        self.mask[place.inside] = np.maximum(self.mask[place.inside], drawn.mask[place.part])

    def _inside(self, point: tuple[int, int]) -> bool:
        return min(point) >= 0 and max(point) < self._of.pixels


def _framed(mask: np.ndarray, width: int) -> np.ndarray:
    """A copy of a mask with a frame that is blocked."""
    framed = np.ones_like(mask)
    framed[width:-width, width:-width] = mask[width:-width, width:-width]
    return framed


def _free(mask: np.ndarray, of: Settings, margin: int, orientation: float) -> np.ndarray:
    """Pixels (n, 2) around which a paddle of an orientation meets nothing of the mask."""
    from scipy import signal

    reach = of.length + margin
    drawn = paddles.stroke(orientation, of.length, of.thickness, margin)
    struct = np.zeros((2 * reach + 1,) * 2)
    place = paddles.window((reach + 1, reach + 1), drawn.half, len(struct))  # one off the middle: as published
    struct[place.inside] = drawn.mask[place.part] >= 1
    near = signal.fftconvolve(mask > BLOCKED, struct[::-1, ::-1], mode="same") > 0.5
    return np.argwhere(~near)


@lru_cache(maxsize=1024)
def _free_at_first(of: Settings, margin: int, orientation: float) -> np.ndarray:
    """As `_free`, of an empty picture, for the first snake: far enough from the border for the second one beside it."""
    empty = _framed(np.zeros((of.pixels, of.pixels)), 2 * of.seed_distance)
    return _free(empty, of, margin, orientation)
