"""Links lead somewhere: to files of the repository, and to headings that are there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.surfaces.documentation.documents import OTHERS, PAGES, ROOT, anchors, links

ALL = [*PAGES, *OTHERS]


@pytest.mark.parametrize("page", ALL, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_files_and_headings(page: Path) -> None:
    broken = []
    for link in links(page):
        if "://" in link or link.startswith("mailto:"):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or not target.is_relative_to(ROOT):
            broken.append(link)
        elif anchor and anchor not in anchors(target):
            broken.append(f"{link}: no such heading")
    assert broken == []


def test_no_link_leaves_for_a_page_without_https() -> None:
    outside = [link for page in ALL for link in links(page) if "://" in link]
    assert outside
    assert [link for link in outside if not link.startswith("https://")] == []
