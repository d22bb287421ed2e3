"""Buildkite's log headings, and its agent's commands for the rest.

Sources: buildkite.com/docs/pipelines/managing-log-output, .../agent/v3/cli-annotate,
cli-meta-data, cli-redactor. Each command takes what it is about from standard input.
"""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from astro_ci.ci.dialects.files import encoded, truncated
from astro_ci.ci.dialects.plain import PlainDialect
from astro_ci.ci.dialects.text import clean_line, mask_lines
from astro_ci.text import Regex

AGENT = "buildkite-agent"
# A larger annotation is refused, and a larger value, too.
ANNOTATION_LIMIT_BYTES = 1024 * 1024
META_DATA_LIMIT_BYTES = 100 * 1024
META_DATA_PREFIX = "astro-ci:"
_TIMEOUT_SECONDS = 10
_TRUNCATED = "\n\n*Truncated: Buildkite limits an annotation to 1 MiB.*\n"
_HEADING = Regex(r"(?:---|\+\+\+|~~~|\^\^\^)(?:\s|$)")
log = logging.getLogger(__name__)


class BuildkiteDialect(PlainDialect):
    """A heading opens a group, which lasts until the next heading."""

    keeps_results = True

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

    def mask(self, secret: str) -> None:
        """See Dialect: through the agent, so that the secret is on no stream."""
        for line in mask_lines(secret):
            self._agent("redactor", "add", stdin=line)

    def set_output(self, name: str, value: str) -> None:
        """See Dialect: later steps read `buildkite-agent meta-data get astro-ci:deploy-id`."""
        # An empty value is refused.
        if value and len(encoded(value)) <= META_DATA_LIMIT_BYTES:
            self._agent("meta-data", "set", f"{META_DATA_PREFIX}{name}", stdin=value)

    def write_summary(self, markdown: str) -> None:
        """See Dialect: an annotation at the top of the build's page."""
        text = truncated(markdown, ANNOTATION_LIMIT_BYTES, _TRUNCATED)
        self._agent("annotate", "--context", "astro-ci", "--append", stdin=text)

    def _agent(self, *arguments: str, stdin: str) -> None:
        """Ask the agent, where there is one; a deploy does not fail for what it answers."""
        try:
            subprocess.run(
                [AGENT, *arguments],
                input=encoded(stdin),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=_TIMEOUT_SECONDS,
                check=True,
            )
        except (OSError, subprocess.SubprocessError) as error:
            # Not the error's text, which may hold what was sent.
            log.debug("%s %s failed: %s", AGENT, arguments[0], type(error).__name__)
