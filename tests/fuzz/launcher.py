"""Runs the command line again and again, each time in a process of its own, within limits.

The libraries are loaded once, and each run is a fork: as honest as a new process, and quicker.
One JSON document a line comes in, `{"arguments": ..., "directory": ..., "env": ...}`, and one goes
out: the exit code (negative: the signal), what was printed, and the most memory in bytes.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
from pathlib import Path
from typing import IO, Any, NoReturn

# Loaded here, before the limits hold.
from astro_ci import cli
from astro_ci.configuration import file as _file
from astro_ci.deploying import several as _several
from astro_ci.survey import plan as _plan

LOADED = (_file, _plan, _several)
MOST_SECONDS = 5
MOST_MEMORY = 300 * 1024 * 1024
# Of addresses, most of which no memory stands behind.
MOST_ADDRESSES = 4 * MOST_MEMORY


def child(order: dict[str, Any], out: IO[bytes], err: IO[bytes]) -> NoReturn:
    """Become the run."""
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_AS, (MOST_ADDRESSES, MOST_ADDRESSES))
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(out.fileno(), 1)
    os.dup2(err.fileno(), 2)
    os.environ.clear()
    os.environ.update(order["env"])
    os.chdir(order["directory"])
    code = 99
    try:
        cli.run(order["arguments"])
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 98
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def run(order: dict[str, Any]) -> dict[str, Any]:
    """Run once, and say how it went."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = os.fork()
        if process == 0:
            child(order, out, err)
        _, status, usage = os.wait4(process, 0)
        found: dict[str, Any] = {
            "code": os.waitstatus_to_exitcode(status),
            "memory": usage.ru_maxrss * 1024,
        }
        for name, file in (("out", out), ("err", err)):
            file.seek(0)
            found[name] = os.fsdecode(file.read())
    return found


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)
