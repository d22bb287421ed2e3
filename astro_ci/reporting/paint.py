"""Colours for the lines that people read on a terminal, by the form of each line.

Texts are made without colours and made safe for the log; colours are added last. So no colour can
come from an untrusted name, and no colour reaches a log, a document or a summary.
"""

from __future__ import annotations

from collections.abc import Mapping

from astro_ci.text import Regex

_RESET = "\x1b[0m"
_SGR: Mapping[str, str] = {
    "bold": "\x1b[1m",
    "dim": "\x1b[2m",
    "red": "\x1b[31m",
    "green": "\x1b[32m",
    "yellow": "\x1b[33m",
    "cyan": "\x1b[36m",
    "bold red": "\x1b[1;31m",
    "bold green": "\x1b[1;32m",
    "bold yellow": "\x1b[1;33m",
}
_FORMS = (
    (Regex(r"^(?:\S+: )?(deployed|updated)(?=: )"), "bold green"),
    (Regex(r"^(?:\S+: )?(skipped)(?=: )"), "bold yellow"),
    (Regex(r"^(?:\S+: )?(failed|error)(?=: )"), "bold red"),
    (Regex(r"^outcome: (failed)$"), "bold red"),
    (Regex(r"^ *(error)(?=: )"), "bold red"),
    (Regex(r"^ *(warning)(?=: )"), "bold yellow"),
    (Regex(r"^ *(hint|notice|note)(?=: )"), "cyan"),
    (Regex(r"^(Plan: [^,]*)"), "bold"),
    (Regex(r"^(Next:)"), "bold"),
    (Regex(r"^  (Image|DAGs|Not deployed)(?=: \d)"), "bold"),
    (Regex(r"^    (\+ .*?)(?=  |$)"), "green"),
    (Regex(r"^    (- .*?)(?=  |$)"), "red"),
    (Regex(r"^    ([~!] .*?)(?=  |$)"), "yellow"),
    (Regex(r"^  ([A-Z][A-Za-z ]*?)(?=  )"), "dim"),
    (Regex(r"^  (Deployment|Airflow|Run|Commit|Image|Archive|Content|Bundle version)$"), "dim"),
    (Regex(r"^(?:\w+ check): (passed)\b"), "green"),
    (Regex(r"^(?:\w+ check): (failed|not possible)\b"), "red"),
    (Regex(r"^(✓|ok)(?= )"), "green"),
    (Regex(r"^(  CACHED|  [0-9.]+ (?:s|min).*?)(?=  )"), "dim"),
)
"""How a line begins, and the colour of the group; the first form that fits is taken."""


def paint(line: str) -> str:
    """Colour a line of astro-ci."""
    for form, style in _FORMS:
        if found := form.match(line):
            start, end = found.span(1)
            return f"{line[:start]}{_SGR[style]}{line[start:end]}{_RESET}{line[end:]}"
    return line


def dim(text: str) -> str:
    """Colour a line that is shown only for a short time."""
    return f"{_SGR['cyan']}{text[:1]}{_RESET}{text[1:]}"
