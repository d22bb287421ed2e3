"""Buildkite's log headings. Source: buildkite.com/docs/pipelines/managing-log-output.

Masks, annotations and outputs go through its agent's own command, not through the log.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from astro_ci.ci.dialects.plain import PlainDialect
from astro_ci.ci.dialects.text import clean_line

_HEADING = re.compile(r"(?:---|\+\+\+|~~~|\^\^\^)(?:\s|$)")


class BuildkiteDialect(PlainDialect):
    """A heading opens a group, which lasts until the next heading."""

    def safe_line(self, text: str) -> str:
        """See Dialect: a heading stands at the very start of a line, as a diff's file names do."""
        line = clean_line(text)
        return f" {line}" if _HEADING.match(line) else line

    @contextmanager
    def group(self, title: str) -> Iterator[None]:
        """See Dialect: the group in which something went wrong is shown open."""
        self._put(f"--- {clean_line(title)}")
        try:
            yield
        except BaseException:
            self._put("^^^ +++")
            raise
