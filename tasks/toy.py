"""Small tasks of every form that a network learns in seconds: for first tries and for tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import xarray as xr

from .store import Block, check_sizes, write_task

CLASSES = 10
N_CHANNELS = 40
VOCABULARY = [f"{digit}" for digit in range(CLASSES)] + ["."]
PER_BLOCK = 50


def toy(
    out: str | Path,
    form: str = "events",
    *,
    train: int = 200,
    test: int = 50,
    towers: int = 1,
    steps: int = 60,
    seed: int = 0,
    overwrite: bool = False,
) -> xr.Dataset:
    """Write a task of ten classes that stand at the beginning, with noise after it: a network has to remember.

    out: the store to write.
    form: events: a class is the four channels that fire in the first 0.2 s of 1 s. tokens: the first token, `.` after
    it. vectors: bytes, the first two of 25 · class.
    train, test: sequences.
    towers: 2: pairs of tokens, which begin alike or not; form is then left out of account.
    steps: length of the longest; of events how many are noise.
    seed: fixes all.
    overwrite: replace what is there.
    Raises InputError where something is there, or it cannot be written.
    """
    check_sizes(train, test)
    splits = ["train"] * train + ["test"] * test

    def blocks() -> Iterator[Block]:
        for at in range(0, len(splits), PER_BLOCK):
            some = splits[at : at + PER_BLOCK]
            rng = np.random.default_rng([seed, at])
            label = (np.arange(len(some)) + at) % CLASSES
            if towers == 2:
                alike = label % 2
                second = np.where(alike, label, (label + rng.integers(1, CLASSES, len(some))) % CLASSES)
                yield Block(alike, some, [_tokens(each, steps, rng) for each in (label, second)])
                continue
            make = {"events": _events, "tokens": _tokens, "vectors": _vectors}[form]
            yield Block(label, some, [make(label, steps, rng)])

    form = "tokens" if towers == 2 else form
    return write_task(
        out,
        blocks(),
        form=form,
        title=f"toy {form}",
        n_channels={"events": N_CHANNELS, "tokens": len(VOCABULARY), "vectors": 1}[form],
        class_names=["other", "alike"] if towers == 2 else VOCABULARY[:CLASSES],
        licence="none needed",
        provenance={"made_by": "toy", "seed": seed, "train": train, "test": test},
        towers=towers,
        vocabulary=VOCABULARY if form == "tokens" else None,
        duration_s=1.0 if form == "events" else None,
        overwrite=overwrite,
    )


def _events(label: np.ndarray, steps: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    signal, noise = 20, steps
    per = N_CHANNELS // CLASSES
    time_s = np.concatenate([rng.uniform(0, 0.2, (len(label), signal)), rng.uniform(0, 1, (len(label), noise))], axis=1)
    channel = np.concatenate(
        [
            label[:, None] * per + rng.integers(per, size=(len(label), signal)),
            rng.integers(N_CHANNELS, size=(len(label), noise)),
        ],
        axis=1,
    )
    return {
        "length": np.full(len(label), signal + noise),
        "event_time_s": time_s.reshape(-1).astype("f2"),
        "event_channel": channel.reshape(-1).astype("u2"),
    }


def _tokens(label: np.ndarray, steps: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    length = rng.integers(steps // 2, steps + 1, len(label))
    token = np.full(length.sum(), CLASSES, "u1")
    token[np.cumsum(length) - length] = label
    return {"length": length, "token": token}


def _vectors(label: np.ndarray, steps: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    value = rng.integers(256, size=(len(label), steps)).astype("u1")
    value[:, :2] = 25 * label[:, None]
    return {"length": np.full(len(label), steps), "value": value.reshape(-1, 1)}
