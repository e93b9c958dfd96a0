"""A run by its name on a hub. The hub is made up: a client that knows one repository, in the real one's layout."""

import hashlib
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

from apical.simulate.schema import InputError
from apical.surrogate.fitting.fit import FitConfig, fit
from apical.surrogate.use.checkpoint import Surrogate

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def run(make_dataset, tmp_path):
    config = FitConfig(family="elm", size=3, steps=1, batch=2, window_ms=60, burn_in_ms=10, validate_every=1)
    return fit(config, make_dataset(), tmp_path / "run", device="cpu")


class Hub(NamedTuple):
    folder: Path
    asked: list


@pytest.fixture
def hub(run, tmp_path, monkeypatch):
    """Where the run lies in the cache, and a list of what the client was asked for."""
    blobs, snapshot = (tmp_path / "cache" / "models--owner--name" / part for part in ("blobs", f"snapshots/{COMMIT}"))
    for folder in (blobs, snapshot):
        folder.mkdir(parents=True)
    content = (run / "config.json").read_bytes()
    by_git = hashlib.sha1(b"blob " + str(len(content)).encode() + b"\0" + content).hexdigest()
    by_size = hashlib.sha256((run / "weights.safetensors").read_bytes()).hexdigest()
    for name, blob in (("config.json", by_git), ("weights.safetensors", by_size)):
        shutil.copy(run / name, blobs / blob)
        (snapshot / name).symlink_to(blobs / blob)
    asked = []

    def snapshot_download(repository, *, revision=None, allow_patterns):
        asked.append((repository, revision, allow_patterns))
        if repository != "owner/name":
            raise ConnectionError("Name or service not known\nand a page of advice")
        return str(snapshot)

    client = ModuleType("huggingface_hub")
    client.snapshot_download = snapshot_download
    monkeypatch.setitem(sys.modules, "huggingface_hub", client)
    monkeypatch.chdir(tmp_path)
    return Hub(snapshot, asked)


def refused(source):
    with pytest.raises(InputError) as error:
        Surrogate.load(source)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("revision", ["", "@main", f"@{COMMIT}"])
def test_a_run_by_name_records_its_commit(hub, run, revision):
    surrogate = Surrogate.load(f"owner/name{revision}")
    assert surrogate.run == f"owner/name@{COMMIT}"
    assert surrogate.describe()["n_parameters"] == Surrogate.load(run).describe()["n_parameters"]
    assert hub.asked == [("owner/name", revision[1:] or None, ["config.json", "weights.safetensors"])]


def test_another_commit_than_the_one_asked_for(hub):
    assert "the hub answered with commit 0123" in refused("owner/name@" + 40 * "f")


@pytest.mark.parametrize("file", ["config.json", "weights.safetensors"])
def test_a_file_that_is_not_what_the_hub_states(hub, file):
    changed = (hub.folder / file).resolve()
    changed.write_bytes(changed.read_bytes() + b" ")
    assert "has not the hash that the hub states for it; remove it, fetch again" in refused("owner/name")


def test_a_file_whose_hash_is_not_known(hub):
    (hub.folder / "config.json").unlink()
    (hub.folder / "config.json").write_text("{}")
    assert "has not the hash" in refused("owner/name")


def test_a_repository_of_something_else(hub):
    (hub.folder / "weights.safetensors").unlink()
    assert refused("owner/name") == "owner/name: has no weights.safetensors: not a run of `apical fit`"


def test_no_network(hub):
    assert refused("owner/other") == (
        "owner/other: no such path, and not to be had from the hub (Name or service not known)"
    )


def test_no_client(hub, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert refused("owner/name").endswith("needs huggingface_hub: pip install huggingface_hub")


@pytest.mark.parametrize("source", ["nowhere", "a/b/c", "./a/b", "/a/b", "a/b@", "../name", "run/elm-3", "o-/../name"])
def test_what_looks_like_a_path_asks_no_network(hub, tmp_path, source):
    with pytest.raises(InputError):
        Surrogate.load(source)
    assert hub.asked == []


def test_a_path_is_a_path(hub, run, tmp_path):
    (tmp_path / "owner").mkdir()
    shutil.copytree(run, tmp_path / "owner" / "name")
    assert Surrogate.load("owner/name").run == "owner/name"
    with pytest.raises(InputError, match="owner/other: no run there"):
        Surrogate.load("owner/other")
    with pytest.raises(InputError, match="somebody/name: no run there"):
        Surrogate.load(Path("somebody/name"))  # a Path is never a name
    assert hub.asked == []
