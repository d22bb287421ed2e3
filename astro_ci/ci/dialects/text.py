"""Make untrusted text safe for a log: one line without terminal control or invisible characters."""

from __future__ import annotations

import unicodedata

from astro_ci.text import Regex

# Escape sequences that end: CSI (colours, cursor), OSC (titles, links). What remains of others
# loses its ESC with the control characters below.
_ANSI = Regex(r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b\r\n]*(?:\x07|\x1b\\)")
_LINE_BREAKS = Regex(r"\r\n|[\n\r\v\f\x85\u2028\u2029]")
# Not in category Cf, and invisible all the same: a culture-sensitive search (.NET's, in two of
# the runners) would find `::` in a text that has one of these in between.
_IGNORABLE = Regex(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)


def clean(text: str) -> str:
    """Drop escape sequences, control and invisible characters; line breaks become `\\n`.

    What is no Unicode text (an undecodable file name) is shown as an escape.
    """
    if text.isascii() and text.isprintable():  # as nearly every line is
        return text
    lines = _LINE_BREAKS.sub("\n", _ANSI.sub("", text))
    visible = "".join(c for c in lines if c in "\n\t" or _is_visible(c))
    return visible.encode("utf-8", "backslashreplace").decode("utf-8")


def clean_line(text: str) -> str:
    """Do the same as `clean`, and replace line breaks by spaces."""
    return clean(text).replace("\n", " ")


def titled(title: str | None, message: str) -> str:
    """Put the title before the message, if there is one."""
    return f"{title}: {message}" if title else message


def placed(text: str, file: str | None, line: int | None) -> str:
    """Put the place after the text, if there is one."""
    place = f"{file}:{line}" if file and line else file
    return f"{text} ({place})" if place else text


def on_one_line(text: str, percent: str) -> str:
    """Line breaks as escapes that start with a percent sign, which is escaped as `percent`."""
    return text.replace("%", percent).replace("\r", "%0D").replace("\n", "%0A")


def _is_visible(character: str) -> bool:
    if character.isascii():
        return character.isprintable()
    return unicodedata.category(character) not in ("Cc", "Cf") and not _IGNORABLE.match(character)


def mask_lines(secret: str) -> list[str]:
    """Return the lines of a secret, because logs are masked line by line.

    Very short lines are left out, because a masked bracket would make the whole log unreadable.
    """
    return [line.strip() for line in secret.splitlines() if len(line.strip()) >= _SHORTEST_MASK]


_SHORTEST_MASK = 4
