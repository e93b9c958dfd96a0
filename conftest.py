"""Stops with a clear line where the package is not installed: the folders here are imported as apical.*"""

from importlib.util import find_spec

import pytest

if find_spec("apical") is None:
    pytest.exit(
        "apical is not installed: run `make test`, or `pip install -e '.[test]' -c constraints.txt`", returncode=4
    )
