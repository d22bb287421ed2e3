"""Run a command, feed its standard input from a thread, and show its output as it arrives."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import IO

from astro_ci.errors import AstroCIError, DockerError

log = logging.getLogger(__name__)

Feed = Callable[[IO[bytes]], None]
_CHUNK = 256 * 1024
# Shorter than the time until CI systems kill a cancelled job.
_GRACE_SECONDS = 2


class Feeder:
    """Write to a pipe in a thread, and keep the error if `feed` raises one.

    `on_error` is called before the pipe is closed, to stop the reader, because half a tar can look
    like a complete one.
    """

    def __init__(self, feed: Feed, pipe: IO[bytes], on_error: Callable[[], None]) -> None:
        self._feed, self._pipe, self._on_error = feed, pipe, on_error
        self.error: AstroCIError | None = None
        self._thread = threading.Thread(target=self._run, name="build-context", daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait until everything is written."""
        self._thread.join()

    def _run(self) -> None:
        try:
            self._feed(self._pipe)
            self._pipe.flush()
        except AstroCIError as error:
            self.error = error
            self._on_error()
        except OSError as error:
            # The reader has ended, and its own output says why.
            log.debug("the build context was not read to its end: %s", error)
        finally:
            with suppress(OSError):
                self._pipe.close()


@contextmanager
def chunks_of(feed: Feed) -> Iterator[Iterator[bytes]]:
    """Stream what `feed` writes, in chunks; an error of `feed` is raised after the last chunk."""
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb") as reader:
        feeder = Feeder(feed, os.fdopen(write_end, "wb"), on_error=lambda: None)

        def chunks() -> Iterator[bytes]:
            while chunk := reader.read(_CHUNK):
                yield chunk
            feeder.join()
            if feeder.error:
                raise feeder.error

        yield chunks()


def run_command(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    feed: Feed | None,
    on_line: Callable[[str], None],
) -> int:
    """Run a command in a session of its own and return its exit code.

    `feed` writes its standard input. Both output streams go to `on_line`, without line ends. An
    exception that `on_line` or a signal raises in this thread stops the command and its children.
    An exception of `feed` does the same, and is then raised here.
    """
    try:
        process = subprocess.Popen(
            argv,
            env=dict(env),
            stdin=subprocess.PIPE if feed else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise DockerError(f"{argv[0]} could not be started: {error.strerror}") from error
    feeder = None
    try:
        if feed and process.stdin:
            feeder = Feeder(feed, process.stdin, on_error=lambda: _stop(process))
        for line in process.stdout or ():
            on_line(line.decode("utf-8", "replace").rstrip("\r\n"))
        process.wait()
    finally:
        _stop(process)
        if feeder:
            feeder.join()
        if process.stdout:
            process.stdout.close()
    if feeder and feeder.error:
        raise feeder.error
    return process.returncode


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Terminate the process group, and kill it after a while, unless it has ended already."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_SECONDS)
