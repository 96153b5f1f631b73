"""How the site is made of these pages, of the docstrings, of the commands' help and of ../examples: see `make docs`."""

import os
import sys
from pathlib import Path

import dgsynth

HERE = Path(__file__).parent
EXAMPLES = HERE.parent / "examples"
sys.path.insert(0, str(HERE / "_extensions"))

project = "dgsynth"
author = "The dgsynth developers"
copyright = author
version = release = dgsynth.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_design",
    "command_help",
    "repository_links",
    "whole_site",
]
exclude_patterns = ["_build"]

myst_enable_extensions = ["attrs_inline", "colon_fence"]
myst_heading_anchors = 3

autodoc_typehints = "none"  # docstrings have the types, with shapes
toc_object_entries_show_parents = "hide"
numpydoc_show_class_members = False  # the template of api/ does
numpydoc_class_members_toctree = False
templates_path = ["_templates"]

html_theme = "pydata_sphinx_theme"
html_title = "dgsynth"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "logo": {"text": "dgsynth"},
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "navigation_with_keys": False,
    "show_prev_next": True,
    "footer_start": ["copyright"],
    "footer_end": ["theme-version"],
    "secondary_sidebar_items": ["page-toc"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_sidebars = {"index": []}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

if EXAMPLES.is_dir():
    extensions.append("sphinx_gallery.gen_gallery")
    sphinx_gallery_conf = {
        "examples_dirs": str(EXAMPLES),
        "gallery_dirs": "gallery",
        "filename_pattern": "plot_",
        "within_subsection_order": "FileNameSortKey",
        "show_memory": False,
        "write_computation_times": False,  # a page that loads its script from elsewhere
        "show_signature": False,
        "remove_config_comments": True,
        "download_all_examples": False,
    }
    os.environ.setdefault("MPLBACKEND", "agg")


def skipped(app, what, name, member, skip, options):
    """Leave out what scikit-learn makes of every method, the requests of metadata that it might route."""
    return name.endswith(("_request", "_metadata_routing")) or None


def setup(app):
    """Connect the above."""
    app.connect("autodoc-skip-member", skipped)
