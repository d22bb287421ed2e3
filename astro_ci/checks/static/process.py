"""Start the process that reads the files, and read its answer."""

from __future__ import annotations

import importlib.util
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from astro_ci.checks.static.forked import Forked
from astro_ci.checks.static.request import Answer, Request

STALL_SECONDS = 10.0
"""The time without a sign of life after which the process counts as hanging."""
_TOTAL_SECONDS = 300.0
_BOOT = (
    "import json, os, sys; sys.path += json.loads(sys.argv[1]); "
    "from astro_ci.checks.static.worker import main; main(); os._exit(0)"
)


class Died(Struct, frozen=True, kw_only=True):
    """The process ended without an answer."""

    reason: str
    """A clause, such as `it took more than 10 s`."""
    path: str = ""
    """The last file that the process announced; empty when it announced none."""
    is_final: bool = False
    """Whether another process would fail too."""


class Reader:
    """Sends requests to one process at a time. Another thread may call `stop`."""

    def __init__(self, ready: Forked | None = None) -> None:
        """Take `ready`, the first process to ask; later processes are started when needed."""
        self._process: subprocess.Popen[bytes] | Forked | None = ready
        self._lock = threading.Lock()
        self._is_stopped = False

    def prepare(self) -> None:
        """Start the first process before the request is known, because starting takes time."""
        with suppress(OSError):  # `ask` starts a process again, and reports the error
            self._ready()

    def _ready(self) -> subprocess.Popen[bytes] | Forked | None:
        """Return the process to ask; start it if needed. None after `stop`. Raises OSError."""
        with self._lock:
            if self._process is None and not self._is_stopped:
                self._process = _start()
            return None if self._is_stopped else self._process

    def stop(self) -> None:
        """End the running process, and start no other process."""
        with self._lock:
            self._is_stopped = True
            _end(self._process)

    def ask(self, request: Request) -> Answer | Died:
        """Send a request to the ready process, or to a new process, and wait for the answer."""
        try:
            process = self._ready()
        except OSError as error:
            return Died(reason=f"no process could be started: {error.strerror}", is_final=True)
        if process is None:
            return Died(reason="it was stopped", is_final=True)
        try:
            return _converse(process, json.dumps(request.as_json()).encode())
        finally:
            with self._lock:
                _end(process)
                self._process = None


def _start() -> subprocess.Popen[bytes]:
    # Isolated mode, so that neither the environment nor the checkout decides what this Python
    # imports. The directories of two packages follow its own library on the path.
    command = [sys.executable, "-I", "-S", "-X", "utf8", "-c", _BOOT, json.dumps(_search_path())]
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={},
        start_new_session=True,
    )


def _search_path() -> list[str]:
    found = [str(Path(__file__).parents[3])]
    pathspec = importlib.util.find_spec("pathspec")
    if pathspec and pathspec.origin:
        found.append(str(Path(pathspec.origin).parents[1]))
    return found


def _converse(process: subprocess.Popen[bytes] | Forked, request: bytes) -> Answer | Died:
    assert process.stdin  # noqa: S101 - both are pipes
    assert process.stdout  # noqa: S101
    with suppress(BrokenPipeError):
        process.stdin.write(request)
        process.stdin.close()
    deadline = time.monotonic() + _TOTAL_SECONDS
    said, path = bytearray(), ""
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            reason = f"all files together take more than {_TOTAL_SECONDS:.0f} s"
            return Died(reason=reason, is_final=True)
        ready, _, _ = select.select([process.stdout], [], [], min(STALL_SECONDS, left))
        if not ready and left > STALL_SECONDS:
            return Died(reason=f"it took more than {STALL_SECONDS:.0f} s", path=path)
        if not ready:
            continue
        block = os.read(process.stdout.fileno(), 1 << 16)
        if not block:
            return Died(reason=_ending(process), path=path)
        said += block
        if b"\n" not in block:
            continue
        *lines, said = said.split(b"\n")
        for line in lines:
            if line.startswith(b"= "):
                return Answer.from_json(json.loads(line[2:]))
            if line.startswith(b"@ "):
                path = json.loads(line[2:])


def _ending(process: subprocess.Popen[bytes] | Forked) -> str:
    code = process.wait()
    if code < 0:
        with suppress(ValueError):
            return f"it ended Python with {signal.Signals(-code).name}"
    return f"it ended Python with exit code {code}"


def _end(process: subprocess.Popen[bytes] | Forked | None) -> None:
    if process is None:
        return
    if isinstance(process, Forked):
        process.end()
        return
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)  # includes the children of the process
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream:
            with suppress(BrokenPipeError):
                stream.close()
