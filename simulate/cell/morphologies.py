"""The catalogue of morphologies: where each file comes from, under which licence, and how it is recognised."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from ..folders import cache_folder
from ..names import nearest
from ..schema import InputError

CC_BY_NC_SA = "CC-BY-NC-SA-4.0"  # holds for data made from the morphology too
DEFAULT_BIOPHYSICS = "bbp2015"
NO_LICENCE = "none stated"  # so the file is never passed on
HAY_URL = "https://raw.githubusercontent.com/ModelDBRepository/139653/463ae54333e4cc03a2f067fec5396ed7c0c4471b/morphologies/cell1.asc"


@dataclass(frozen=True)
class Morphology:
    """A morphology file. `sha256` is of its bytes with LF line ends; `path` says where it is, or would be.

    biophysics: the parameter set that belongs to it; for a user's file, the default.
    """

    name: str
    path: Path
    sha256: str
    licence: str
    source: str
    biophysics: str = DEFAULT_BIOPHYSICS

    @property
    def present(self) -> bool:
        return self.path.is_file()


def _mearec(name: str, folder: str, file: str, sha256: str) -> Morphology:
    spec = find_spec("MEArec")  # found, not imported: importing MEArec loads its whole stack
    root = Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else Path("MEArec")
    path = root / "cell_models" / "bbp" / folder / "morphology" / file
    source = f"MEArec wheel, {folder}; Markram et al. 2015, Cell 163:456"
    return Morphology(name, path, sha256, CC_BY_NC_SA, source)


def _ttpc1() -> Morphology:
    return _mearec(
        "ttpc1",
        "L5_TTPC1_cADpyr232_1",
        "dend-C060114A2_axon-C060114A5.asc",
        "d09c907ff61462b15784014f3d87dd07c9b4ebc4f50701565560a3909cfe050d",
    )


def _ttpc2() -> Morphology:
    return _mearec(
        "ttpc2",
        "L5_TTPC2_cADpyr232_1",
        "dend-C060114A7_axon-C060116A3_-_Clone_2.asc",
        "8f114fca8159cfefc91f8553d9d244996d5ec1d341a9e28b526946fc9d481570",
    )


def _hay2011(path: Path | None = None) -> Morphology:
    return Morphology(
        "hay2011",
        path or cache_folder() / "morphologies" / "cell1.asc",
        "293d0aa92af8d03dbdcc40a711ba3923522615c3a65df485906538a1de986e23",
        NO_LICENCE,
        "ModelDB 139653, morphologies/cell1.asc; Hay et al. 2011, PLoS Comput Biol 7:e1002107",
        "shai2015",  # as Beniaguev et al. 2021 have it
    )


def _ball_and_stick() -> Morphology:
    path = Path(str(files(__package__).joinpath("reconstructions", "ball-and-stick.swc")))
    return Morphology("ball-and-stick", path, checksum(path), "Apache-2.0", "made for apical", "ball-and-stick")


DEFAULT = "ttpc1"
CATALOGUE: dict[str, Callable[[], Morphology]] = {
    "ttpc1": _ttpc1,
    "ttpc2": _ttpc2,
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
    if not path.exists() and suffix not in (".asc", ".swc"):
        nearest("morphology", name_or_path, [*CATALOGUE, "a path to an .asc or .swc file"])
    if not path.is_file():
        raise InputError(f"morphology {path}: {'is a folder, expected a file' if path.is_dir() else 'no such file'}")
    if suffix not in (".asc", ".swc"):
        raise InputError(f"morphology {path}: expected an .asc (Neurolucida) or .swc file, not '{suffix}'")
    digest = checksum(path)
    published = _hay2011(path.resolve())
    if digest == published.sha256:
        return published
    return Morphology(path.stem, path.resolve(), digest, "unknown (user's file)", path.name)


def own_biophysics(name_or_path: str) -> str:
    """The parameter set of that morphology where none is named; the default one for a user's file, or none."""
    if name_or_path in CATALOGUE:
        return CATALOGUE[name_or_path]().biophysics
    path = Path(name_or_path).expanduser()
    readable = path.suffix.lower() in (".asc", ".swc") and path.is_file()
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
