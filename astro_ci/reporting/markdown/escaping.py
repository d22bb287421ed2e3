"""Write untrusted text in Markdown, without markup, mentions and references."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from astro_ci.text import Regex, printable

# What begins or ends markup: anywhere; not within a word; at the start of a line; in a bare URL.
_MARKUP = Regex(
    r"[\\`*\[\]<>#|~&@$!%]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|^[-+=]|(?<=\bGH)-(?=\d)"
    r"|:(?=//)|(?<=\bwww)\.",
    re.IGNORECASE,
)
_NUMBERED = Regex(r"^(\d{1,9})(?=[.)])")
_IN_URLS = ":/?#@!$&'*+,;=~%"
_REFERENCE = Regex(r"(?<=[@#!%])(?=\w)|(?<=\bGH-)(?=\d)", re.IGNORECASE)


def escape(text: str) -> str:
    """Escape a line, so that Markdown shows it unchanged."""
    # A mention is looked for in the finished page, where an entity is its character again.
    parted = _REFERENCE.sub("\N{ZERO WIDTH SPACE}", printable(text).strip())
    return entities(_NUMBERED.sub("\\1\N{ZERO WIDTH SPACE}", parted))


def code(text: str) -> str:
    """Write the text as code, in which no mention counts."""
    return f"<code>{entities(printable(text))}</code>"


def link(text: str, url: str, *, is_markdown: bool = False) -> str:
    """Make a link if a browser may safely open the URL; else return the text."""
    shown = text if is_markdown else escape(text)
    try:
        scheme = urlsplit(url).scheme
    except ValueError:
        return shown
    if scheme not in ("http", "https"):
        return shown
    return f"[{shown}](<{quote(printable(url), safe=_IN_URLS)}>)"


def quoted(text: str) -> str:
    """Quote the lines of a tool without changes."""
    lines = "\n".join(entities(printable(line)) for line in text.split("\n"))
    return f"<pre>\n{lines}\n</pre>"


def entities(text: str) -> str:
    """Spell every character that could be markup as an entity."""
    return _MARKUP.sub(lambda found: f"&#{ord(found[0])};", text)
