"""What the documentation holds: pages, fenced blocks, links and headings."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
PAGES = (ROOT / "README.md", *sorted(DOCS.glob("*.md")))
"""What users read: their commands run."""
OTHERS = (
    *(ROOT / name for name in ("CONTRIBUTING.md", "SECURITY.md", "examples/README.md")),
    *sorted((DOCS / "decisions").glob("*.md")),
)
"""What has links, too."""

_BLOCK = re.compile(
    r"(?:^(?P<note> *<!-- not run: (?P<reason>.+?) -->)\n)?"
    r"^(?P<margin> *)```(?P<language>\S*)\n(?P<text>.*?)^(?P=margin)```$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    text: str
    reason: str
    """Why no test runs it; empty: one does."""

    @property
    def name(self) -> str:
        """For the ids of tests."""
        return f"{self.page.relative_to(ROOT).as_posix()}:{self.line}"

    @property
    def commands(self) -> list[str]:
        """The commands of a shell block, without comments."""
        lines = self.text.replace("\\\n", " ").splitlines()
        found = [re.sub(r"(^|\s)#.*", "", line).strip() for line in lines]
        return [line for line in found if line]


def blocks(*languages: str) -> list[Block]:
    """The blocks of these languages, of all pages."""
    return [one for page in PAGES for one in _blocks(page) if one.language in languages]


def languages() -> dict[str, str]:
    """Where each language is first used."""
    return {one.language: one.name for page in PAGES for one in _blocks(page)}


def _blocks(page: Path) -> Iterator[Block]:
    text = page.read_text()
    for found in _BLOCK.finditer(text):
        yield Block(
            page=page,
            line=text.count("\n", 0, found.start("language")) + 1,
            language=found["language"],
            text=textwrap.dedent(found["text"]),
            reason=found["reason"] or "",
        )


def links(page: Path) -> list[str]:
    """Where the links and pictures of a page lead."""
    prose = re.sub(r"^ *```.*?^ *```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    prose = re.sub(r"`[^`\n]*`", "", prose)
    return re.findall(r"\]\(([^)\s]+)\)", prose)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as forges and the site make them."""
    prose = re.sub(r"^ *```.*?^ *```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    found: set[str] = set()
    for heading in re.findall(r"^#{1,6} +(.+)$", prose, re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        slug = re.sub(r"[^\w\- ]", "", plain.strip().lower()).replace(" ", "-")
        number = 0
        while (name := f"{slug}-{number}" if number else slug) in found:
            number += 1
        found.add(name)
    return found
