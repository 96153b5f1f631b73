"""Looks at the pages once they are built: links lead to what is there, and nothing is loaded from another host."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sphinx.application import Sphinx
from sphinx.util import logging

LOADED = {"img": "src", "script": "src", "source": "src", "iframe": "src", "object": "data"}
"""Elements whose address a browser fetches by itself; of `link` those that are no address of a page."""

logger = logging.getLogger(__name__)


class Page(HTMLParser):
    """The places of a page, and what it links and loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.places = {"", "top"}
        self.linked: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.places |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.linked.append(given["href"])
        elif tag == "link" and given.get("rel") not in ("canonical", "index", "next", "prev", "search"):
            self.loaded.append(given.get("href", ""))
        elif LOADED.get(tag) in given:
            self.loaded.append(given[LOADED[tag]])


def check(app: Sphinx, error: Exception | None) -> None:
    """Warn of each link that leads nowhere, and of each thing that would be fetched from another host."""
    if error or app.builder.name != "html":
        return
    root = Path(app.outdir).resolve()
    paths = [path for path in root.rglob("*.html") if "_static" not in path.parts]
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in paths}
    for path, page in pages.items():
        for link in page.linked + page.loaded:
            address = urlsplit(link)
            if address.scheme == "data":
                continue
            if address.scheme or address.netloc:
                if link in page.loaded:
                    logger.warning("%s loads %s from another host", path.name, link)
                continue
            target = (path.parent / unquote(address.path)).resolve() if address.path else path
            there = target in pages and unquote(address.fragment) in pages[target].places
            if not (there or (target not in pages and target.is_file())):
                logger.warning("%s links %s, which is not there", path.relative_to(root), link)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("build-finished", check, priority=900)  # once everything is written
    return {"parallel_read_safe": True, "parallel_write_safe": True}
