"""Models on datasets that they were not fitted on, as one table: a row per model, a lettered column per dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from string import ascii_uppercase
from typing import NamedTuple

from ...simulate.schema import InputError, open_dataset
from ..dataset_title import dataset_title
from ..scores.rows import Score

HOME = "*"  # before the score on the dataset that the model was fitted on


class Model(NamedTuple):
    """A row: the model's name, its seed, and the id of the dataset that it was fitted on; of several, joined by +."""

    name: str
    seed: int | None
    trained_on: str


class Unscored(NamedTuple):
    """A model without a score on a dataset, and why."""

    model: Model
    dataset_id: str
    dataset: str
    reason: str


class Generalisation(NamedTuple):
    """Rows, columns and cells. datasets: id to title, no two alike; a cell is a score, or why there is none.

    notes: the reasons, each once; a cell without a score says the number of its note.
    """

    models: list[Model]
    datasets: dict[str, str]
    cells: dict[tuple[Model, str], Score | str]
    notes: list[str]

    def header(self) -> list[str]:
        """The names of the columns of `rows`: datasets by letter, see `key`."""
        return ["model", "seed", "fitted on", *map(self._letter, self.datasets)]

    def key(self) -> list[str]:
        """What the letters and notes stand for, a line each."""
        told = [f"{self._letter(dataset_id)}: {title}" for dataset_id, title in self.datasets.items()]
        return told + [f"note {at}: {note}" for at, note in enumerate(self.notes, start=1)]

    def _letter(self, dataset_id: str) -> str:
        at = list(self.datasets).index(dataset_id)
        return ascii_uppercase[at] if at < len(ascii_uppercase) else str(at + 1)

    def rows(self, column: str, decimals: int) -> list[list[str]]:
        """A row of text per model: what it is, then the score's `column` on each dataset, or the note that says why.

        A star stands before the score on the model's own data.
        """
        return [
            [
                model.name,
                "" if model.seed is None else str(model.seed),
                "+".join(self._letter(of) if of in self.datasets else of for of in self._home(model)),
                *(self._cell(model, dataset_id, column, decimals) for dataset_id in self.datasets),
            ]
            for model in self.models
        ]

    def _home(self, model: Model) -> list[str]:
        """The datasets that it was fitted on, by id."""
        return [model.trained_on] if model.trained_on in self.datasets else model.trained_on.split("+")

    def _cell(self, model: Model, dataset_id: str, column: str, decimals: int) -> str:
        found = self.cells.get((model, dataset_id))
        if isinstance(found, Score):
            value = getattr(found, column)
            return "–" if value is None else f"{HOME if dataset_id in self._home(model) else ''}{value:.{decimals}f}"
        return "–" if found is None else f"note {self.notes.index(found) + 1}"


def generalisation(outcomes: Iterable[Score | Unscored]) -> Generalisation:
    """The table of what models scored; rows and columns come in the order in which models and datasets do.

    Raises InputError where a model has two outcomes on one dataset.
    """
    titles, cells = dict[str, str](), dict[tuple[Model, str], Score | str]()
    cell: Score | str
    for each in outcomes:
        if isinstance(each, Score):
            model, cell = Model(each.name, each.seed, each.trained_on), each
        else:
            model, cell = each.model, each.reason
        if (model, each.dataset_id) in cells:
            seed = "" if model.seed is None else f", seed {model.seed},"
            raise InputError(f"model {model.name}{seed} is there twice on dataset '{each.dataset}'; give one of them")
        titles[each.dataset_id] = each.dataset
        cells[model, each.dataset_id] = cell
    n_alike = Counter(titles.values())
    datasets = {of: title if n_alike[title] == 1 else f"{title} ({of})" for of, title in titles.items()}
    notes = dict.fromkeys(why for why in cells.values() if isinstance(why, str))
    return Generalisation(list(dict.fromkeys(model for model, _ in cells)), datasets, cells, list(notes))


def unscored(model: Model, data: str | Path, reason: str) -> Unscored:
    """That a model has no score on the simulation at `data`, for `reason`."""
    ds = open_dataset(data, "simulation")
    return Unscored(model, ds.attrs["dataset_id"], dataset_title(ds), reason)
