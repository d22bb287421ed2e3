"""How long the GitHub actions take to set themselves up, with a warm package cache.

Usage: python benchmarks/action_setup.py [--runs N]

The baseline is what a workflow would do by hand in the same run: `python -m venv`, then `pip
install` from the same lock file.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

ACTIONS = Path(__file__).parent.parent / "actions"
LOCK = ACTIONS / "requirements.lock"


def by_hand(directory: Path, env: Mapping[str, str]) -> list[str]:
    """Make a virtual environment and install with its pip."""
    run([sys.executable, "-m", "venv", str(directory / "v")], env)
    pip = [str(directory / "v/bin/python"), "-m", "pip", "install", "--quiet"]
    run([*pip, "--require-hashes", "--no-deps", "--requirement", str(LOCK)], env)
    return []


def by_action(directory: Path, env: Mapping[str, str]) -> list[str]:
    """Set up as a job's first step does; gives the phases that it shows."""
    done = run([str(ACTIONS / "run.sh"), "--version"], {**env, "RUNNER_TEMP": str(directory)})
    return [line for line in done.stderr.splitlines() if line.endswith(" s")]


def run(command: list[str], env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=env, check=True, capture_output=True, text=True)


def measure(
    what: Callable[[Path, Mapping[str, str]], list[str]], env: Mapping[str, str], runs: int
) -> tuple[float, list[str]]:
    """The median of several runs in seconds, and what the last one showed."""
    seconds, shown = [], []
    for number in range(runs + 1):
        with tempfile.TemporaryDirectory() as directory:
            started = time.perf_counter()
            shown = what(Path(directory), env)
            if number:  # the first one fills the caches
                seconds.append(time.perf_counter() - started)
    return statistics.median(seconds), shown


def main() -> None:
    """Measure, and print ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    found = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    ours = str(Path(sys.executable).parent)
    path = ":".join(part for part in os.environ["PATH"].split(":") if part != ours)
    without_uv = {**os.environ, "PATH": path}
    baseline, _ = measure(by_hand, without_uv, runs)
    print(f"by hand, venv and pip  {baseline:5.2f} s   1.00 x")
    cases = {"the action with pip": without_uv}
    with tempfile.TemporaryDirectory() as tools:
        if found:
            (Path(tools) / "uv").symlink_to(found)
            cases["the action with uv"] = {**os.environ, "PATH": f"{tools}:{path}"}
        for name, env in cases.items():
            seconds, shown = measure(by_action, env, runs)
            print(f"{name:21}  {seconds:5.2f} s   {seconds / baseline:.2f} x   {', '.join(shown)}")


if __name__ == "__main__":
    main()
