"""The site: built strictly, without the network, accessible, and with links that lead somewhere."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.browser import axe_violations, chromium
from tests.surfaces.documentation.documents import DOCS, PAGES

LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
LOOKED_AT = ("index", "getting-started", "options", "checks")


@dataclass
class Page(HTMLParser):
    """What a page of the site loads, links to and can be linked at."""

    loaded: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what the tag says."""
        given = {name: value or "" for name, value in attrs}
        self.ids.add(given.get("id", ""))
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag in LOADED and LOADED[tag] in given:
            self.loaded.append(given[LOADED[tag]])


def read(path: Path) -> Page:
    page = Page()
    page.feed(path.read_text())
    return page


def build(source: Path, to: Path) -> subprocess.CompletedProcess[str]:
    """Build a site as `make docs` does."""
    words = ["-b", "html", "-q", "--nitpicky", "--fail-on-warning", "--keep-going"]
    return subprocess.run(
        [sys.executable, "-m", "sphinx", *words, source, to], capture_output=True, text=True
    )


# One test process builds the site.
pytestmark = pytest.mark.xdist_group("site")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    to = tmp_path_factory.mktemp("site")
    done = build(DOCS, to)
    assert done.returncode == 0, done.stderr[-3000:]
    return to


def pages(site: Path) -> Iterator[Path]:
    yield from sorted(site.rglob("*.html"))


@pytest.mark.smoke
def test_every_page_is_there(site: Path) -> None:
    names = {path.name for path in pages(site)}
    assert {f"{page.stem}.html" for page in PAGES if page.parent == DOCS} <= names


def test_a_broken_link_ends_the_build(tmp_path: Path) -> None:
    source = tmp_path / "docs"
    source.mkdir()
    # Of a copy, as its configuration reads the version from beside it.
    (tmp_path / "astro_ci").mkdir()
    (tmp_path / "astro_ci" / "__init__.py").write_text('__version__ = "1"\n')
    (source / "conf.py").write_text((DOCS / "conf.py").read_text())
    (source / "index.md").write_text("# Index\n\n[there](#index)\n")
    assert build(source, tmp_path / "good").returncode == 0
    (source / "index.md").write_text("# Index\n\n[nowhere](other.md), [nor here](#none)\n")
    done = build(source, tmp_path / "bad")
    assert done.returncode != 0
    assert "other.md" in done.stderr
    assert "'none'" in done.stderr


@pytest.mark.smoke
def test_no_page_needs_the_network(site: Path) -> None:
    found = {path.name: read(path).loaded for path in pages(site)}
    assert found["index.html"]
    outside = [one for loaded in found.values() for one in loaded if urlsplit(one).netloc]
    assert outside == []
    styles = [path.read_text() for path in site.rglob("*.css")]
    assert styles
    assert [text for text in styles if "url(http" in text or "url(//" in text] == []
    assert [text for text in styles if "@import" in text and "http" in text] == []


@pytest.mark.smoke
def test_links_lead_somewhere(site: Path) -> None:
    read_pages = {path: read(path) for path in pages(site)}
    broken = []
    for path, page in read_pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchors = read_pages[target].ids if target in read_pages else {parts.fragment}
            if not target.exists() or (parts.fragment and unquote(parts.fragment) not in anchors):
                broken.append(f"{path.name}: {link}")
    assert broken == []


def test_the_pages_are_accessible(site: Path) -> None:
    with chromium() as browser:
        for scheme in ("light", "dark"):
            page = browser.new_page(color_scheme="dark" if scheme == "dark" else "light")
            for name in LOOKED_AT:
                page.goto((site / f"{name}.html").as_uri())
                serious = [
                    one for one in axe_violations(page) if "(serious)" in one or "(critical)" in one
                ]
                assert serious == [], f"{name}, {scheme}"


def test_it_can_be_read_without_scripts_and_on_a_phone(site: Path) -> None:
    with chromium() as browser:
        context = browser.new_context(
            java_script_enabled=False, viewport={"width": 390, "height": 844}
        )
        page = context.new_page()
        page.goto((site / "index.html").as_uri())
        assert page.get_by_role("heading", name="astro_ci").first.is_visible()
        page.locator("#furo-main-content").get_by_role("link", name="Running tasks").click()
        assert page.get_by_role("heading", name="During an image deploy").is_visible()
