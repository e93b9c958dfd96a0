"""Every link in README, CONTRIBUTING and docs leads somewhere: as the files are, and as the site is built."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"!?\[[^\]]*\]\((?P<to>[^)\s]+)\)")
ADDRESSES = {"a": "href", "link": "href", "img": "src", "script": "src", "source": "src", "iframe": "src"}


def prose(page: Path) -> str:
    """A page without its code."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    return re.sub(r"`[^`]*`", lambda code: re.sub(r"[()\[\]]", "", code[0]), text)


@cache
def anchors(page: Path) -> set[str]:
    """What a heading can be linked by, as GitHub and MyST make it."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [pytest.param(page, id=page.relative_to(ROOT).as_posix()) for page in PAGES])
def test_links_between_files(page):
    for link in LINK.finditer(prose(page)):
        to = urlsplit(link["to"])
        if to.scheme:
            assert to.scheme == "https", link[0]
            continue
        target = (page.parent / unquote(to.path)).resolve() if to.path else page
        assert target.is_file() and target.is_relative_to(ROOT), f"{link[0]}: there is no {target}"
        made = "<!-- generated:" in target.read_text(encoding="utf-8") if target.suffix == ".md" else False
        assert not to.fragment or made or to.fragment in anchors(target), f"{link[0]}: no such heading"


def test_every_picture_says_what_it_shows():
    for page in PAGES:
        for alt, path in re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
            assert len(alt) > 30, f"{page.name}: {path}"


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The site, built as `make docs` builds it but for the notebooks' outputs."""
    pytest.importorskip("sphinx", reason="Sphinx is not installed: `make docs` brings it")
    out = tmp_path_factory.mktemp("site")
    options = ["-q", "-W", "--keep-going", "-D", "execute_notebooks=0", "-d", os.fspath(out / "doctrees")]
    build = [sys.executable, "-m", "sphinx", *options, os.fspath(ROOT / "docs"), os.fspath(out / "html")]
    done = subprocess.run(build, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return out / "html"


def addresses(page: Path) -> Iterator[tuple[str, str]]:
    from bs4 import BeautifulSoup

    for element in BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser").find_all(list(ADDRESSES)):
        address = element.get(ADDRESSES[element.name])
        if address:
            yield element.name, address


@cache
def ids(page: Path) -> set[str]:
    from bs4 import BeautifulSoup

    found = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser").find_all(id=True)
    return {element["id"] for element in found}


@pytest.mark.slow
def test_links_of_the_site(site):
    """All of them are there, and nothing is loaded from elsewhere: the site works from disk."""
    pages = sorted(site.rglob("*.html"))
    assert {"index.html", "scores.html", "notebooks/04_look_inside.html"} <= {
        page.relative_to(site).as_posix() for page in pages
    }
    for page in pages:
        for element, address in addresses(page):
            to, where = urlsplit(address), f"{page.relative_to(site)}: {address}"
            if to.scheme or to.netloc:
                assert element == "a" or to.scheme == "data", f"{where}: loaded from elsewhere"
                continue
            target = (page.parent / unquote(to.path)).resolve() if to.path else page
            assert target.is_file(), where
            if to.fragment and target.suffix == ".html":
                assert unquote(to.fragment) in ids(target), where


@pytest.mark.slow
def test_every_public_name_is_in_the_reference(site):
    import apical.analysis
    import apical.analysis.inside
    import apical.simulate
    import apical.surrogate
    import apical.surrogate.inside

    doors = (apical.simulate, apical.surrogate, apical.surrogate.inside, apical.analysis, apical.analysis.inside)
    known = set().union(*(ids(page) for page in (site / "reference").glob("*.html")))
    for door in doors:
        for name in door.__all__:
            assert name == "inside" or f"{door.__name__}.{name}" in known, f"{door.__name__}.{name}"
