"""The catalogue of morphologies: where each file comes from, under which licence, and how it is recognised."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from ..folders import cache_folder
from ..names import nearest
from ..schema import InputError
from .models import taken

CC_BY_NC_SA = "CC-BY-NC-SA-4.0"  # holds for data made from the morphology too
DEFAULT_BIOPHYSICS = "bbp2015"
SUFFIXES = (".asc", ".swc", taken.SUFFIX)
NO_LICENCE = "none stated"  # so the file is never passed on
HAY_URL = "https://raw.githubusercontent.com/ModelDBRepository/139653/463ae54333e4cc03a2f067fec5396ed7c0c4471b/morphologies/cell1.asc"


class Shipped(NamedTuple):
    """A cell of the MEArec wheel: the folder of its published model, its morphology file and that one's checksum, its
    parameter set here, and its type."""

    folder: str
    file: str
    sha256: str
    biophysics: str
    kind: str


MEAREC = {  # layer 5 cells of the Blue Brain Project
    "ttpc1": Shipped(
        "L5_TTPC1_cADpyr232_1",
        "dend-C060114A2_axon-C060114A5.asc",
        "d09c907ff61462b15784014f3d87dd07c9b4ebc4f50701565560a3909cfe050d",
        "bbp2015",
        "thick-tufted pyramidal cell",
    ),
    "ttpc2": Shipped(
        "L5_TTPC2_cADpyr232_1",
        "dend-C060114A7_axon-C060116A3_-_Clone_2.asc",
        "8f114fca8159cfefc91f8553d9d244996d5ec1d341a9e28b526946fc9d481570",
        "bbp2015",
        "thick-tufted pyramidal cell",
    ),
    "stpc": Shipped(
        "L5_STPC_cADpyr232_1",
        "dend-C231296A-P3_axon-C231296A-P3_-_Clone_9.asc",
        "2ca5c7177e4f2ae9c8c9ecc948cad2f9b821e8cf4c1a1e59678dbc4f4ceb818b",
        "bbp2015",
        "slender-tufted pyramidal cell",
    ),
    "utpc": Shipped(
        "L5_UTPC_cADpyr232_1",
        "dend-Fluo15_left_axon-Fluo15_left_-_Scale_x1.000_y0.950_z1.000_-_Clone_30.asc",
        "871722c29e69c5cfb53f746c0300e597134b67b0288e3ffd5163c12873a483a0",
        "bbp2015",
        "untufted pyramidal cell",
    ),
    "bp": Shipped(
        "L5_BP_bAC217_1",
        "C240300C1_-_Scale_x1.000_y1.050_z1.000_-_Clone_17.asc",
        "9a82d24e36fdd46f451214b9961bb041742a9c501234d686fd3d28a935eceacd",
        "bac217",
        "bipolar cell",
    ),
    "btc": Shipped(
        "L5_BTC_bAC217_1",
        "C160998B-I_-_Scale_x1.000_y1.050_z1.000_-_Clone_5.asc",
        "9e9482c56a9be4b98955feffd909e6be721442f9e41c9f371aefc75a944a5060",
        "bac217",
        "bitufted cell",
    ),
    "dbc": Shipped(
        "L5_DBC_bAC217_1",
        "rp100428-12_idC_-_Scale_x1.000_y1.025_z1.000_-_Clone_1.asc",
        "0fc1f55df13e97714f4d911113f3fcdee0d572ff2603a29ee76950f72551d74b",
        "bac217",
        "double bouquet cell",
    ),
    "lbc": Shipped(
        "L5_LBC_bAC217_1",
        "og061123b1-3_idB_-_Scale_x1.000_y0.975_z1.000_-_Clone_4.asc",
        "0ae737d7f2e7d36c8be7581015049790ac764fc607af1d10c83c3896bed13c96",
        "bac217",
        "large basket cell",
    ),
    "mc": Shipped(
        "L5_MC_bAC217_1",
        "C040601.asc",
        "5a614255f788d8227e22fda11196d87d005dfc6a6c2bc136956b46611b1e4bfd",
        "bac217",
        "Martinotti cell",
    ),
    "nbc": Shipped(
        "L5_NBC_bAC217_1",
        "C080301B1_-_Scale_x1.000_y1.050_z1.000_-_Clone_2.asc",
        "744bd351785938acd0a571105477d8c861dd1ca176a3bc99560ad2bf68285431",
        "bac217",
        "nest basket cell",
    ),
    "chc": Shipped(
        "L5_ChC_cACint209_1",
        "C091000D-I3_-_Scale_x1.000_y1.025_z1.000_-_Clone_6.asc",
        "d83c6907536918cb28ea1ecf2604dbe63854e8ae6590439d5f4dd0c2d3f33925",
        "cacint209",
        "chandelier cell",
    ),
    "ngc": Shipped(
        "L5_NGC_bNAC219_1",
        "rp110125_L5-2_idA_-_Scale_x1.000_y0.950_z1.000_-_Clone_42.asc",
        "b9a805f507e2dff169316f09a34db903dcf80f5c6cea3c7f7d8da1f048e9e096",
        "bnac219",
        "neurogliaform cell",
    ),
    "sbc": Shipped(
        "L5_SBC_bNAC219_1",
        "og061106a1_idA_-_Scale_x1.000_y1.050_z1.000_-_Clone_5.asc",
        "e5ed246731e99ec97c0b8625e0d7ec726b28087227e8ab078c5897df6d8bda25",
        "bnac219",
        "small basket cell",
    ),
}


@dataclass(frozen=True)
class Morphology:
    """A morphology file, or a whole cell (models/taken.py). `sha256` is of its bytes with
    LF line ends; `path` says where it is, or would be.

    biophysics: the parameter set that belongs to it; for a user's file, the default. kind: the type of the cell.
    """

    name: str
    path: Path
    sha256: str
    licence: str
    source: str
    biophysics: str = DEFAULT_BIOPHYSICS
    kind: str = ""

    @property
    def present(self) -> bool:
        return self.path.is_file()


def _mearec(name: str) -> Morphology:
    cell = MEAREC[name]
    spec = find_spec("MEArec")  # found, not imported: importing MEArec loads its whole stack
    root = Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else Path("MEArec")
    path = root / "cell_models" / "bbp" / cell.folder / "morphology" / cell.file
    source = f"MEArec wheel, {cell.folder}; Markram et al. 2015, Cell 163:456"
    return Morphology(name, path, cell.sha256, CC_BY_NC_SA, source, cell.biophysics, cell.kind)


def _hay2011(path: Path | None = None) -> Morphology:
    return Morphology(
        "hay2011",
        path or cache_folder() / "morphologies" / "cell1.asc",
        "293d0aa92af8d03dbdcc40a711ba3923522615c3a65df485906538a1de986e23",
        NO_LICENCE,
        "ModelDB 139653, morphologies/cell1.asc; Hay et al. 2011, PLoS Comput Biol 7:e1002107",
        "shai2015",  # as Beniaguev et al. 2021 have it
        "thick-tufted pyramidal cell",
    )


def _ball_and_stick() -> Morphology:
    path = Path(str(files(__package__).joinpath("reconstructions", "ball-and-stick.swc")))
    return Morphology("ball-and-stick", path, checksum(path), "Apache-2.0", "made for apical", "ball-and-stick")


DEFAULT = "ttpc1"
CATALOGUE: dict[str, Callable[[], Morphology]] = {
    **{name: partial(_mearec, name) for name in MEAREC},
    "hay2011": _hay2011,
    "ball-and-stick": _ball_and_stick,
}


def resolve(name_or_path: str) -> Morphology:
    """The morphology of that catalogue name or ASC or SWC file, there and with the right content.

    `hay2011` is fetched on first use and checked; a file with its checksum, whatever its line ends, is `hay2011`.
    Raises InputError where name, file or content is not right, or where the file cannot be fetched.
    """
    if name_or_path in CATALOGUE:
        found = CATALOGUE[name_or_path]()
        if found.name == "hay2011" and not found.present:
            _fetch(found)
        if not found.present:
            raise InputError(f"morphology '{found.name}': {found.path} is not there; `pip install MEArec` brings it")
        if checksum(found.path) != found.sha256:
            raise InputError(f"morphology '{found.name}': {found.path} has another content than the published file")
        return found
    path = Path(name_or_path).expanduser()
    suffix = path.suffix.lower()
    if not path.exists() and suffix not in SUFFIXES:
        nearest("morphology", name_or_path, [*CATALOGUE, "a path to an .asc or .swc file"])
    if not path.is_file():
        raise InputError(f"morphology {path}: {'is a folder, expected a file' if path.is_dir() else 'no such file'}")
    if suffix not in SUFFIXES:
        raise InputError(f"morphology {path}: expected an .asc (Neurolucida) or .swc file, not '{suffix}'")
    digest = checksum(path)
    if taken.is_taken(path):
        cell = taken.read(path)
        return Morphology(cell.name, path.resolve(), digest, "unknown (user's model)", cell.made_from, taken.OWN)
    published = _hay2011(path.resolve())
    if digest == published.sha256:
        return published
    return Morphology(path.stem, path.resolve(), digest, "unknown (user's file)", path.name)


def own_biophysics(name_or_path: str) -> str:
    """The parameter set of that morphology where none is named; the default one for a user's file, or none."""
    if name_or_path in CATALOGUE:
        return CATALOGUE[name_or_path]().biophysics
    if taken.is_taken(name_or_path):
        return taken.OWN
    path = Path(name_or_path).expanduser()
    readable = path.suffix.lower() in SUFFIXES and path.is_file()
    return resolve(name_or_path).biophysics if readable else DEFAULT_BIOPHYSICS


def checksum(path: Path) -> str:
    """sha256 of a text file as if its line ends were LF."""
    return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()


def _fetch(morphology: Morphology) -> None:
    import logging

    import pooch

    pooch.get_logger().setLevel(logging.WARNING)
    try:
        pooch.retrieve(HAY_URL, "sha256:" + morphology.sha256, fname=morphology.path.name, path=morphology.path.parent)
    except Exception as error:  # requests and pooch raise many kinds; whichever, the file is not here
        raise InputError(
            f"morphology 'hay2011' could not be fetched ({type(error).__name__}): put cell1.asc of ModelDB 139653 at "
            f"{morphology.path}, or give its path with --morphology"
        ) from error
