"""The output of a run: the log for users, the result, and the CI system's commands."""

from __future__ import annotations

import errno
import functools
import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TextIO

import click

from astro_ci.errors import OUTPUT_HINT, OutputError
from astro_ci.terminal.verbosity import wants_colour

if TYPE_CHECKING:  # loaded when it is needed
    from astro_ci.ci import CIContext
    from astro_ci.reporting.console import Console
    from astro_ci.reporting.redact import Redactor
    from astro_ci.reporting.redacted_dialect import RedactedDialect


class Output:
    """Standard output and standard error of a run; all output passes the redactor."""

    def __init__(self, env: Mapping[str, str], *, as_json: bool) -> None:
        self.env = env
        self.as_json = as_json
        self.is_verbose = False
        self.is_quiet = False
        self.is_colourless = False

    @functools.cached_property
    def ci(self) -> CIContext:
        """The facts about the run from the CI system."""
        from astro_ci.ci import detect

        return detect(self.env)

    @functools.cached_property
    def redactor(self) -> Redactor:
        """The redactor of everything that the run prints."""
        from astro_ci.reporting.redact import Redactor

        return Redactor(self.env)

    @functools.cached_property
    def dialect(self) -> RedactedDialect:
        """The dialect of this CI system's log."""
        from astro_ci.ci import system_of
        from astro_ci.reporting.redacted_dialect import RedactedDialect

        system = system_of(self.ci.key)
        # With a JSON document, standard output is only for this document.
        speaks_there = system.obeys_stdout_alone and not self.as_json
        out = sys.stdout if speaks_there else sys.stderr
        return RedactedDialect(system.speak(out, self.env), self.redactor)

    @functools.cached_property
    def console(self) -> Console:
        """The console on standard error."""
        from astro_ci.reporting.console import Console

        is_plain = bool(self.env.get("CI")) or self.env.get("TERM") == "dumb"
        return Console(
            sys.stderr,
            self.dialect,
            is_live=sys.stderr.isatty() and not is_plain,
            is_quiet=self.is_quiet,
            is_verbose=self.is_verbose,
            paint=self._paint_for(sys.stderr),
        )

    def _paint_for(self, stream: TextIO) -> Callable[[str], str] | None:
        """The function that colours lines for a stream; None without colours."""
        if self.is_colourless or not wants_colour(stream, self.env):
            return None
        from astro_ci.reporting.paint import paint

        return paint

    @property
    def columns(self) -> int | None:
        """The width of the terminal for results; None without a terminal."""
        import shutil

        return shutil.get_terminal_size().columns if sys.stdout.isatty() else None

    def emit(self, text: str) -> None:
        """Print a result, which may be a JSON document. Raises OutputError."""
        self._put(self.redactor(text))

    def _put(self, text: str) -> None:
        """Write to standard output; after a failure, nothing more is written there."""
        try:
            click.echo(text, color=True)
        except OSError as error:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())  # buffered output goes there
            os.close(nowhere)
            if error.errno == errno.EPIPE:  # the reader has closed the pipe, as `head` does
                return
            raise OutputError(
                f"the result could not be written to standard output: {error.strerror}",
                hint=OUTPUT_HINT,
            ) from error

    def show(self, text: str) -> None:
        """Print a text result; CI systems read this output too, and names in it are untrusted."""
        lines = [self.dialect.safe_line(line) for line in self.redactor(text).split("\n")]
        if columns := self.columns:
            from astro_ci.reporting.folding import folded

            lines = folded(lines, columns)
        if paint := self._paint_for(sys.stdout):
            lines = [paint(line) for line in lines]
        self._put("\n".join(lines))
