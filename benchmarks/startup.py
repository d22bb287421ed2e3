"""How long starting takes: versions, help, and a small DAG-only deploy to a sandbox on loopback.

Libraries that only development needs are loaded by others when they are there. To measure what
users run, name the Python of a virtual environment that holds nothing but what `pip install .`
brings.

Usage: python benchmarks/startup.py [--repeat N] [--python PATH]

Times of the first table are against `python -c pass`, those of the second against
`python -c "import requests"`: CPU seconds of the whole process tree, the sandbox aside. The third
counts the git processes of the deploy, the fourth compares the first run of a new installation,
which has no bytecode yet unless the installation made it, with the second.
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
    """Whose astro-ci is measured."""

    python: str
    script: str

    @classmethod
    def of(cls, python: Path) -> Measured:
        """The one of an environment, or of this one."""
        return cls(str(python), str(python.with_name(SCRIPT.name)))

    @property
    def versions(self) -> dict[str, list[str]]:
        """What the first table measures."""
        return {
            "python -c pass": [self.python, "-c", "pass"],
            "astro-ci --version": [self.script, "--version"],
            "python -m astro_ci --version": [self.python, "-m", "astro_ci", "--version"],
            "astro-ci --help": [self.script, "--help"],
            "astro-ci deploy --help": [self.script, "deploy", "--help"],
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
    """Print the first table."""
    baseline = 0.0
    for name, command in measured.versions.items():
        seconds = best_of(command, repeat)
        baseline = baseline or seconds
        print(f"{name:32} {seconds * 1000:7.1f} ms {seconds / baseline:6.2f} x")


def show_deploy(measured: Measured, root: Path, env: Mapping[str, str], repeat: int) -> None:
    """Print the second table: the two commands in turn, so that the machine's speed cancels out."""
    ours, theirs = [], []
    for _ in range(repeat + 1):
        theirs.append(cost_of([measured.python, "-c", "import requests"], root, env))
        ours.append(cost_of([measured.script, *DEPLOY], root, env))
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
    command = [measured.script, *DEPLOY]
    cost_of(command, root, {**env, "PATH": path, "ASTRO_CI_BENCHMARK_LOG": str(log)})
    print(f"git processes of the deploy: {len(log.read_text().splitlines())}")


def show_first_run(root: Path, env: Mapping[str, str], scratch: Path) -> None:
    """Print how long the first run after the action's own installation takes."""
    variables = {**env, "RUNNER_TEMP": str(scratch / "runner"), "GITHUB_OUTPUT": os.devnull}
    (scratch / "runner").mkdir()
    # As a runner gets it: without the bytecode that lies in this checkout.
    without_bytecode = shutil.ignore_patterns("__pycache__")
    for part in ("actions", "astro_ci"):
        shutil.copytree(ROOT / part, scratch / "action" / part, ignore=without_bytecode)
    launch = [sys.executable, "-I", str(scratch / "action" / "actions" / "launch.py")]
    cost_of([*launch, "--version"], root, variables)
    arguments = [*launch, *DEPLOY]
    first, *later = (cost_of(arguments, root, variables) for _ in range(6))
    for what, seconds in MEASURES.items():
        usual = statistics.median(seconds(cost) for cost in later)
        ratio = seconds(first) / usual
        print(
            f"first run after installing, {what:4} {seconds(first):.3f} s, "
            f"later {usual:.3f} s {ratio:6.2f} x"
        )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--repeat", type=int, default=30)
    parser.add_argument("--python", type=Path, default=Path(sys.executable))
    options = parser.parse_args()
    measured, repeat = Measured.of(options.python), options.repeat
    print(f"{repeat} runs, Python {sys.version.split()[0]}, {os.cpu_count()} CPUs")
    show_versions(measured, repeat)
    with tempfile.TemporaryDirectory(prefix="astro-ci-startup-") as scratch, sandbox() as astro:
        root = project(Path(scratch))
        env = {
            **plain_environment(),
            "ASTRO_API_URL": astro["api_url"],
            "ASTRO_API_TOKEN": astro["token"],
            "ASTRO_DEPLOYMENT_ID": astro["deployments"][0]["id"],
        }
        show_deploy(measured, root, env, repeat)
        show_git(measured, root, env, Path(scratch))
        show_first_run(root, env, Path(scratch))


if __name__ == "__main__":
    main()
