"""What is at a path is what was there or what replaces it, whatever goes wrong in between."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from apical.simulate import schema
from apical.simulate.schema import InputError


def write(path: Path, text: str) -> None:
    """A folder with a file."""
    path.mkdir()
    (path / "file").write_text(text)


def read(folder: Path) -> dict[str, str]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_what_is_made_takes_the_place_of_what_was_there(tmp_path):
    write(tmp_path / "a", "old")
    with schema.making(tmp_path / "a") as growing:
        write(growing, "new")
        assert (growing.parent, read(tmp_path / "a")) == (tmp_path, {"file": "old"})
    with schema.making(tmp_path / "b.csv") as growing:
        growing.write_text("b")
        assert growing.suffix == ".csv" and not (tmp_path / "b.csv").exists()
    assert read(tmp_path) == {"a/file": "new", "b.csv": "b"}


def test_what_is_not_finished_leaves_what_was_there(tmp_path):
    write(tmp_path / "a", "old")
    with pytest.raises(KeyboardInterrupt), schema.making(tmp_path / "a") as growing:
        write(growing, "new")
        raise KeyboardInterrupt
    assert read(tmp_path) == {"a/file": "old"}


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    write(tmp_path / "elsewhere" / "a", "old")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere" / "a")
    with schema.making(tmp_path / "link") as growing:
        write(growing, "new")
    assert (tmp_path / "link").is_symlink() and read(tmp_path) == {"elsewhere/a/file": "new"}


@pytest.mark.parametrize("moved", [0, 1], ids=["nothing", "the old one"])
def test_a_kill_before_the_new_one_is_there_brings_back_the_old_one(tmp_path, monkeypatch, moved):
    class Killed(BaseException):
        """Stands for SIGKILL: nothing after it changes anything."""

    write(tmp_path / "a", "old")
    rename, done = Path.rename, []

    def killed(self, target):
        if len(done) == moved:
            monkeypatch.setattr(schema.whole, "_remove", lambda path: None)
            raise Killed
        done.append(target)
        return rename(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", killed)
        with pytest.raises(Killed), schema.making(tmp_path / "a") as growing:
            write(growing, "new")
    monkeypatch.undo()
    assert len(list(tmp_path.iterdir())) == 2
    schema.recover(tmp_path / "a")
    assert read(tmp_path) == {"a/file": "old"} and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    "number, said",
    [
        (errno.ENOSPC, r"a.csv: cannot be written \(No space left on device\); make room, then --resume goes on"),
        (errno.EACCES, r"a.csv: cannot be written \(Permission denied\); choose another path"),
    ],
)
def test_what_cannot_be_written_is_one_line_and_leaves_nothing(tmp_path, number, said):
    with pytest.raises(InputError, match=said), schema.writing_whole(tmp_path / "a.csv", "--resume goes on") as growing:
        growing.write_text("half")
        raise OSError(number, os.strerror(number))
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_taken_keeps_what_was_there(tmp_path, monkeypatch):
    write(tmp_path / "a", "old")
    rename = Path.rename

    def refused(self, target):
        if self.name.startswith(".new-"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refused)
    with pytest.raises(InputError, match=r"a: cannot be written .*error"), schema.writing_whole(tmp_path / "a") as made:
        write(made, "new")
    assert read(tmp_path) == {"a/file": "old"}


@pytest.mark.parametrize("name, said", [("run", "Is a directory"), ("scores.csv", "Not a directory")])
def test_a_file_takes_no_folder_s_place_nor_a_folder_a_file_s(tmp_path, name, said):
    write(tmp_path / "run", "years")
    (tmp_path / "scores.csv").write_text("weeks")
    message = rf"{name}: cannot be written \({said}\); choose another path"
    with pytest.raises(InputError, match=message), schema.writing_whole(tmp_path / name) as growing:
        growing.write_text("new") if name == "run" else write(growing, "new")
    assert read(tmp_path) == {"run/file": "years", "scores.csv": "weeks"}
