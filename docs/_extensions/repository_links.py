"""Links of the pages to files beside docs/, which a forge follows, become links to the pages that hold these files."""

import re

from sphinx.application import Sphinx

PAGES = {
    "../bench/README.md": "BENCHMARKS.md",
    "../CHANGELOG.md": "CHANGES.md",
    "../CONTRIBUTING.md": "CONTRIBUTE.md",
}
_LINK = re.compile(r"\]\((" + "|".join(map(re.escape, PAGES)) + r")(?=[)#])")


def to_pages(app: Sphinx, name: str, source: list[str]) -> None:
    """Change a page's text where it is read; included files have their own way, the option `relative-docs`."""
    source[0] = _LINK.sub(lambda link: f"]({PAGES[link[1]]}", source[0])


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("source-read", to_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
