"""A run on the Hugging Face hub, by name: only its configuration and its weights are fetched, and checked by hash.

`owner/name` is what the repository holds now, `owner/name@revision` a branch, a tag or a commit. Whichever it is, the
commit is recorded, and `owner/name@COMMIT` loads the same run for ever. The hub states a hash of each file, under which
its client keeps the file: what is there must have that hash, whether it came now or earlier. The client finds what was
fetched before without a network.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import NamedTuple

from ...simulate.schema import InputError
from ..fitting.run_folder import CARD, WEIGHTS

NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*(@[\w./-]+)?")
COMMIT = re.compile(r"[0-9a-f]{40}")
FILES = (CARD, WEIGHTS)  # text and numbers; nothing that could run


class Fetched(NamedTuple):
    """A run that lies in the hub's cache."""

    folder: Path
    name: str  # owner/name@commit


def is_hub_name(source: str) -> bool:
    """Whether text names a run on the hub: owner/name, where neither that path nor a folder `owner` is here.

    So a path with a slip in its last part is no name, and nothing is asked of the network for it.
    """
    return bool(NAME.fullmatch(source)) and not (Path(source).exists() or Path(source).parent.is_dir())


def fetch(name: str) -> Fetched:
    """Fetch the run of a name, or find it in the cache, and check it.

    Raises InputError where the client is not installed, the run is not there or cannot be reached, or a file is not
    what the hub says it is.
    """
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise InputError(
            f"{name}: no such path, and a name on the hub needs huggingface_hub: pip install huggingface_hub"
        ) from error
    repository, _, revision = name.partition("@")
    try:
        folder = Path(snapshot_download(repository, revision=revision or None, allow_patterns=list(FILES)))
    except Exception as error:  # the client and what it stands on fail in many ways
        why = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"{name}: no such path, and not to be had from the hub ({why})") from error
    commit = folder.name
    if COMMIT.fullmatch(revision) and commit != revision:
        raise InputError(f"{name}: the hub answered with commit {commit}: not used")
    for file in FILES:
        path = folder / file
        if not path.is_file():
            raise InputError(f"{name}: has no {file}: not a run of `apical fit`")
        if path.resolve().name not in _hashes(path):
            raise InputError(f"{path.resolve()}: has not the hash that the hub states for it; remove it, fetch again")
    return Fetched(folder, f"{repository}@{commit}")


def _hashes(path: Path) -> tuple[str, str]:
    """What a file can be called on the hub: SHA-256 of a large one, git's hash of a small one."""
    content = path.read_bytes()
    return hashlib.sha256(content).hexdigest(), hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
