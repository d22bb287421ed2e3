"""The live lines at the bottom of a terminal, which show the current steps.

Libraries for this exist, but loading one takes three times as long as a run may spend on live lines
(docs/decisions/).
"""

from __future__ import annotations

import _thread
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from astro_ci.reporting.cells import fitted
from astro_ci.text import duration_text, size_text

_FRAMES = ("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "-\\|/")
_BARS = (("━", "╌"), ("#", "."))
_MARKS = ("✓", "ok")
_REFRESH_SECONDS = 0.1
_LOCK_SECONDS = 0.5
"""The time limit for the lock, whose holder a signal may have stopped; then print without it."""
_BAR_CELLS = 20
_NARROWEST = 30
_SPEED_AFTER_SECONDS = 0.5


class Line:
    """A current step: its text, and its progress if it is known."""

    def __init__(self, label: str, started: float) -> None:
        self.label = label
        self.started = started
        self.detail = ""
        self.done, self.total = 0, 0

    def text(self, now: float, columns: int, *, is_plain: bool = False) -> str:
        """Return the line at a time, in a number of cells."""
        seconds = now - self.started
        frame = _FRAMES[is_plain][int(seconds / _REFRESH_SECONDS) % len(_FRAMES[is_plain])]
        told = f"{self.label}  {self.detail}" if self.detail else self.label
        room = columns - len(frame) - 3
        ends = self._progress(seconds, is_plain) if self.total else [duration_text(seconds)]
        end = next((end for end in ends if len(told) + len(end) <= room), ends[-1])
        shown = fitted(told, room - len(end))
        return f"{frame} {shown.replace('…', '~') if is_plain else shown}  {end}"

    def _progress(self, seconds: float, is_plain: bool) -> list[str]:
        """Yield texts about the progress, speed and remaining time, each shorter than the last."""
        share = min(self.done / self.total, 1.0)
        full = int(share * _BAR_CELLS)
        filled, empty = _BARS[is_plain]
        bar = f"{filled * full}{empty * (_BAR_CELLS - full)}"
        size = f"{size_text(self.done)} of {size_text(self.total)}"
        if seconds < _SPEED_AFTER_SECONDS or not 0 < self.done < self.total:
            return [f"{bar} {size}", size]
        speed = self.done / seconds
        left = f"{duration_text((self.total - self.done) / speed)} left"
        told = f"{size}, {size_text(int(speed))}/s, {left}"
        return [f"{bar} {told}", told, f"{size}, {left}", left]


class LiveRegion:
    """The live lines below the printed lines. All threads may use it."""

    def __init__(
        self,
        out: TextIO,
        *,
        now: Callable[[], float],
        columns: Callable[[], int] = lambda: shutil.get_terminal_size().columns,
        dim: Callable[[str], str] = str,
    ) -> None:
        self._out = out
        self._now = now
        self._columns = columns
        self._dim = dim
        self._is_plain = not _can_draw(out)
        self.mark = _MARKS[self._is_plain]
        """The mark of a finished step."""
        self._lines: list[Line] = []
        self._drawn = 0
        self._is_hidden = False
        self._lock = threading.RLock()
        self._over = threading.Event()

    def add(self, label: str) -> Line:
        """Add a live line."""
        line = Line(label, self._now())
        with _held(self._lock):
            self._lines.append(line)
            if len(self._lines) == 1:
                self._over = threading.Event()
                # Nothing waits for this thread, not even the end of the run.
                _thread.start_new_thread(self._refresh, (self._over,))
        return line

    def remove(self, line: Line) -> None:
        """Remove a live line; after the last line, nothing is drawn."""
        with _held(self._lock):
            if line in self._lines:
                self._lines.remove(line)
            self._erase()
            self._draw()
            if not self._lines:
                self._over.set()

    def write(self, text: str) -> None:
        """Print a text above the live lines."""
        with _held(self._lock):
            self._erase()
            self._out.write(text)
            self._draw()

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Remove the live lines during a block, in which the user is asked a question."""
        with _held(self._lock):
            self._erase()
            self._out.flush()
            self._is_hidden = True
        try:
            yield
        finally:
            self._is_hidden = False

    def _refresh(self, over: threading.Event) -> None:
        while not over.wait(_REFRESH_SECONDS):
            with _held(self._lock):
                if over.is_set():
                    return
                self._erase()
                self._draw()

    def _erase(self) -> None:
        if self._drawn:
            self._out.write("\r\x1b[K" + "\x1b[1A\x1b[2K" * (self._drawn - 1))
            self._drawn = 0

    def _draw(self) -> None:
        if self._is_hidden:
            return
        columns = max(self._columns() - 1, _NARROWEST)
        texts = [line.text(self._now(), columns, is_plain=self._is_plain) for line in self._lines]
        self._out.write("\n".join(self._dim(text) for text in texts))
        self._drawn = len(texts)
        self._out.flush()


@contextmanager
def _held(lock: Any) -> Iterator[None]:
    """Hold a lock during a block; after the time limit, run the block without the lock."""
    is_held = lock.acquire(timeout=_LOCK_SECONDS)
    try:
        yield
    finally:
        if is_held:
            lock.release()


def _can_draw(out: TextIO) -> bool:
    """Whether the stream's encoding has the characters of the live lines."""
    try:
        "".join((_FRAMES[0], *_BARS[0], _MARKS[0])).encode(out.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
