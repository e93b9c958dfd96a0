"""Labelled texts of the Long Range Arena, character by character: IMDB's reviews, and AAN's pairs of papers.

A text is cut at the published limit. The vocabulary is of characters that are frequent enough in training.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from ...simulate.schema import InputError
from ..store import Block, check_free, write_task
from .reading import in_blocks, lines, read_text

LONGEST = 4000  # characters of a text, Tay et al. 2021
UNKNOWN = "�"
LEAST_COUNT = 15  # of a character in training, below which it is unknown
AAN_FILES = {
    "train": "new_aan_pairs.train.tsv",
    "validation": "new_aan_pairs.eval.tsv",
    "test": "new_aan_pairs.test.tsv",
}
AAN_LABELS = {"0": 0, "0.0": 0, "1": 1, "1.0": 1}
Item = tuple[int, str, tuple[str, ...]]  # label, split, a text for each tower


def import_text(folder: str | Path, out: str | Path, *, overwrite: bool = False) -> xr.Dataset:
    """Read IMDB: aclImdb's folders train and test, each with pos and neg. Raises InputError for another layout."""
    folder = Path(folder)

    def items() -> Iterator[Item]:
        for split in ("train", "test"):
            for label, name in enumerate(("neg", "pos")):
                files = sorted((folder / split / name).glob("*.txt"))
                if not files:
                    raise InputError(
                        f"{folder / split / name}: holds no .txt; name the folder aclImdb of IMDB's reviews"
                    )
                for path in files:
                    yield label, split, (read_text(path),)

    return _characters(items, out, "LRA Text (IMDB)", ("negative", "positive"), "import lra-text", folder, overwrite)


def import_retrieval(folder: str | Path, out: str | Path, *, overwrite: bool = False) -> xr.Dataset:
    """Read AAN's pairs: lines of label, two ids and two texts, tabs between. Raises InputError as `import_text`."""
    folder = Path(folder)

    def items() -> Iterator[Item]:
        for split, name in AAN_FILES.items():
            for number, fields in lines(folder / name, 5):
                label = fields[0].strip()
                if label not in AAN_LABELS:
                    raise InputError(f"{folder / name}: line {number} has label '{label}', expected 0 or 1")
                yield AAN_LABELS[label], split, (fields[3], fields[4])

    return _characters(items, out, "LRA Retrieval (AAN)", ("other", "cites"), "import lra-retrieval", folder, overwrite)


def _characters(
    items: Callable[[], Iterable[Item]],
    out: str | Path,
    title: str,
    names: Sequence[str],
    made_by: str,
    folder: Path,
    overwrite: bool,
) -> xr.Dataset:
    """Write labelled texts; characters that are frequent enough in training are the vocabulary."""
    check_free(Path(out), overwrite)
    counts: Counter[str] = Counter()
    towers = 1
    for _, split, texts in items():
        towers = len(texts)
        if split == "train":
            for text in texts:
                counts.update(text[:LONGEST])
    vocabulary = [UNKNOWN, *sorted(each for each, n in counts.items() if n >= LEAST_COUNT and each != UNKNOWN)]
    place = {each: at for at, each in enumerate(vocabulary)}

    def blocks() -> Iterator[Block]:
        for some in in_blocks(items()):
            parts: list[dict[str, np.ndarray]] = []
            for tower in range(towers):
                cut = [texts[tower][:LONGEST] or UNKNOWN for _, _, texts in some]
                token = np.fromiter((place.get(each, 0) for text in cut for each in text), "u2")
                parts.append({"length": np.array([len(text) for text in cut]), "token": token})
            yield Block([label for label, _, _ in some], [split for _, split, _ in some], parts)

    return write_task(
        out, blocks(), form="tokens", title=title, n_channels=len(vocabulary), class_names=names, towers=towers,
        vocabulary=vocabulary, licence="see its source", provenance={"made_by": made_by, "source": str(folder)},
        overwrite=overwrite,
    )  # fmt: skip
