"""The documentation site, built by ``make docs``. Warnings are errors there: see the Makefile."""

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "inst"
author = "the inst authors"
copyright = "the inst authors, Apache-2.0"
version = release = installed_version("inst")

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "myst_nb",
    "option_reference",
    "public_names",
    "repository_links",
]
exclude_patterns = ["_build", "_ext"]

smartquotes = False  # "--flag" is not a dash

html_theme = "furo"
html_title = f"inst {version}"
html_static_path: list[str] = []

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

# A notebook is run as it is when its code has changed since the last build; tests/test_notebooks.py runs it quickly.
nb_execution_mode = "cache"
nb_execution_cache_path = str(Path(__file__).parent / "_build" / "notebooks")
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_merge_streams = True
nb_output_stderr = "remove"  # what libraries say about their progress bars

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 88
napoleon_numpy_docstring = False
napoleon_use_rtype = False

# Types of other projects cannot be looked up offline, and modules below the public API have no page. Every reference to
# a public name must resolve.
nitpick_ignore_regex = [("py:.*", r"(?!inst\.).*"), ("py:.*", r"inst\.\w+\..*")]
