"""Print progress to standard error: live on a terminal, plain lines in a log."""

from __future__ import annotations

import contextlib
import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TextIO

from astro_ci.ci import Dialect
from astro_ci.reporting.phases import DOING, Phase
from astro_ci.reporting.redact import Redactor
from astro_ci.reporting.redacted_dialect import RedactedDialect
from astro_ci.text import duration_text, size_text

if TYPE_CHECKING:  # loaded on a terminal
    from astro_ci.reporting.live import Line, LiveRegion

_PLAIN_INTERVAL_SECONDS = 5.0
Report = Callable[[int, int], None]
"""Gets the number of transferred bytes, and the total."""


class Console:
    """Lines, folded groups and progress, in the CI system's dialect, without secrets.

    With `is_live`, the current steps are drawn at the bottom of the terminal. With `is_quiet`, only
    problems are printed. `paint` colours a line that is safe to print.
    """

    def __init__(
        self,
        err: TextIO,
        dialect: Dialect,
        *,
        is_live: bool,
        is_quiet: bool = False,
        is_verbose: bool = False,
        paint: Callable[[str], str] | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._err = err
        if not isinstance(dialect, RedactedDialect):
            dialect = RedactedDialect(dialect, Redactor())
        self._dialect: RedactedDialect = dialect
        self._paint = paint
        self._now = now
        self._region = self._open_region() if is_live and not is_quiet else None
        self._shown: dict[Phase, Line] = {}
        self._mark = f"{self._region.mark} " if self._region else ""
        self.is_quiet = is_quiet
        self.is_verbose = is_verbose
        self.times: dict[str, float] = {}
        """The duration of each ended phase in seconds."""

    def say(self, text: str = "") -> None:
        """Print a message, which may contain untrusted names, unless --quiet is used."""
        if not self.is_quiet:
            self.tell(text)

    def tell(self, text: str) -> None:
        """Print an important message, even with --quiet: a problem or the outcome."""
        lines = [self._dialect.safe_line(line) for line in text.split("\n")]
        if columns := self.columns:
            from astro_ci.reporting.folding import folded

            lines = folded(lines, columns, are_messages=True)
        self._write(lines)

    def quote(self, line: str) -> None:
        """Print a line of another program, unless --quiet is used."""
        if not self.is_quiet:
            self._write([self._dialect.safe_line(line)])

    def _write(self, lines: Sequence[str]) -> None:
        """Write lines that are safe to print."""
        if self._paint:
            lines = [self._paint(line) for line in lines]
        said = "".join(f"{line}\n" for line in lines)
        with contextlib.suppress(OSError):  # a deploy does not fail because of a line of its log
            if self._region:
                self._region.write(said)
            else:
                self._err.write(said)
                self._err.flush()

    @contextlib.contextmanager
    def group(self, title: str) -> Iterator[None]:
        """Fold the lines of the block, if the CI system can."""
        if self._region or self.is_quiet:  # the line at the bottom says the same
            yield
            return
        with self._dialect.group(title):
            yield

    @property
    def is_live(self) -> bool:
        """Whether the current steps are drawn, so that no line about them is needed."""
        return self._region is not None

    @property
    def columns(self) -> int | None:
        """The width of the terminal; None without a terminal."""
        return shutil.get_terminal_size().columns if self._err.isatty() else None

    @property
    def redactor(self) -> Redactor:
        """The redactor, which also learns the secrets of the run."""
        return self._dialect.redactor

    def mask(self, secret: str) -> None:
        """Hide a secret of this run in all later output of the job."""
        self._dialect.mask(secret)

    @contextlib.contextmanager
    def phase(self, phase: Phase) -> Iterator[None]:
        """Show a running phase, and measure its duration, even if it fails."""
        started = self._now()
        line = self._begin(phase)
        try:
            yield
        finally:
            self.times[phase] = self.times.get(phase, 0.0) + self._now() - started
            self._end(phase, line)

    def note(self, phase: Phase, text: str) -> None:
        """Show the current step of a phase, on its live line if there is one."""
        line = self._shown.get(phase)
        if line:
            line.detail = self._dialect.safe_line(text)
        else:
            self.say(text)

    def did(self, phase: Phase, text: str) -> None:
        """Print the result of a phase, and its duration."""
        took = f" in {duration_text(self.times[phase])}" if phase in self.times else ""
        self.say(f"{self._mark}{text}{took}")

    @contextlib.contextmanager
    def transfers(self) -> Iterator[Callable[[Phase], Report]]:
        """Show running transfers; yields a function that returns the reporter of a phase."""
        begun: list[tuple[Phase, Line | None]] = []

        def transfer(phase: Phase) -> Report:
            started = self._now()
            line = self._begin(phase)
            begun.append((phase, line))
            show = _live_transfer(line) if line else self._plain_transfer(DOING[phase])

            def report(done: int, total: int) -> None:
                self.times[phase] = self._now() - started
                show(done, total)

            return report

        try:
            yield transfer
        finally:
            for phase, line in begun:
                self._end(phase, line)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Draw no live lines during a block, in which the user is asked a question."""
        with self._region.hidden() if self._region else contextlib.nullcontext():
            yield

    def _open_region(self) -> LiveRegion:
        from astro_ci.reporting.live import LiveRegion
        from astro_ci.reporting.paint import dim

        return LiveRegion(self._err, now=self._now, dim=dim if self._paint else str)

    def _begin(self, phase: Phase) -> Line | None:
        if self._region is None:
            return None
        self._shown[phase] = self._region.add(DOING[phase])
        return self._shown[phase]

    def _end(self, phase: Phase, line: Line | None) -> None:
        if self._region and line:
            self._shown.pop(phase, None)
            self._region.remove(line)

    def _plain_transfer(self, label: str) -> Report:
        """Print a line from time to time, because a log keeps all lines."""
        started = last = self._now()

        def report(done: int, total: int) -> None:
            nonlocal last
            now = self._now()
            if 0 < done < total and now - last >= _PLAIN_INTERVAL_SECONDS:
                last = now
                speed = done / (now - started)
                left = duration_text((total - done) / speed)
                self.say(f"{label}: {size_text(done)} of {size_text(total)}, {left} left")

        return report


_LOCK_SECONDS = 0.5


class LogHandler(logging.Handler):
    """Prints warnings and, with --verbose, details through the console."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console
        self._told: set[str] = set()
        self._only: int | None = None

    def ignore_other_threads(self) -> None:
        """Print no more records of background threads, because the outcome comes next."""
        self._only = threading.get_ident()
        # Wait for a record that is being printed, unless a signal stopped the thread that prints
        # it.
        if self.lock and self.lock.acquire(timeout=_LOCK_SECONDS):
            self.lock.release()

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record; a warning gets its prefix.

        Warnings are printed once, and so are records with the attribute `once`, such as those
        about a connection, of which a run may make several.
        """
        if self._only not in (None, record.thread):
            return
        text, is_warning = record.getMessage(), record.levelno >= logging.WARNING
        if is_warning or getattr(record, "once", False):
            if text in self._told:
                return
            self._told.add(text)
        if is_warning:
            self._console.tell(f"{record.levelname.lower()}: {text}")
        else:
            self._console.say(text)


def _live_transfer(line: Line) -> Report:
    def report(done: int, total: int) -> None:
        line.done, line.total = done, total

    return report
