"""How long starting takes: versions, help, and a small DAG-only deploy to a sandbox on loopback.

Usage: python benchmarks/startup.py [--repeat N]

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
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = Path(sys.executable).with_name("astro-ci")
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "astro-ci --version": [str(SCRIPT), "--version"],
    "python -m astro_ci --version": [sys.executable, "-m", "astro_ci", "--version"],
    "astro-ci --help": [str(SCRIPT), "--help"],
    "astro-ci deploy --help": [str(SCRIPT), "deploy", "--help"],
}
IMPORT_REQUESTS = [sys.executable, "-c", "import requests"]
DEPLOY = [str(SCRIPT), "deploy", "--type", "dags", "--no-wait"]
_LEFT_OUT = ("GIT_", "PYTHONDONTWRITEBYTECODE")  # the bytecode of packages is there where users are
GIT_WRAPPER = '#!/bin/sh\necho "$@" >>"$ASTRO_CI_BENCHMARK_LOG"\nexec {git} "$@"\n'


def best_of(command: list[str], repeat: int) -> float:
    """The quickest of several runs, in seconds: what else the machine does only adds."""
    times = []
    for _ in range(repeat):
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - started)
    return min(times)


def cpu_and_wall(command: list[str], cwd: Path, env: Mapping[str, str]) -> tuple[float, float]:
    """CPU seconds of a command and all that it started, and how long it took."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=cwd, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stderr
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} ended with {process.returncode}: {os.fsdecode(said)}")
    return usage.ru_utime + usage.ru_stime, wall


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


def project(directory: Path) -> Path:
    """A committed project with three DAGs."""
    root = directory / "project"
    for name in ("a", "b", "c"):
        path = root / "dags" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"from airflow import DAG\n\nDAG('{name}')\n")
    (root / "Dockerfile").write_text("FROM x\n")
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    for words in (
        ("init", "--quiet"),
        ("remote", "add", "origin", "https://git.example.com/acme/airflow.git"),
        ("add", "."),
        (*identity, "commit", "--quiet", "--message", "first"),
    ):
        subprocess.run(["git", *words], cwd=root, check=True)
    return root


def show_versions(repeat: int) -> None:
    """Print the first table."""
    baseline = 0.0
    for name, command in COMMANDS.items():
        seconds = best_of(command, repeat)
        baseline = baseline or seconds
        print(f"{name:32} {seconds * 1000:7.1f} ms {seconds / baseline:6.2f} x")


def show_deploy(root: Path, env: Mapping[str, str], repeat: int) -> None:
    """Print the second table: the two commands in turn, so that the machine's speed cancels out."""
    ours, theirs = [], []
    for _ in range(repeat + 1):
        theirs.append(cpu_and_wall(IMPORT_REQUESTS, root, env))
        ours.append(cpu_and_wall(DEPLOY, root, env))
    for index, what in enumerate(("CPU", "wall")):
        mine = statistics.median(times[index] for times in ours[1:])
        base = statistics.median(times[index] for times in theirs[1:])
        ratio = statistics.median(
            one[index] / other[index] for one, other in zip(ours[1:], theirs[1:], strict=True)
        )
        print(
            f"DAG-only deploy, {what:4} {mine * 1000:7.1f} ms, import requests "
            f"{base * 1000:7.1f} ms {ratio:6.2f} x"
        )


def show_git(root: Path, env: Mapping[str, str], scratch: Path) -> None:
    """Print how many git processes a deploy starts."""
    found = subprocess.run(["which", "git"], capture_output=True, text=True, check=True)
    wrapper, log = scratch / "bin" / "git", scratch / "git.log"
    wrapper.parent.mkdir()
    wrapper.write_text(GIT_WRAPPER.format(git=found.stdout.strip()))
    wrapper.chmod(0o755)
    path = f"{wrapper.parent}:{env['PATH']}"
    cpu_and_wall(DEPLOY, root, {**env, "PATH": path, "ASTRO_CI_BENCHMARK_LOG": str(log)})
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
    cpu_and_wall([*launch, "--version"], root, variables)
    arguments = [*launch, *DEPLOY[1:]]
    first, *later = (cpu_and_wall(arguments, root, variables) for _ in range(6))
    for index, what in enumerate(("CPU", "wall")):
        usual = statistics.median(times[index] for times in later)
        ratio = first[index] / usual
        print(
            f"first run after installing, {what:4} {first[index]:.3f} s, "
            f"later {usual:.3f} s {ratio:6.2f} x"
        )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--repeat", type=int, default=30)
    repeat = parser.parse_args().repeat
    print(f"{repeat} runs, Python {sys.version.split()[0]}, {os.cpu_count()} CPUs")
    show_versions(repeat)
    with tempfile.TemporaryDirectory(prefix="astro-ci-startup-") as scratch, sandbox() as astro:
        root = project(Path(scratch))
        env = {
            **{name: value for name, value in os.environ.items() if not name.startswith(_LEFT_OUT)},
            "ASTRO_API_URL": astro["api_url"],
            "ASTRO_API_TOKEN": astro["token"],
            "ASTRO_DEPLOYMENT_ID": astro["deployments"][0]["id"],
        }
        show_deploy(root, env, repeat)
        show_git(root, env, Path(scratch))
        show_first_run(root, env, Path(scratch))


if __name__ == "__main__":
    main()
