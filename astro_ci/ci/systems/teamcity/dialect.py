"""TeamCity's service messages. Source: jetbrains.com/help/teamcity/service-messages.html."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from astro_ci.ci.dialects.base import Annotation
from astro_ci.ci.dialects.plain import PlainDialect
from astro_ci.ci.dialects.text import clean, clean_line, placed, titled
from astro_ci.text import Regex

_MESSAGE = Regex(r"##(?=teamcity\[)", re.IGNORECASE)
_SPECIAL = Regex(r"[|'\[\]]")
_STATUS = {"notice": "NORMAL", "warning": "WARNING", "error": "ERROR"}
OUTPUT_PREFIX = "astro_ci."


class TeamCityDialect(PlainDialect):
    """Service messages on the stream. Masks are not possible: use password parameters."""

    has_annotations = True

    def safe_line(self, text: str) -> str:
        """See Dialect: a service message may stand anywhere in a line."""
        return _MESSAGE.sub("# #", clean_line(text))

    @contextmanager
    def group(self, title: str) -> Iterator[None]:
        """See Dialect: blocks nest."""
        name = clean_line(title)
        self._message("blockOpened", name=name)
        try:
            yield
        finally:
            self._message("blockClosed", name=name)

    def _annotate(self, one: Annotation) -> None:
        """See Dialect: a message with a status, and the place behind it."""
        text = placed(titled(one.title, one.message), one.file, one.line)
        self._message("message", text=clean(text), status=_STATUS[one.level])

    def set_output(self, name: str, value: str) -> None:
        """See Dialect: later steps read `%astro_ci.deploy-id%`."""
        self._message("setParameter", name=OUTPUT_PREFIX + name, value=value)

    def _message(self, kind: str, **attributes: str) -> None:
        listed = " ".join(f"{name}='{_escaped(value)}'" for name, value in attributes.items())
        self._put(f"##teamcity[{kind} {listed}]")


def _escaped(text: str) -> str:
    escaped = _SPECIAL.sub(r"|\g<0>", text).replace("\n", "|n").replace("\r", "|r")
    return "".join(c if c.isascii() else _utf16_escapes(c) for c in escaped)


def _utf16_escapes(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"|0x{units[i]:02X}{units[i + 1]:02X}" for i in range(0, len(units), 2))
