"""Write a text as a YAML scalar. Pure."""

from __future__ import annotations

import re

# Words that some version of YAML does not read as text.
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null", "none"}


def yaml_text(text: str) -> str:
    """Write a text as a YAML scalar on one line that every YAML reader reads as this text."""
    if re.fullmatch(r"[A-Za-z]\w*(?:[./-]\w+)*", text, re.ASCII) and text.lower() not in _WORDS:
        return text
    if text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return '"' + "".join(_escaped(c) for c in text) + '"'


def _escaped(c: str) -> str:
    if c in '"\\':
        return f"\\{c}"
    if c.isprintable():
        return c
    return f"\\U{ord(c):08X}"
