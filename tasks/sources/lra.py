"""Published files of the Long Range Arena, and bytes of Wikipedia: read in the layout they are published in.

Text: IMDB's folder of reviews, character by character. Retrieval: AAN's pairs as tab-separated lines. Image: CIFAR-10's
binary files, grey. ListOps and Pathfinder: as in lra_release.gz. What is longer than the published limit is cut.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from ...simulate.schema import InputError
from ...simulate.schema.input_error import one_line
from ..store import Block, check_free, write_task
from . import listops, pathfinder

LONGEST = 4000  # characters of a text, Tay et al. 2021
UNKNOWN = "�"
LEAST_COUNT = 15  # of a character in the training set, below which it is unknown
PER_BLOCK = 500
GREY = np.array([0.2989, 0.5870, 0.1140])  # of red, green, blue, as tf.image.rgb_to_grayscale has them
CIFAR = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR_FILES = {"train": [f"data_batch_{n}.bin" for n in range(1, 6)], "test": ["test_batch.bin"]}
CIFAR_SIDE, CIFAR_COLOURS = 32, 3
FOR_TRAINING = 0.9  # of CIFAR-10's training pictures; the others are for validation, as the benchmark has it
AAN_FILES = {
    "train": "new_aan_pairs.train.tsv",
    "validation": "new_aan_pairs.eval.tsv",
    "test": "new_aan_pairs.test.tsv",
}
LISTOPS_FILES = {"train": "basic_train.tsv", "validation": "basic_val.tsv", "test": "basic_test.tsv"}
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
                    yield label, split, (_read(path),)

    return _characters(items, out, "LRA Text (IMDB)", ("negative", "positive"), "import lra-text", folder, overwrite)


def import_retrieval(folder: str | Path, out: str | Path, *, overwrite: bool = False) -> xr.Dataset:
    """Read AAN's pairs: lines of label, two ids and two texts, with tabs between. Raises InputError as `import_text`."""
    folder = Path(folder)

    def items() -> Iterator[Item]:
        for split, name in AAN_FILES.items():
            for number, fields in _lines(folder / name, 5):
                label = fields[0].strip()
                if label not in ("0", "1", "0.0", "1.0"):
                    raise InputError(f"{folder / name}: line {number} has label '{label}', expected 0 or 1")
                yield int(float(label)), split, (fields[3], fields[4])

    return _characters(items, out, "LRA Retrieval (AAN)", ("other", "cites"), "import lra-retrieval", folder, overwrite)


def import_image(folder: str | Path, out: str | Path, *, overwrite: bool = False) -> xr.Dataset:
    """Read CIFAR-10's binary version, as grey levels row by row. Raises InputError as `import_text`."""
    check_free(Path(out), overwrite)
    folder, record = Path(folder), 1 + CIFAR_COLOURS * CIFAR_SIDE**2

    def blocks() -> Iterator[Block]:
        for split, names in CIFAR_FILES.items():
            paths = [folder / name for name in names]
            sizes = [_size(path, record) for path in paths]
            held = int(sum(sizes) * FOR_TRAINING) if split == "train" else sum(sizes)
            done = 0
            for path in paths:
                rows = np.frombuffer(path.read_bytes(), np.uint8).reshape(-1, record)
                _check_labels(path, rows[:, 0], len(CIFAR))
                colour = rows[:, 1:].reshape(len(rows), CIFAR_COLOURS, CIFAR_SIDE**2).transpose(0, 2, 1)
                value = np.rint(colour @ GREY).astype(np.uint8).reshape(-1, 1)
                where = [split if done + at < held else "validation" for at in range(len(rows))]
                done += len(rows)
                yield Block(rows[:, 0], where, [{"length": np.full(len(rows), CIFAR_SIDE**2), "value": value}])

    return write_task(
        out, blocks(), form="vectors", title="LRA Image (CIFAR-10, grey)", n_channels=1, class_names=CIFAR,
        licence="not stated by its authors (Krizhevsky 2009)",
        provenance={"made_by": "import lra-image", "source": str(folder)}, overwrite=overwrite,
    )  # fmt: skip


def import_listops(folder: str | Path, out: str | Path, *, overwrite: bool = False) -> xr.Dataset:
    """Read basic_train.tsv and so on, lines of an expression and its value. Raises InputError as `import_text`."""
    check_free(Path(out), overwrite)
    folder = Path(folder)
    names = {each: at for at, each in enumerate(listops.VOCABULARY)} | {
        f"[{each}": at for at, each in enumerate(listops.VOCABULARY)
    }
    names["]"] = listops.CLOSES

    def parsed(path: Path) -> Iterator[tuple[int, np.ndarray]]:
        for number, (expression, value) in _lines(path, 2):
            if number == 1 and expression.strip() == "Source":
                continue
            words = [word for word in expression.split() if word not in "()"]
            unknown = next((word for word in words if word not in names), None)
            if unknown is not None:
                raise InputError(f"{path}: line {number} has '{unknown}', which is no token of ListOps")
            if value.strip() not in listops.VOCABULARY[:10]:
                raise InputError(f"{path}: line {number} has label '{value.strip()}', expected 0 to 9")
            yield int(value), np.array([names[word] for word in words], "u1")

    def blocks() -> Iterator[Block]:
        for split, name in LISTOPS_FILES.items():
            for some in _in_blocks(parsed(folder / name)):
                token = {"length": [len(each) for _, each in some], "token": np.concatenate([each for _, each in some])}
                yield Block([label for label, _ in some], [split] * len(some), [token])

    return write_task(
        out, blocks(), form="tokens", title="LRA ListOps", n_channels=len(listops.VOCABULARY),
        class_names=listops.VOCABULARY[:10], vocabulary=listops.VOCABULARY, licence="Apache-2.0 (Tay et al. 2021)",
        provenance={"made_by": "import lra-listops", "source": str(folder)}, overwrite=overwrite,
    )  # fmt: skip


def import_pathfinder(folder: str | Path, out: str | Path, *, seed: int = 0, overwrite: bool = False) -> xr.Dataset:
    """Read a folder such as pathfinder32/curv_contour_length_14: imgs, and lists of them in metadata.

    The benchmark shuffles before it splits 80/10/10; seed: of that. Raises InputError as `import_text`.
    """
    check_free(Path(out), overwrite)
    folder = Path(folder)
    lists = sorted((folder / "metadata").glob("*.npy"), key=lambda path: (len(path.stem), path.stem))
    if not lists:
        raise InputError(
            f"{folder / 'metadata'}: holds no list of pictures; name a folder such as curv_contour_length_14"
        )
    found = []
    for path in lists:
        for number, line in enumerate(_read(path).splitlines(), 1):  # text, for all its name
            fields = line.split()
            if len(fields) < 4 or fields[3] not in ("0", "1"):
                raise InputError(f"{path}: line {number} is '{line[:60]}', expected folder, file, number and 0 or 1")
            found.append((folder / fields[0] / fields[1], int(fields[3])))
    order = np.random.default_rng(seed).permutation(len(found))
    first, second = len(found) * 8 // 10, len(found) * 9 // 10

    def blocks() -> Iterator[Block]:
        for at in range(0, len(order), PER_BLOCK):
            some = range(at, min(at + PER_BLOCK, len(order)))
            split = ["train" if each < first else "validation" if each < second else "test" for each in some]
            value = [_picture(found[order[each]][0]) for each in some]
            parts = {"length": [len(each) for each in value], "value": np.concatenate(value)}
            yield Block([found[order[each]][1] for each in some], split, [parts])

    return write_task(
        out, blocks(), form="vectors", title=f"LRA Pathfinder ({folder.name})", n_channels=1,
        class_names=pathfinder.CLASSES, licence="Apache-2.0 (Tay et al. 2021)",
        provenance={"made_by": "import lra-pathfinder", "source": str(folder), "seed": seed}, overwrite=overwrite,
    )  # fmt: skip


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
        for some in _in_blocks(items()):
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


def _in_blocks(items: Iterable[Any]) -> Iterator[list[Any]]:
    some: list[Any] = []
    for item in items:
        some.append(item)
        if len(some) == PER_BLOCK:
            yield some
            some = []
    if some:
        yield some


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({one_line(error)})") from error


def _lines(path: Path, n_fields: int) -> Iterator[tuple[int, list[str]]]:
    """Number and fields of each line. Raises InputError for a line of another number of fields."""
    try:
        with path.open(encoding="utf-8", errors="replace", newline="\n") as file:
            for number, line in enumerate(file, 1):
                fields = line.rstrip("\r\n").split("\t")
                if len(fields) != n_fields:
                    told = f"line {number} has {len(fields)} fields between tabs, expected {n_fields}"
                    raise InputError(f"{path}: {told}")
                yield number, fields
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({one_line(error)})") from error


def _size(path: Path, record: int) -> int:
    """How many pictures a binary file of CIFAR-10 holds."""
    if not path.is_file():
        raise InputError(f"{path}: is not there; CIFAR-10's binary version (cifar-10-binary.tar.gz) has it")
    size = path.stat().st_size
    if not size or size % record:
        raise InputError(f"{path}: has {size} bytes, expected a multiple of {record}: CIFAR-10's binary version")
    return size // record


def _check_labels(path: Path, label: np.ndarray, n: int) -> None:
    wrong = np.flatnonzero(label >= n)
    if wrong.size:
        raise InputError(f"{path}: picture {wrong[0]} has label {label[wrong[0]]}, expected 0 to {n - 1}")


def _picture(path: Path) -> np.ndarray:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path, formats=["PNG"]) as image:
            return np.asarray(image.convert("L")).reshape(-1, 1)
    except (OSError, UnidentifiedImageError) as error:
        raise InputError(f"{path}: cannot be read as PNG ({one_line(error)})") from error
