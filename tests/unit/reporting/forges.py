"""Markdown as GitHub and as GitLab render it: GFM with what each of them adds.

Sources: github.github.com/gfm, docs.github.com/get-started/writing-on-github,
docs.gitlab.com/user/markdown.
"""

from __future__ import annotations

from html.parser import HTMLParser

from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.footnote import footnote_plugin
from mdit_py_plugins.front_matter import front_matter_plugin
from mdit_py_plugins.gfm_autolink import gfm_autolink_plugin
from mdit_py_plugins.tasklists import tasklists_plugin


def _gfm() -> MarkdownIt:
    made = MarkdownIt("gfm-like", {"linkify": False, "html": True})
    made.use(gfm_autolink_plugin).use(footnote_plugin).use(tasklists_plugin)
    return made.use(dollarmath_plugin, allow_space=False)


GITHUB = _gfm()
GITLAB = _gfm().use(front_matter_plugin)
FORGES = {"github": GITHUB, "gitlab": GITLAB}


class Page(HTMLParser):
    """What is seen of a page: its text, its tags and its links."""

    def __init__(self, markdown: str, forge: MarkdownIt = GITHUB) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str | None] = []
        self.text = ""
        self.html = forge.render(markdown)
        self.feed(self.html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.text += data
