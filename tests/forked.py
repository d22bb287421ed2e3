"""Runs of the command line that do not load it again: forks of a process that has.

A fork has a process, an environment, a directory and signal handlers of its own, as a new process
has; it is there in a hundredth of a second instead of half of one. What differs is /proc, which
shows the first process's arguments and environment, and everything that Python reads when it
starts; a run whose environment sets such a thing is a new process.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).parents[1]
_OF_THE_START = ("PYTHON", "LC_", "LANG")


def run(
    arguments: Iterable[str], *, cwd: Path, env: Mapping[str, str]
) -> subprocess.CompletedProcess[bytes]:
    """Run `python -m astro_ci` to its end, with nothing to read."""
    words = [sys.executable, "-m", "astro_ci", *arguments]
    if any(
        name.startswith(_OF_THE_START) and value != os.environ.get(name)
        for name, value in env.items()
    ):
        return subprocess.run(
            words, cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True
        )
    with tempfile.TemporaryDirectory() as scratch:
        out, err = Path(scratch, "out"), Path(scratch, "err")
        order = {"arguments": words[3:], "directory": str(cwd), "env": dict(env)}
        code = _server().ask({**order, "out": str(out), "err": str(err)})
        return subprocess.CompletedProcess(words, code, out.read_bytes(), err.read_bytes())


class _Server:
    """The process that has everything loaded; it ends with the one that started it."""

    def __init__(self) -> None:
        self._orders, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.forked", str(theirs.fileno())],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        atexit.register(self._end)

    def ask(self, order: Mapping[str, Any]) -> int:
        """Have a run made, and return its exit code, negative for a signal."""
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                socket.send_fds(self._orders, [b"x"], [theirs.fileno()])
            ours.sendall(json.dumps(order).encode() + b"\n")
            with ours.makefile() as answer:
                return int(answer.readline())

    def _end(self) -> None:
        self._orders.close()
        self._process.wait()


@functools.cache
def _server() -> _Server:
    return _Server()


# --- in the server --------------------------------------------------------------------------------


def serve(orders: socket.socket) -> None:
    """Fork for every order, until there is nobody left to give one."""
    for name in ROOT.joinpath("actions/compiled.txt").read_text().split():
        if name.startswith("astro_ci/") and "/inside/" not in name:
            module = name.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
            importlib.import_module(module)
    gc.freeze()
    while True:
        _, descriptors, _, _ = socket.recv_fds(orders, 1, 1)
        if not descriptors:
            return
        with socket.socket(fileno=descriptors[0]) as connection:
            if os.fork() == 0:
                orders.close()
                _answer(connection)
        _forget_the_dead()


def _forget_the_dead() -> None:
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                return
        except ChildProcessError:
            return


def _answer(connection: socket.socket) -> NoReturn:
    with connection.makefile() as orders:
        order = json.loads(orders.readline())
    process = os.fork()
    if process == 0:
        connection.close()
        _become(order)
    _, status = os.waitpid(process, 0)
    connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _become(order: Mapping[str, Any]) -> NoReturn:
    """Be what `python -m astro_ci` is when it has loaded."""
    for number, name, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, order["out"], os.O_WRONLY | os.O_CREAT),
        (2, order["err"], os.O_WRONLY | os.O_CREAT),
    ):
        file = os.open(name, flags, 0o600)
        os.dup2(file, number)
        os.close(file)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(order["env"])
    os.chdir(order["directory"])
    time.tzset()
    random.seed()
    tempfile.tempdir = None
    from astro_ci import __main__

    sys.argv = [str(__main__.__file__), *order["arguments"]]
    code: object = 1
    try:
        __main__.main()
        code = 0
    except SystemExit as stop:
        code = stop.code
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 0 if code is None else 1)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
