"""How long a plan takes in a large repository, against the bare `git diff` that it needs.

Makes a repository with `git fast-import`, and a sandbox on which a deploy by hand put a commit
some way back. Both are measured in the same run, best of several: what else the machine does
only adds. A second clone, of depth 1, shows what the plan fetches.

Usage: python benchmarks/plan.py [--files N] [--commits N] [--behind N] [--repeat N] [--profile]
"""

from __future__ import annotations

import argparse
import cProfile
import json
import logging
import os
import pstats
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from astro_ci.commands.plan import plan
from astro_ci.config import Config
from astro_ci.sandbox import Sandbox
from tests.integration.sandbox.support import Client, push, upload

FILES_A_DIRECTORY = 100
ROOTS = ("dags", "dags", "include", "plugins", "docs")


def file_name(number: int) -> str:
    """Spread the files over directories, two fifths of them DAGs."""
    directory = number // FILES_A_DIRECTORY
    return f"{ROOTS[directory % len(ROOTS)]}/team_{directory:04}/file_{number:06}.py"


def history(files: int, commits: int) -> Iterator[bytes]:
    """Write what `git fast-import` reads: all files at once, then one changed at a time."""
    yield _commit(1, "first")
    yield b"M 100644 inline Dockerfile\n" + _data("FROM runtime\n")
    for number in range(files - 1):
        yield f"M 100644 inline {file_name(number)}\n".encode() + _data(f"x = {number}\n")
    for number in range(2, commits + 1):
        changed = number * 7919 % (files - 1)
        yield _commit(number, f"change {number}")
        yield f"M 100644 inline {file_name(changed)}\n".encode() + _data(f"y = {number}\n")


def _commit(number: int, subject: str) -> bytes:
    who = f"committer Ada <ada@example.com> {1_700_000_000 + number * 60} +0000\n"
    return b"commit refs/heads/main\n" + who.encode() + _data(subject)


def _data(text: str) -> bytes:
    return f"data {len(text.encode())}\n{text}\n".encode()


def git(directory: Path, *arguments: str) -> str:
    """Run git, without the user's configuration."""
    environment = os.environ | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(
        ["git", *arguments], cwd=directory, env=environment, check=True, stdout=subprocess.PIPE
    )
    return os.fsdecode(done.stdout)


def make_origin(origin: Path, files: int, commits: int) -> None:
    """Make the bare repository that is cloned from."""
    origin.mkdir()
    git(origin, "init", "--quiet", "--bare", "--initial-branch=main")
    git(origin, "config", "uploadpack.allowAnySHA1InWant", "true")
    command = ["git", "fast-import", "--quiet", "--max-pack-size=2g"]
    with subprocess.Popen(command, cwd=origin, stdin=subprocess.PIPE) as importer:
        assert importer.stdin
        importer.stdin.writelines(history(files, commits))
    assert importer.returncode == 0


@contextmanager
def sandbox(commit: str, origin: Path) -> Iterator[dict[str, str]]:
    """Start a sandbox whose `production` runs a commit; gives what points at it.

    In a process of its own: Astro does not share our interpreter.
    """
    data = origin.parent / "astro"
    with Sandbox(data) as astro:
        deploy_by_hand(astro, commit, origin)
    command = [sys.executable, "-m", "astro_ci", "sandbox", "--json", "--port", "0"]
    with subprocess.Popen([*command, "--data", str(data)], stdout=subprocess.PIPE) as process:
        assert process.stdout
        try:
            found = json.loads(process.stdout.readline())
            yield {"ASTRO_API_URL": found["api_url"], "ASTRO_API_TOKEN": found["token"]}
        finally:
            process.terminate()


def deploy_by_hand(astro: Sandbox, commit: str, origin: Path) -> None:
    """Let `production` run a commit, as the deploy history tells it."""
    client = Client(astro, None)
    source = {"provider": "GENERIC", "remoteUrl": f"file://{origin}", "commitSha": commit}
    deploy = client.create("IMAGE_AND_DAG", git=source)
    push(astro, deploy)
    client.finalize(deploy, dagTarballVersion=upload(deploy, b"a bundle"))
    client.close()


def best_of(repeat: int, action: Callable[[], object]) -> float:
    """The quickest of several runs, in seconds."""
    times = []
    for _ in range(repeat):
        started = time.perf_counter()
        action()
        times.append(time.perf_counter() - started)
    return min(times)


def count_objects(clone: Path) -> Counter[str]:
    """Count a clone's objects by their kind."""
    kinds = git(
        clone, "cat-file", "--batch-all-objects", "--unordered", "--batch-check=%(objecttype)"
    )
    return Counter(kinds.split())


def measure(clone: Path, base: str, env: dict[str, str], repeat: int) -> None:
    """Print the times of the bare diff, of the plan, and of the plan's process."""
    config = Config(project=clone, deployment_name="production")
    environment = os.environ | env
    python = [sys.executable, "-m", "astro_ci"]

    def run(*arguments: str) -> Callable[[], object]:
        command = [*python, *arguments]
        return lambda: subprocess.run(
            command, cwd=clone, env=environment, check=True, stdout=subprocess.DEVNULL
        )

    found = plan(config, environment)
    print(f"the plan: {found.deploy_type}, {found.reason}; {len(found.changes)} changes")
    bare = best_of(repeat, lambda: git(clone, "diff", "--raw", "-z", "--no-renames", base))
    rows = {
        "git diff --raw -z --no-renames": bare,
        "plan, called": best_of(repeat, lambda: plan(config, environment)),
        "python -m astro_ci --version": best_of(repeat, run("--version")),
        "python -m astro_ci plan": best_of(
            repeat, run("plan", "--deployment-name", "production", "--json")
        ),
    }
    rows["the same without its start"] = (
        rows["python -m astro_ci plan"] - rows["python -m astro_ci --version"]
    )
    for name, seconds in rows.items():
        print(f"{name:32} {seconds * 1000:8.1f} ms {seconds / bare:6.2f} x")


def show_fetch(origin: Path, clone: Path, env: dict[str, str]) -> None:
    """Print what a plan fetches into a clone of depth 1."""
    git(clone.parent, "clone", "--quiet", "--depth=1", f"file://{origin}", str(clone))
    before = count_objects(clone)
    started = time.perf_counter()
    found = plan(Config(project=clone, deployment_name="production"), os.environ | env)
    seconds = time.perf_counter() - started
    fetched = count_objects(clone) - before
    print(f"clone of depth 1: {found.deploy_type} in {seconds * 1000:.0f} ms with the fetch")
    print("fetched: " + ", ".join(f"{count} {kind}" for kind, count in sorted(fetched.items())))
    assert fetched["commit"] == 1, "more than the one commit was fetched"


def show_profile(clone: Path, env: dict[str, str]) -> None:
    """Print where a plan spends its time."""
    config, profile = Config(project=clone, deployment_name="production"), cProfile.Profile()
    profile.runcall(plan, config, os.environ | env)
    pstats.Stats(profile).sort_stats("cumulative").print_stats("astro_ci", 45)


def main() -> None:
    """Make the repository, and print a table of times and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--commits", type=int, default=20_000)
    parser.add_argument("--behind", type=int, default=500, help="how far back what runs is")
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--profile", action="store_true", help="also show where the time goes")
    options = parser.parse_args()
    logging.getLogger("astro_ci").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="astro-ci-plan-") as name:
        scratch = Path(name)
        origin, clone = scratch / "origin.git", scratch / "clone"
        make_origin(origin, options.files, options.commits)
        git(scratch, "clone", "--quiet", f"file://{origin}", str(clone))
        base = git(clone, "rev-parse", f"HEAD~{options.behind}").strip()
        print(
            f"{options.files} files, {options.commits} commits, what runs is {options.behind} "
            f"back; best of {options.repeat}; Python {sys.version.split()[0]}, "
            f"{git(scratch, '--version').strip()}"
        )
        with sandbox(base, origin) as env:
            measure(clone, base, env, options.repeat)
            show_fetch(origin, scratch / "shallow", env)
            if options.profile:
                show_profile(clone, env)


if __name__ == "__main__":
    main()
