"""The catalogue finds the right files, knows them by content, and says in one line what is wrong with others."""

from __future__ import annotations

import numpy as np
import pytest

from apical.simulate.cell import biophysics, morphologies
from apical.simulate.cell.built import Cell
from apical.simulate.cell.catalogue import catalogue
from apical.simulate.schema import InputError


@pytest.mark.parametrize(("name", "basal", "apical", "segments"), [("ttpc1", 113, 123, 910), ("ttpc2", 80, 132, 912)])
def test_reconstructions_that_install_with_pip(name, basal, apical, segments):
    cell = Cell(morphologies.resolve(name))
    try:
        assert (len(cell.basal), len(cell.apical), len(cell.segments)) == (basal, apical, segments)
        assert [section.nseg for section in cell.sections()] == [1 + 2 * int(s.L / 40) for s in cell.sections()]
        assert [(axon.L, axon.diam) for axon in cell.axon] == [(30, 1), (30, 1)]
    finally:
        cell.close()


def test_catalogue_rows():
    rows = {row["name"]: row for row in catalogue()}
    assert rows["ttpc1"] | {"path": "", "source": ""} == {
        "name": "ttpc1",
        "kind": "thick-tufted pyramidal cell",
        "biophysics": "bbp2015",
        "sections": 237,
        "segments": 910,
        "present": True,
        "source": "",
        "licence": "CC-BY-NC-SA-4.0",
        "path": "",
    }
    assert set(rows) == {*morphologies.MEAREC, "hay2011", "ball-and-stick"} and len(morphologies.MEAREC) == 13
    assert (rows["ball-and-stick"]["sections"], rows["ball-and-stick"]["segments"]) == (2, 51)


@pytest.mark.parametrize("ends", [b"\n", b"\r\n"])
def test_the_published_file_is_known_by_content_whatever_its_line_ends(shared, tmp_path, ends):
    text = shared("data/hay2011/cell1.asc").read_bytes().replace(b"\r\n", b"\n").replace(b"\n", ends)
    copy = tmp_path / "mine.asc"
    copy.write_bytes(text)
    assert morphologies.resolve(str(copy)).name == "hay2011"


def test_hay2011_offline_says_where_to_put_the_file(tmp_path, monkeypatch):
    import pooch

    def offline(*args, **kwargs):
        raise OSError("no network")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(pooch, "retrieve", offline)
    with pytest.raises(InputError, match=r"put cell1\.asc of ModelDB 139653 at .*apical/morphologies/cell1\.asc") as e:
        morphologies.resolve("hay2011")
    assert "\n" not in str(e.value)


def test_hay2011_in_the_cache_is_checked(shared, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cached = tmp_path / "apical" / "morphologies" / "cell1.asc"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(shared("data/hay2011/cell1.asc").read_bytes())
    assert morphologies.resolve("hay2011").path == cached
    cached.write_bytes(b"other")
    with pytest.raises(InputError, match="another content"):
        morphologies.resolve("hay2011")


def test_names_and_paths_that_are_not_there(tmp_path):
    with pytest.raises(InputError, match="did you mean 'ttpc1'"):
        morphologies.resolve("tpc1")
    with pytest.raises(InputError, match=r"none\.asc: no such file"):
        morphologies.resolve(str(tmp_path / "none.asc"))
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(InputError, match=r"expected an \.asc"):
        morphologies.resolve(str(tmp_path / "a.txt"))
    with pytest.raises(InputError, match="biophysics 'shai' is not known: did you mean 'shai2015'"):
        biophysics.load("shai")


def test_an_swc_file_builds(swc):
    cell = Cell(morphologies.resolve(str(swc())))
    try:
        assert (len(cell.basal), len(cell.apical)) == (1, 1)
        assert [segment.tree for segment in cell.segments] == ["basal"] * 5 + ["apical"] * 21
        assert np.all(np.diff([s.distance_um for s in cell.segments if s.tree == "apical"]) > 0)
    finally:
        cell.close()


@pytest.mark.parametrize("suffix", [".asc", ".swc"])
def test_a_file_that_is_no_morphology(tmp_path, suffix, capfd):
    path = tmp_path / f"broken{suffix}"
    path.write_text("this is not a reconstruction\n")
    with pytest.raises(InputError, match=rf"broken\{suffix}[:,] ") as error:
        Cell(morphologies.resolve(str(path)))
    assert "\n" not in str(error.value)
    assert capfd.readouterr().err == ""
