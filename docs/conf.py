"""How Sphinx makes the site: `make docs`. Nothing in it needs the network."""

from __future__ import annotations

import re
from pathlib import Path

_SOURCE = (Path(__file__).parents[1] / "astro_ci" / "__init__.py").read_text()
_VERSION = re.search(r'__version__ = "(.+)"', _SOURCE)

project = "astro_ci"
version = release = _VERSION[1] if _VERSION else ""
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
root_doc = "index"

# Links between pages work on the forge as well, so they are written as paths: `checks.md#rules`.
myst_heading_anchors = 4
myst_links_external_new_tab = False

smartquotes = False  # they would make one dash of the two of an option

html_theme = "furo"
html_title = f"astro_ci {version}"
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_theme_options = {"top_of_page_buttons": []}
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"


def _make_accessible(_app: object, _page: str, _template: str, context: dict, *_: object) -> None:
    """Give captions of the menu a level, and let the keyboard scroll blocks that are wide."""
    menu = context.get("furo_navigation_tree", "")
    context["furo_navigation_tree"] = menu.replace(
        'role="heading"', 'role="heading" aria-level="2"'
    )
    if "body" in context:
        context["body"] = context["body"].replace("<pre>", '<pre tabindex="0">')


def setup(app) -> None:  # noqa: ANN001
    """Connect what is above, after the theme has made its menu."""
    app.connect("html-page-context", _make_accessible, priority=900)
