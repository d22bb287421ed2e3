"""Handle the signals of a cancelled job: the first ends the run cleanly, the second ends it soon.

Python runs a signal's handler between any two instructions of the main thread. An exception from a
handler can do harm: an import may stay incomplete, a process or thread that was just started may be
lost, and exceptions inside of `__del__` are dropped. At such places the first signal is only noted,
and its exception is raised a moment later. After that, nothing interrupts the cleanup. A second
signal limits the cleanup to a second; so does a run that has not ended long after the first signal.
A thread watches this limit, because the main thread may hang in a system call. A third signal ends
the process at once.

Few modules are imported here, so that the handlers are installed before slow imports.
"""

from __future__ import annotations

import _thread
import os
import select
import signal
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, TracebackType

CANCELLED_SECONDS = 8.0
"""The time limit for a run to end after the first signal."""
CLEANING_SECONDS = 0.8
"""The time limit for the main thread after a second signal; then another thread reports."""
LAST_SECONDS = 1.8
"""The time limit for removing files after a second signal."""
TELLING_SECONDS = 4.0
"""The time limit for the report, which is fast unless nobody reads it or the machine is busy."""
_RETRY_SECONDS = 0.01
_CANCELLING = (signal.SIGINT, signal.SIGTERM)
_UNINTERRUPTIBLE_FILES = ("<frozen importlib._bootstrap>", "/weakref.py", "/_weakrefset.py")
_UNINTERRUPTIBLE_FUNCTIONS = (
    "Engine.remove_container_aside",
    "Popen.__init__",
    "Session.open_scratch",
    "begin",
    # GitPython's destructors read what these set: half set up, each would print a traceback.
    "GitConfigParser.__init__",
    "SectionConstraint.__init__",
)


class Stopped(KeyboardInterrupt):
    """A signal asked the process to stop."""

    def __init__(self, signal_number: int) -> None:
        super().__init__()
        self.signal_number = signal_number


class Signals:
    """The handling of SIGINT and SIGTERM, which starts with `install`.

    Used in a `with` statement: the first signal may end its block. A signal before the block is
    raised at its start, and a signal after the block has no effect.
    """

    def __init__(self) -> None:
        self.stopped_by: int | None = None
        """The signal that was raised."""
        self.tell: Callable[[int], None] | None = None
        """Reports the state, after a second signal and in another thread."""
        self.clean_up: Callable[[], None] = lambda: None
        """Removes the temporary files after this report."""
        self._received: int | None = None
        self._count = 0
        self._is_held = True
        self._is_installed = False

    def install(self) -> None:
        """Handle the signals from now on, except those that the parent, such as nohup, ignores."""
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        _thread.start_new_thread(self._watch, (reader,))
        for number in _CANCELLING:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._handle)
        signal.signal(signal.SIGALRM, self._handle)
        self._is_installed = True

    def ignore(self) -> None:
        """Ignore the signals while Python exits, because it would restore their default action."""
        if self._is_installed:
            for number in _CANCELLING:
                signal.signal(number, signal.SIG_IGN)

    def __enter__(self) -> Signals:
        self._is_held = False
        self.check()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.hold()

    def hold(self) -> None:
        """Ignore signals from now on, while the result is reported."""
        self._is_held = True

    def check(self) -> None:
        """Raise a signal's exception, or raise it again if a library has swallowed it."""
        if self._received is not None and not self._is_held:
            self.stopped_by = self._received
            raise Stopped(self._received)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if number != signal.SIGALRM:
            self._received = self._received or number
            self._count += 1
            if self._count > 2:
                _end(self._received)
        if self._is_held or self.stopped_by is not None:
            return
        if _is_interruptible(frame):
            self.check()
        else:
            signal.setitimer(signal.ITIMER_REAL, _RETRY_SECONDS)

    def _watch(self, reader: int) -> None:
        """End the run soon after a second signal, or when it hangs after the first signal."""
        seen: list[int] = []
        while len(seen) < 2:
            if select.select([reader], [], [], CANCELLED_SECONDS if seen else None)[0]:
                seen += (number for number in os.read(reader, 64) if number in _CANCELLING)
            elif self.stopped_by is not None:
                break
        over = time.monotonic() + LAST_SECONDS
        time.sleep(CLEANING_SECONDS)
        number = self._received or seen[0]
        _thread.start_new_thread(_end, (number, TELLING_SECONDS))
        try:
            while self.tell is None:  # the modules for the report are still being loaded
                time.sleep(_RETRY_SECONDS)
            self.tell(number)
            _thread.start_new_thread(_end, (number, max(0.0, over - time.monotonic())))
            self.clean_up()
        finally:
            _end(number)


def _end(number: int, after_seconds: float = 0.0) -> None:
    """End the process as the signal would, even if other threads are running."""
    time.sleep(after_seconds)
    os._exit(128 + number)


def _is_interruptible(frame: FrameType | None) -> bool:
    """Whether an exception that is raised here is safe: not lost, and without a broken state."""
    while frame:
        code = frame.f_code
        if (
            code.co_filename.endswith(_UNINTERRUPTIBLE_FILES)
            or code.co_qualname in _UNINTERRUPTIBLE_FUNCTIONS
            or code.co_name == "__del__"
        ):
            return False
        frame = frame.f_back
    return True
