"""Report exceptions that no handler catches: without secrets, safe for the log."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable
from types import TracebackType


def tell_uncaught(say: Callable[[str], None]) -> None:
    """Print the tracebacks of threads, of destructors and of the interpreter through `say`."""

    def tell(
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None and not issubclass(kind, SystemExit):
            say("".join(traceback.format_exception(kind, error, trace)).rstrip())

    sys.excepthook = tell
    sys.unraisablehook = lambda found: tell(found.exc_type, found.exc_value, found.exc_traceback)
    threading.excepthook = lambda found: tell(found.exc_type, found.exc_value, found.exc_traceback)
