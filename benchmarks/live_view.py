"""What watching costs: the same deploys on a pseudo-terminal, with and without the live view.

Usage: python benchmarks/live_view.py [--repeat N] [--rollout-seconds S]

The live view is off where TERM is dumb; all else is the same, a terminal of 100 columns among it.
The two take turns, each round in the other order, and the table shows the medians of all rounds:
CPU seconds of the whole process tree, the sandbox aside, and seconds on the clock. A deploy's time
on the clock depends on when it looks whether the deploy is live; `--no-wait` leaves that out.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from common import SCRIPT, Cost, environment, project

from astro_ci.sandbox import Sandbox

DEPLOY = (str(SCRIPT), "deploy", "--type", "dags")
ROWS: Mapping[str, Sequence[str]] = {
    "deploy --no-wait": (*DEPLOY, "--no-wait"),
    "deploy": DEPLOY,
}
_SIZE = struct.pack("HHHH", 40, 100, 0, 0)


def watched(command: Sequence[str], cwd: Path, env: Mapping[str, str]) -> tuple[Cost, bytes]:
    """Run a command on a terminal, and read what it draws; it has to succeed."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, _SIZE)
    started = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=follower, stderr=follower
    )
    os.close(follower)
    drawn = bytearray()
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:  # how Linux says that the other side is gone
            break
        if not part:
            break
        drawn += part
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    os.close(leader)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} ended with {process.returncode}: {os.fsdecode(bytes(drawn))}")
    return Cost(cpu=usage.ru_utime + usage.ru_stime, wall=wall), bytes(drawn)


def compare(name: str, root: Path, env: Mapping[str, str], repeat: int) -> None:
    """Print the rows of a command."""
    terminals = {"live": "xterm-256color", "plain": "dumb"}
    costs: dict[str, list[Cost]] = {kind: [] for kind in terminals}
    for number in range(repeat + 1):
        for kind in sorted(terminals, reverse=bool(number % 2)):
            cost, drawn = watched(ROWS[name], root, {**env, "TERM": terminals[kind]})
            if (b"\x1b[" in drawn) is not (kind == "live"):
                raise SystemExit(f"the {kind} run drew {drawn!r}")
            if number:  # the first round only warms up
                costs[kind].append(cost)
    for what in ("cpu", "wall"):
        live, plain = (
            statistics.median(getattr(one, what) for one in costs[kind]) for kind in terminals
        )
        print(
            f"{name:18} {what:4}  live {live * 1000:7.1f} ms  plain {plain * 1000:7.1f} ms  "
            f"difference {(live - plain) * 1000:+6.1f} ms"
        )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--repeat", type=int, default=20)
    parser.add_argument("--rollout-seconds", type=float, default=0.0)
    given = parser.parse_args()
    print(f"{given.repeat} rounds, Python {sys.version.split()[0]}, {os.cpu_count()} CPUs")
    with (
        tempfile.TemporaryDirectory(prefix="astro-ci-live-") as scratch,
        Sandbox(rollout_seconds=given.rollout_seconds) as astro,
    ):
        root = project(Path(scratch))
        unset = ("CI", "NO_COLOR", "GITHUB_ACTIONS", "GITLAB_CI")
        env = {name: text for name, text in environment(astro).items() if name not in unset}
        for name in ROWS:
            compare(name, root, env, given.repeat)


if __name__ == "__main__":
    main()
