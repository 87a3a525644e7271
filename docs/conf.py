"""The site: `nox -s docs` builds it into docs/_build/html; a warning is an error."""

from __future__ import annotations

import datetime
import sys
from pathlib import Path

from sphinx_gallery.sorting import ExplicitOrder

import fastreg

sys.path.insert(0, str(Path(__file__).parent))  # for gallery_style

project = "fastreg"
author = "The fastreg developers"
copyright = f"{datetime.date.today().year}, {author}"
version = release = fastreg.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "examples", "gallery", "auto_gallery/**/*.ipynb"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
nitpicky = False  # types in docstrings are prose: "array-like of shape (n_samples,)"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autosummary_generate = True
autodoc_typehints = "none"  # numpydoc's sections hold the types
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False


PARTS = ("fitting", "choosing", "certainty", "scale", "understanding")
sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "auto_gallery",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "matplotlib_animations": False,
    "show_memory": False,
    "show_signature": False,
    "remove_config_comments": True,
    "capture_repr": (),
    "reset_modules": ("gallery_style.reset",),
    "subsection_order": ExplicitOrder([f"gallery/{part}" for part in PARTS]),
}

html_theme = "pydata_sphinx_theme"
html_title = "fastreg"
html_context = {"default_mode": "auto"}
templates_path = ["_templates"]
html_static_path = ["_static"]
html_css_files = ["fastreg.css"]
html_sidebars = dict.fromkeys(("index", "install", "quickstart"), ())  # no pages below these
html_show_sourcelink = False
html_theme_options = {
    "github_url": "https://github.com/fastreg/fastreg",
    "navbar_align": "left",
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc"],
    "header_links_before_dropdown": 6,
    "footer_start": ["copyright"],
    "footer_end": [],
}
