"""A cancelled job's signals: the first ends the run in good order, a second one ends it soon.

Python runs a signal's handler between any two instructions of the main thread, and an exception
from there can do harm: half an import stays, a process or a thread that was just started is lost,
and what is raised inside of `__del__` is dropped. So the first signal is only noted where it would,
and raised a moment later. Once it is raised, nothing interrupts the cleaning up any more. A second
signal gives that a last second, watched by a thread, as the main thread may hang in a call of the
system; so does a run that has not ended long after the first. A third one ends the process there
and then.

Little is imported here, so that the handlers are there before what takes time to load.
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
"""How long a run may take to end after the first signal, before it counts as hung."""
CLEANING_SECONDS = 0.8
"""How long the main thread may go on after a second signal, before another says what is known."""
LAST_SECONDS = 1.8
"""How long after a second signal the process may still remove files."""
TELLING_SECONDS = 4.0
"""How long telling may take, which is quick where anybody reads and other processes rest."""
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
    """What the process does about SIGINT and SIGTERM; nothing before `install`.

    Used in a `with` statement, which is what the first signal may end: one that came before is
    raised when it begins, and one that comes afterwards is too late to change anything.
    """

    def __init__(self) -> None:
        self.stopped_by: int | None = None
        """The signal that was raised."""
        self.tell: Callable[[int], None] | None = None
        """Says, after a second signal and in another thread, what is known."""
        self.clean_up: Callable[[], None] = lambda: None
        """Removes, after that, what is temporary."""
        self._received: int | None = None
        self._count = 0
        self._is_held = True
        self._is_installed = False

    def install(self) -> None:
        """Handle the signals from now on, except those that our parent had us ignore, as nohup."""
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
        """Ignore the signals while Python winds up, which would give them their first meaning."""
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
        """Raise a signal's exception, again if it was lost: a library may have swallowed it."""
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
        """Wait for a second signal, or for a run that hangs after the first, and end that soon."""
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
            while self.tell is None:  # still loading
                time.sleep(_RETRY_SECONDS)
            self.tell(number)
            _thread.start_new_thread(_end, (number, max(0.0, over - time.monotonic())))
            self.clean_up()
        finally:
            _end(number)


def _end(number: int, after_seconds: float = 0.0) -> None:
    """End the process as the signal would, whatever its other threads do."""
    time.sleep(after_seconds)
    os._exit(128 + number)


def _is_interruptible(frame: FrameType | None) -> bool:
    """Whether an exception that is raised here arrives, and leaves nothing half done."""
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
