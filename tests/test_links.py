"""Links of the Markdown files: what they lead to is there. Addresses elsewhere are looked at for their form alone."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted(path for folder in (".", "bench", "csrc", "docs") for path in (ROOT / folder).glob("*.md"))


def prose(path):
    """Return the text without blocks of code, in which brackets are no links and # no heading."""
    return re.sub(r"^(```+).*?^\1$", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def links(path):
    return re.findall(r"\]\(([^()\s]+)\)", re.sub(r"`[^`\n]*`", "", prose(path)))


def anchors(path):
    """Return the names that a forge and the site give to the headings."""
    headings = re.findall(r"^#+ (.*)$", prose(path), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def leads_somewhere(link, page):
    address = urlsplit(link)
    if address.scheme:
        return address.scheme in ("http", "https") and "." in address.netloc
    if address.fragment.startswith("dgsynth."):  # what the site's reference has; its builder complains otherwise
        return True
    target = (page.parent / address.path).resolve() if address.path else page
    return target.exists() and (not address.fragment or address.fragment in anchors(target))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    assert [link for link in links(page) if not leads_somewhere(link, page)] == []
