"""Append to the files that CI systems collect from a job; a failure is only a warning."""

from __future__ import annotations

import logging
from pathlib import Path

log = logging.getLogger(__name__)


def append(path: Path, text: str) -> None:
    """Append as UTF-8; text that is not Unicode is escaped.

    A failure is only logged, because a deploy is done even without its output.
    """
    try:
        with path.open("ab") as file:
            file.write(encoded(text))
    except (OSError, ValueError) as error:
        log.warning("could not write to %s: %s", path.name, error)


def size(path: Path) -> int:
    """Return the size of a file in bytes; 0 without a file."""
    try:
        return path.stat().st_size
    except (OSError, ValueError):
        return 0


def encoded(text: str) -> bytes:
    """Encode as UTF-8, with escapes for text that is not Unicode (an undecodable file name)."""
    return text.encode("utf-8", "backslashreplace")


def truncated(text: str, limit: int, note: str) -> str:
    """Return at most `limit` bytes of whole lines, with the note when lines were left out.

    Returns nothing if the limit is too small for the note.
    """
    if len(encoded(text)) <= limit:
        return text
    room = limit - len(encoded(note))
    if room < 0:
        return ""
    kept = encoded(text)[:room].decode("utf-8", "ignore")
    return kept[: kept.rfind("\n") + 1] + note
