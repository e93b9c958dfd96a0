"""`apical tasks make …` and `apical tasks import …`: tasks that are made here, or read from published files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ..options import MOST_PROCESSES, Out, Overwrite, examples

if TYPE_CHECKING:
    import xarray as xr

GROUP = {"no_args_is_help": True, "rich_markup_mode": None}
make = typer.Typer(help="Make a task.", **GROUP)  # type: ignore[arg-type]
read = typer.Typer(help="Read published files into a task.", **GROUP)  # type: ignore[arg-type]

Seed = Annotated[int, typer.Option(min=0, help="Fixes all that is drawn.")]
Workers = Annotated[int | None, typer.Option(min=1, max=MOST_PROCESSES, help="Processes [default: all cores].")]
Train = Annotated[int, typer.Option(min=1, help="Sequences for training.")]
Validation = Annotated[int, typer.Option(min=0, help="Sequences for validation.")]
Test = Annotated[int, typer.Option(min=1, help="Sequences for the test.")]
Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the files are, named as they were published.")]
Form = Literal["events", "tokens", "vectors", "towers"]


@make.command(
    "toy",
    short_help="A small task, for first tries.",
    epilog=examples("apical tasks make toy --out toy.zarr", "apical tasks make toy --form towers --out pairs.zarr"),
)
def make_toy(
    out: Out,
    form: Annotated[Form, typer.Option(help="Of the sequences; towers: pairs of tokens.")] = "events",
    train: Train = 200,
    test: Test = 50,
    seed: Seed = 0,
    overwrite: Overwrite = False,
) -> None:
    """Make a small task of ten classes that stand at the beginning of a sequence, with noise after it."""
    from ...tasks.toy import toy

    towers = 2 if form == "towers" else 1
    _written(out, toy(out, form, train=train, test=test, towers=towers, seed=seed, overwrite=overwrite))


@make.command(
    "spoken-digits",
    short_help="Digits of synthetic voices, as spikes of a cochlea.",
    epilog=examples(
        "apical tasks make spoken-digits --out digits.zarr",
        "apical tasks make spoken-digits --train 200 --test 100 --seed 1 --out few.zarr",
    ),
)
def make_spoken_digits(
    out: Out,
    train: Train = 2000,
    test: Test = 500,
    seed: Seed = 0,
    threads: Annotated[int | None, typer.Option(min=1, help="Clips at a time [default: all cores].")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Speak digits in English and German, let SHD's cochlea hear them, and write files of SHD's layout and the task.

    It takes espeak-ng (a package of the system), lauscher, numba and h5py (apical[tasks]), and less than a second of a
    core for a clip. Two voices are in the test set only. Stopped, the same command goes on.
    """
    from ...tasks.digits import spoken_digits
    from ..progress import bar

    with bar("Clips", train + test) as show:
        made = spoken_digits.make_spoken_digits(
            out, train=train, test=test, seed=seed, threads=threads, overwrite=overwrite, progress=show
        )
    _written(out, made)


@make.command(
    "listops",
    short_help="Nested lists of operators and digits.",
    epilog=examples(
        "apical tasks make listops --out listops.zarr",
        "apical tasks make listops --train 2000 --validation 200 --test 200 --longer-than 50 --shorter-than 200 "
        "--out short.zarr",
    ),
)
def make_listops(
    out: Out,
    train: Train = 96_000,
    validation: Validation = 2_000,
    test: Test = 2_000,
    longer_than: Annotated[int, typer.Option(min=0, help="Tokens that an expression has more than.")] = 500,
    shorter_than: Annotated[int, typer.Option(min=1, help="Tokens that it has fewer than.")] = 2_000,
    seed: Seed = 0,
    workers: Workers = None,
    overwrite: Overwrite = False,
) -> None:
    """Make ListOps with the grammar and the limits of the Long Range Arena. Stopped, the same command goes on."""
    from ...tasks.sources import listops
    from ..progress import bar

    with bar("Expressions") as show:
        made = listops.make_listops(
            out, train=train, validation=validation, test=test, longer_than=longer_than, shorter_than=shorter_than,
            seed=seed, workers=workers, overwrite=overwrite, progress=show,
        )  # fmt: skip
    _written(out, made)


@make.command(
    "pathfinder",
    short_help="Pictures in which a path leads from disc to disc, or not.",
    epilog=examples(
        "apical tasks make pathfinder --out pathfinder32.zarr",
        "apical tasks make pathfinder --pixels 128 --train 2000 --validation 200 --test 200 --out pathx.zarr",
    ),
)
def make_pathfinder(
    out: Out,
    pixels: Annotated[int, typer.Option(help="Of a side: 32, 64, or 128 (Path-X).")] = 32,
    train: Train = 160_000,
    validation: Validation = 20_000,
    test: Test = 20_000,
    seed: Seed = 0,
    workers: Workers = None,
    overwrite: Overwrite = False,
) -> None:
    """Make Pathfinder with the published algorithm and numbers, hard. Stopped, the same command goes on."""
    from ...tasks.sources import pathfinder
    from ..progress import bar

    with bar("Pictures") as show:
        made = pathfinder.make_pathfinder(
            out, pixels, train=train, validation=validation, test=test, seed=seed, workers=workers,
            overwrite=overwrite, progress=show,
        )  # fmt: skip
    _written(out, made)


@make.command(
    "fashion",
    short_help="Fashion-MNIST pixel by pixel.",
    epilog=examples(
        "apical tasks make fashion --out fashion.zarr",
        "apical tasks make fashion --folder downloads/fashion --out fashion.zarr",
    ),
)
def make_fashion(
    out: Out,
    folder: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Of the idx files [default: Debian's dataset-fashion-mnist].")
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Make sequences of 784 grey levels of Fashion-MNIST's pictures, with its own test set."""
    from ...tasks.sources import fashion

    _written(out, fashion.make_fashion(out, folder or fashion.FOLDER, overwrite=overwrite))


@make.command(
    "characters",
    short_help="Any text, to be gone on with.",
    epilog=examples(
        "apical tasks make characters book.txt --out book.zarr",
        "apical tasks make characters one.txt two.txt.gz --out both.zarr",
    ),
)
def make_characters(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Text in UTF-8, packed by gzip (.gz) or not.")],
    out: Out,
    overwrite: Overwrite = False,
) -> None:
    """Make a task of text: at each character, which one comes next. 90, 5 and 5 % are for the three splits."""
    from ...tasks.sources import text

    _written(out, text.make_characters(files, out, overwrite=overwrite))


@read.command(
    "shd",
    short_help="Spiking Heidelberg Digits.",
    epilog=examples("apical tasks import shd downloads --out shd.zarr"),
)
def import_shd(folder: Folder, out: Out, overwrite: Overwrite = False) -> None:
    """Read shd_train.h5 and shd_test.h5, or the .zip of each. It takes h5py (apical[tasks]).

    Of an archive it is told whether it is the published one, by its MD5; of a file the checksum is kept.
    """
    import json

    from ...tasks.digits import shd
    from ..progress import console

    made = _read(out, shd.import_shd, folder, overwrite=overwrite)
    for each in json.loads(made.attrs["provenance"])["sources"]:
        told = {True: "the published file", False: "not the published file", None: "no published checksum is known"}
        console.print(f"{each['file']}: {told[each['published']]} (md5 {each['md5']})", markup=False)
    _written(out, made)


@read.command(
    "lra-text",
    short_help="IMDB's reviews, character by character.",
    epilog=examples("apical tasks import lra-text aclImdb --out text.zarr"),
)
def import_lra_text(folder: Folder, out: Out, overwrite: Overwrite = False) -> None:
    """Read the reviews of IMDB: the folder aclImdb with train and test, each with pos and neg."""
    from ...tasks.sources import lra_text

    _written(out, _read(out, lra_text.import_text, folder, overwrite=overwrite))


@read.command(
    "lra-retrieval",
    short_help="Pairs of papers, character by character.",
    epilog=examples("apical tasks import lra-retrieval lra_release/tsv_data --out retrieval.zarr"),
)
def import_lra_retrieval(folder: Folder, out: Out, overwrite: Overwrite = False) -> None:
    """Read AAN's pairs: new_aan_pairs.train.tsv, .eval.tsv and .test.tsv. It becomes a task of two towers."""
    from ...tasks.sources import lra_text

    _written(out, _read(out, lra_text.import_retrieval, folder, overwrite=overwrite))


@read.command(
    "lra-image",
    short_help="CIFAR-10 in grey, pixel by pixel.",
    epilog=examples("apical tasks import lra-image cifar-10-batches-bin --out image.zarr"),
)
def import_lra_image(folder: Folder, out: Out, overwrite: Overwrite = False) -> None:
    """Read CIFAR-10's binary version: data_batch_1.bin to data_batch_5.bin and test_batch.bin."""
    from ...tasks.sources import lra_pictures

    _written(out, lra_pictures.import_image(folder, out, overwrite=overwrite))


@read.command(
    "lra-listops",
    short_help="ListOps as it was released.",
    epilog=examples("apical tasks import lra-listops lra_release/listops-1000 --out listops.zarr"),
)
def import_lra_listops(folder: Folder, out: Out, overwrite: Overwrite = False) -> None:
    """Read basic_train.tsv, basic_val.tsv and basic_test.tsv."""
    from ...tasks.sources import lra_listops

    _written(out, lra_listops.import_listops(folder, out, overwrite=overwrite))


@read.command(
    "lra-pathfinder",
    short_help="Pathfinder as it was released.",
    epilog=examples("apical tasks import lra-pathfinder pathfinder32/curv_contour_length_14 --out pathfinder.zarr"),
)
def import_lra_pathfinder(folder: Folder, out: Out, seed: Seed = 0, overwrite: Overwrite = False) -> None:
    """Read a folder of Pathfinder's pictures, with imgs and metadata in it; --seed fixes the split, 80, 10 and 10 %."""
    from ...tasks.sources import lra_pictures

    _written(out, _read(out, lra_pictures.import_pathfinder, folder, seed=seed, overwrite=overwrite))


@read.command(
    "enwik8",
    short_help="The first 100 MB of Wikipedia.",
    epilog=examples("apical tasks import enwik8 enwik8 --out enwik8.zarr"),
)
def import_enwik8(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="enwik8, unpacked.")],
    out: Out,
    overwrite: Overwrite = False,
) -> None:
    """Read enwik8 byte by byte: 90, 5 and 5 million for the three splits."""
    from ...tasks.sources import text

    _written(out, text.import_enwik8(file, out, overwrite=overwrite))


def _read(out: Path, importer: Callable[..., xr.Dataset], source: Path, **given: Any) -> xr.Dataset:
    """What an importer makes of published files, while it is told that they are read."""
    from ..progress import bar

    with bar("Reading"):
        return importer(source, out, **given)


def _written(out: Path, made: xr.Dataset) -> None:
    from ..progress import console

    console.print(
        f"{out}: {made.attrs['title']}, {made.sizes['sequence']:,} sequences; `apical tasks show {out}` shows it",
        markup=False,
    )
