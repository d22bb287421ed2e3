"""Print progress to standard error: live on a terminal, plain lines in a log."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TextIO

from astro_ci.ci import Dialect
from astro_ci.reporting.redact import Redactor
from astro_ci.reporting.redacted_dialect import RedactedDialect

if TYPE_CHECKING:
    from rich.progress import Progress

MIB = 1024 * 1024
_PLAIN_INTERVAL_SECONDS = 5.0


class Console:
    """Lines, folded groups and progress, in the CI system's dialect, without secrets."""

    def __init__(
        self,
        err: TextIO,
        dialect: Dialect,
        *,
        is_live: bool,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._err = err
        if not isinstance(dialect, RedactedDialect):
            dialect = RedactedDialect(dialect, Redactor())
        self._dialect: RedactedDialect = dialect
        self._is_live = is_live
        self._now = now

    def say(self, text: str = "") -> None:
        """Print a line of our own, which may contain untrusted names."""
        for line in text.split("\n"):
            self._err.write(f"{self._dialect.safe_line(line)}\n")
        self._err.flush()

    def group(self, title: str) -> contextlib.AbstractContextManager[None]:
        """Fold what is printed inside, where the CI system can."""
        return self._dialect.group(title)

    @property
    def redactor(self) -> Redactor:
        """The redactor, which also learns the secrets of the run."""
        return self._dialect.redactor

    def mask(self, secret: str) -> None:
        """Hide a secret that we derived in everything that the job prints from now on."""
        self._dialect.mask(secret)

    @contextlib.contextmanager
    def transfers(self) -> Iterator[Callable[[str], Callable[[int, int], None]]]:
        """Show transfers while they last; gives a function from a label to its reporter."""
        if not self._is_live:
            yield self._plain_transfer
            return
        from rich.console import Console as RichConsole
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
        with Progress(*columns, console=RichConsole(file=self._err), transient=True) as progress:
            yield lambda label: _live_transfer(progress, label)

    def _plain_transfer(self, label: str) -> Callable[[int, int], None]:
        """Print a line now and then: a log keeps every line."""
        last = self._now()

        def report(done: int, total: int) -> None:
            nonlocal last
            if done < total and self._now() - last >= _PLAIN_INTERVAL_SECONDS:
                last = self._now()
                self.say(f"{label}: {done / MIB:.1f} of {total / MIB:.1f} MiB")

        return report


class LogHandler(logging.Handler):
    """Our warnings and, when asked for, details, through the console."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console
        self._warned: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record; a warning gets its prefix, and is printed once."""
        if record.levelno >= logging.WARNING:
            if record.getMessage() in self._warned:
                return
            self._warned.add(record.getMessage())
        prefix = f"{record.levelname.lower()}: " if record.levelno >= logging.WARNING else ""
        self._console.say(f"{prefix}{record.getMessage()}")


def _live_transfer(progress: Progress, label: str) -> Callable[[int, int], None]:
    task = progress.add_task(label, total=None)

    def report(done: int, total: int) -> None:
        progress.update(task, completed=done, total=total)

    return report
