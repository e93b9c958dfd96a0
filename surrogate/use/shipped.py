"""Models that come with the package: runs, each with what it scores on trials it never saw; loaded by name, offline."""

from __future__ import annotations

import hashlib
from difflib import get_close_matches
from pathlib import Path

from pydantic import ValidationError

from ...simulate.schema import InputError
from ..fitting.run_folder import README
from ..models.settings import Settings

SHIPPED = Path(__file__).parents[1] / "shipped"
ABOUT = "about.json"
AGAIN = "apical was not installed whole; install it again"


class Measured(Settings):
    """A score on the held-out trials, with its 95 % interval by bootstrap over trials."""

    value: float
    low: float
    high: float


class Shipped(Settings):
    """What is said of a model beside its run."""

    name: str
    dataset: str  # what it was fitted to, in words
    preset: str  # `apical simulate PRESET` makes trials of that kind
    morphology: str | None = None  # in place of the preset's
    n_inputs: int
    n_parameters: int
    train_trials: int
    n_trials: int  # held-out ones, which it was scored on
    n_output_spikes: int  # in them
    roc_auc: Measured
    rmse_mv: Measured
    average_precision: Measured
    commands: list[str]  # that made it
    sha256: dict[str, str]  # of the run's files


def names() -> list[str]:
    """Of all models that ship, by alphabet."""
    return sorted(path.parent.name for path in SHIPPED.glob(f"*/{ABOUT}"))


def is_shipped(source: str) -> bool:
    """Whether text names a model that ships; what lies here under that path comes first."""
    return source in names() and not Path(source).exists()


def about(name: str) -> Shipped:
    """What a model is and scores. Raises InputError for another name, or where its file is damaged."""
    if name not in names():
        raise InputError(f"'{name}' does not ship with apical: {nearest(name)}`apical models` lists those that do")
    path = SHIPPED / name / ABOUT
    try:
        return Shipped.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise InputError(f"{path}: damaged; {AGAIN}") from error


def card_of(name: str) -> str:
    """The model card, Markdown. Raises InputError as `folder_of`."""
    return (folder_of(name) / README).read_text(encoding="utf-8")


def folder_of(name: str) -> Path:
    """The run. Raises InputError as `about`, and where a file is not the one that was released."""
    for file, expected in about(name).sha256.items():
        path = SHIPPED / name / file
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != expected:
            raise InputError(f"{path}: missing or damaged; {AGAIN}")
    return SHIPPED / name


def nearest(name: str) -> str:
    """The name that was meant, as a hint, or nothing."""
    near = get_close_matches(name, names(), n=1, cutoff=0.6)
    return f"did you mean '{near[0]}'? " if near else ""


def that_read(n_inputs: int) -> str:
    """The models that read so many inputs, as a hint, or nothing."""
    fitting = [name for name in names() if about(name).n_inputs == n_inputs]
    return f", or a model that ships and reads {n_inputs}: {', '.join(fitting)}" if fitting else ""
