"""Sphinx builds the site out of this folder: `make docs`."""

import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

project = "apical"
version = release = version_of("apical")
html_title = "apical"
html_theme = "furo"
pygments_dark_style = "github-dark"
html_static_path = ["static"]
html_css_files = ["apical.css"]
html_copy_source = False
html_show_sphinx = False
copyright = "the authors of apical, Apache-2.0"  # what the pages' last line says

extensions = ["myst_nb", "sphinx.ext.autodoc", "docstrings", "executed", "generated"]
exclude_patterns = ["conf.py", "extensions"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header"]  # a page may begin a list of commands at the second level

nb_execution_mode = "off"  # "executed" does it
nb_output_stderr = "remove"
nb_merge_streams = True

default_role = "code"  # a docstring's `x` is code
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints = "description"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
