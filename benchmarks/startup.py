"""How long starting takes: versions, help, and a small DAG-only deploy to a sandbox on loopback.

What is measured is what a GitHub job runs: the environment that the action installs, without the
packages of development, of which ruff, for one, would be run. `--python` measures another one.

Usage: python benchmarks/startup.py [--repeat N] [--python PATH]

First the first run after the installation, which has no bytecode yet unless the installation made
it, against the later ones. Then times against `python -c pass`, then those of a deploy against
`python -c "import requests"`: CPU seconds of the whole process tree, the sandbox aside. At last
the number of the git processes of the deploy.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from common import SCRIPT, Cost, cost_of, plain_environment, project

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ["deploy", "--type", "dags", "--no-wait"]
MEASURES: Mapping[str, Callable[[Cost], float]] = {
    "CPU": lambda cost: cost.cpu,
    "wall": lambda cost: cost.wall,
}
GIT_WRAPPER = '#!/bin/sh\necho "$@" >>"$ASTRO_CI_BENCHMARK_LOG"\nexec {git} "$@"\n'


class Measured(NamedTuple):
    """The environment to measure."""

    python: str

    def run(self, *arguments: str) -> list[str]:
        """The command of astro-ci, as the action starts it."""
        return [self.python, "-I", "-m", "astro_ci", *arguments]

    @property
    def versions(self) -> dict[str, list[str]]:
        """What the table of versions measures."""
        return {
            "python -c pass": [self.python, "-c", "pass"],
            "astro-ci --version": self.run("--version"),
            "astro-ci --help": self.run("--help"),
            "astro-ci deploy --help": self.run("deploy", "--help"),
        }


def best_of(command: list[str], repeat: int) -> float:
    """The quickest of several runs, in seconds: what else the machine does only adds."""
    times = []
    for _ in range(repeat):
        started = time.perf_counter()
        subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - started)
    return min(times)


@contextmanager
def sandbox() -> Iterator[dict[str, Any]]:
    """A sandbox in a process of its own."""
    command = [str(SCRIPT), "sandbox", "--json", "--port", "0", "--rollout-seconds", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


def show_versions(measured: Measured, repeat: int) -> None:
    """Print the table of versions."""
    baseline = 0.0
    for name, command in measured.versions.items():
        seconds = best_of(command, repeat)
        baseline = baseline or seconds
        print(f"{name:32} {seconds * 1000:7.1f} ms {seconds / baseline:6.2f} x")


def show_deploy(measured: Measured, root: Path, env: Mapping[str, str], repeat: int) -> None:
    """Print a deploy's costs: the two commands in turn, so that the machine's speed cancels out."""
    ours, theirs = [], []
    for _ in range(repeat + 1):
        theirs.append(cost_of([measured.python, "-c", "import requests"], root, env))
        ours.append(cost_of(measured.run(*DEPLOY), root, env))
    for what, seconds in MEASURES.items():
        mine = statistics.median(seconds(cost) for cost in ours[1:])
        base = statistics.median(seconds(cost) for cost in theirs[1:])
        ratio = statistics.median(
            seconds(one) / seconds(other) for one, other in zip(ours[1:], theirs[1:], strict=True)
        )
        print(
            f"DAG-only deploy, {what:4} {mine * 1000:7.1f} ms, import requests "
            f"{base * 1000:7.1f} ms {ratio:6.2f} x"
        )


def show_git(measured: Measured, root: Path, env: Mapping[str, str], scratch: Path) -> None:
    """Print how many git processes a deploy starts."""
    found = subprocess.run(["which", "git"], capture_output=True, text=True, check=True)
    wrapper, log = scratch / "bin" / "git", scratch / "git.log"
    wrapper.parent.mkdir()
    wrapper.write_text(GIT_WRAPPER.format(git=found.stdout.strip()))
    wrapper.chmod(0o755)
    path = f"{wrapper.parent}:{env['PATH']}"
    cost_of(measured.run(*DEPLOY), root, {**env, "PATH": path, "ASTRO_CI_BENCHMARK_LOG": str(log)})
    print(f"git processes of the deploy: {len(log.read_text().splitlines())}")


def install(root: Path, env: Mapping[str, str], scratch: Path) -> Measured:
    """Install astro-ci as the action does, and print how long the first runs take."""
    runner = scratch / "runner"
    runner.mkdir()
    variables = {**env, "RUNNER_TEMP": str(runner), "GITHUB_OUTPUT": os.devnull}
    # As a runner gets it: without the bytecode that lies in this checkout.
    without_bytecode = shutil.ignore_patterns("__pycache__")
    for part in ("actions", "astro_ci"):
        shutil.copytree(ROOT / part, scratch / "action" / part, ignore=without_bytecode)
    launch = [sys.executable, "-I", str(scratch / "action" / "actions" / "launch.py")]
    cost_of([*launch, "--version"], root, variables)
    first, *later = (cost_of([*launch, *DEPLOY], root, variables) for _ in range(6))
    for what, seconds in MEASURES.items():
        usual = statistics.median(seconds(cost) for cost in later)
        ratio = seconds(first) / usual
        print(
            f"first run after installing, {what:4} {seconds(first):.3f} s, "
            f"later {usual:.3f} s {ratio:6.2f} x"
        )
    (python,) = runner.glob("*/bin/python")
    return Measured(str(python))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--repeat", type=int, default=30)
    parser.add_argument("--python", help="the Python of another environment")
    options = parser.parse_args()
    repeat = options.repeat
    print(f"{repeat} runs, Python {sys.version.split()[0]}, {os.cpu_count()} CPUs")
    with tempfile.TemporaryDirectory(prefix="astro-ci-startup-") as scratch, sandbox() as astro:
        root = project(Path(scratch))
        env = {
            **plain_environment(),
            "ASTRO_API_URL": astro["api_url"],
            "ASTRO_API_TOKEN": astro["token"],
            "ASTRO_DEPLOYMENT_ID": astro["deployments"][0]["id"],
        }
        installed = install(root, env, Path(scratch))
        measured = Measured(options.python) if options.python else installed
        show_versions(measured, repeat)
        show_deploy(measured, root, env, repeat)
        show_git(measured, root, env, Path(scratch))


if __name__ == "__main__":
    main()
