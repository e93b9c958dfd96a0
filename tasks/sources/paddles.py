"""The strokes of Pathfinder: paddles, the space around them that others keep off, and discs; drawn twice as fine.

(y, x) coordinates; orientations in rad, from x towards y. What is drawn is cut out of a larger picture at the borders.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

ANTIALIAS = 2
WHITE = 255
LEAST_DISPLACEMENT = 1e-4  # sum of weights below which there is nowhere to go
BLOCKED = 0.3  # of a mask: what is above is no place for a paddle


class Stroke(NamedTuple):
    """A paddle as pictures around its start, (2 · half + 1)²: brightness from 0 to 1, and where others keep off."""

    half: int
    bright: np.ndarray
    mask: np.ndarray


class Window(NamedTuple):
    """Where a picture around a point lies in an image, and which part of it does."""

    inside: tuple[slice, slice]
    part: tuple[slice, slice]


@lru_cache(maxsize=4096)
def stroke(orientation: float, length: int, thickness: float, margin: int) -> Stroke:
    """A paddle that leads from the middle to where the orientation points."""
    from PIL import Image, ImageDraw
    from scipy import ndimage

    half = length + int(np.ceil(thickness)) + margin
    fine = Image.new("F", (2 * half * ANTIALIAS + 1,) * 2, 0)
    y, x = moved((half * ANTIALIAS, half * ANTIALIAS), orientation, length * ANTIALIAS)
    ImageDraw.Draw(fine).line(
        [(half * ANTIALIAS, half * ANTIALIAS), (x, y)], fill=WHITE, width=round(thickness * ANTIALIAS)
    )
    size = (2 * half + 1,) * 2
    bright = np.asarray(fine.resize(size, Image.Resampling.LANCZOS), float) / WHITE
    kept_off = ndimage.maximum_filter(np.asarray(fine), footprint=ball(margin * ANTIALIAS), mode="constant")
    mask = Image.fromarray(kept_off.astype(np.uint8)).resize(size, Image.Resampling.LANCZOS)
    return Stroke(half, bright, np.asarray(mask, float) / WHITE)


@lru_cache(maxsize=16)
def disc(radius: float) -> Stroke:
    """A disc, as a stroke without a mask."""
    from PIL import Image

    half = int(np.ceil(radius)) + 3
    at = np.arange(-half * ANTIALIAS, (half + 1) * ANTIALIAS)
    inside = at[:, None] ** 2 + at**2 <= (radius * ANTIALIAS) ** 2
    fine = Image.fromarray(np.uint8(inside * WHITE))
    bright = np.asarray(fine.resize((2 * half + 1,) * 2, Image.Resampling.LANCZOS), float) / WHITE
    return Stroke(half, bright, np.zeros_like(bright))


@lru_cache(maxsize=16)
def ball(radius: int) -> np.ndarray:
    """Which points of (2 · radius + 1)² are no farther from the middle."""
    at = np.arange(-radius, radius + 1)
    return at[:, None] ** 2 + at**2 <= radius**2


@lru_cache(maxsize=16)
def around(step: int) -> np.ndarray:
    """Displacements (n, 2) to the pixels of a circle around a pixel."""
    angle = np.arange(0, 360, 360 / (2 * step * np.pi)) * np.pi / 180
    both = np.floor(np.stack([step * np.sin(angle), step * np.cos(angle)], axis=1)).astype(int)
    return np.unique(both, axis=0)


def window(point: tuple[int, int], half: int, pixels: int) -> Window:
    """Of a picture of (2 · half + 1)² around a point."""
    low = [max(at - half, 0) for at in point]
    high = [min(at + half + 1, pixels) for at in point]
    inside = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    part = tuple(slice(a - at + half, b - at + half) for a, b, at in zip(low, high, point, strict=True))
    return Window(inside, part)  # type: ignore[arg-type]


def moved(point: tuple[int, int], orientation: float, distance: float) -> tuple[int, int]:
    """The pixel at a distance, rounded up."""
    return (
        int(np.ceil(point[0] + distance * np.sin(orientation))),
        int(np.ceil(point[1] + distance * np.cos(orientation))),
    )


def turned(orientation: float) -> float:
    """By half a turn."""
    return orientation + np.pi if orientation < 0 else orientation - np.pi
