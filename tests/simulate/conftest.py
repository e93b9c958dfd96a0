"""A cell small enough to simulate in a moment."""

from __future__ import annotations

import pytest

SWC = """\
1 1 0 0 0 8 -1
2 1 0 8 0 8 1
3 1 0 -8 0 8 1
4 3 0 -20 0 1 3
5 3 0 -120 0 1 4
6 {apical} 0 20 0 2 2
7 {apical} 0 420 0 1 6
"""


@pytest.fixture
def swc(tmp_path):
    """A function that writes a soma with one basal and one apical dendrite as an SWC file."""

    def write(name: str = "mine.swc", apical: int = 4):
        path = tmp_path / name
        path.write_text(SWC.format(apical=apical))
        return path

    return write
