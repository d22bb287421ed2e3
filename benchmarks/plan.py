"""How long a plan takes in a large repository, against the bare `git diff` that it needs.

Makes a repository with `git fast-import`, and a sandbox whose Deployments run a commit some way
back: one was deployed to by hand, so that only the commit is known (a diff tells what changed),
the other by us, so that its content is known, too (every shipped file goes into a digest).
All is measured in turn in the same run, and the medians are compared. What the process takes
whatever the size of the repository (loading Python and the libraries, asking Astro) shows in a
repository of ten files. A second clone, of depth 1, shows what the plan fetches.

Libraries that only development needs are loaded by others when they are there (msgspec takes
20 ms for typing_extensions). To measure what users run, name the Python of a virtual environment
that holds nothing but what `pip install .` brings.

Usage: python benchmarks/plan.py [--files N] [--commits N] [--behind N] [--repeat N]
                                 [--cache DIR] [--python PATH] [--profile]
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

sys.path.append(str(Path(__file__).parents[1]))

from astro_ci.configuration.config import Config
from astro_ci.model import DeployGit, Part
from astro_ci.planning.marker import describe
from astro_ci.sandbox import Sandbox
from astro_ci.survey.plan import plan
from tests.integration.sandbox.support import Client, push, upload

FILES_A_DIRECTORY = 100
ROOTS = ("dags", "dags", "include", "plugins", "docs")
BY_COMMIT, BY_CONTENT = "production", "development"
START_UP = "astro-ci plan, of ten files"


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
    """Make the bare repository that is cloned from, as one that a server keeps tidy."""
    origin.mkdir(parents=True)
    git(origin, "init", "--quiet", "--bare", "--initial-branch=main")
    git(origin, "config", "uploadpack.allowAnySHA1InWant", "true")
    command = ["git", "fast-import", "--quiet", "--max-pack-size=2g"]
    with subprocess.Popen(command, cwd=origin, stdin=subprocess.PIPE) as importer:
        assert importer.stdin
        importer.stdin.writelines(history(files, commits))
    assert importer.returncode == 0


def prepare(cache: Path, files: int, commits: int) -> tuple[Path, Path]:
    """Make the repository and a clone of it, unless an earlier run left them in the cache."""
    made = cache / f"plan-{files}-{commits}"
    if not made.exists():
        started = time.perf_counter()
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as name:
            fresh = Path(name) / "fresh"
            make_origin(fresh / "origin.git", files, commits)
            git(fresh, "clone", "--quiet", f"file://{fresh}/origin.git", str(fresh / "clone"))
            fresh.rename(made)
        git(made / "clone", "remote", "set-url", "origin", f"file://{made}/origin.git")
        print(f"made the repository in {time.perf_counter() - started:.0f} s")
    return made / "origin.git", made / "clone"


def deploy_by_hand(astro: Sandbox, name: str, commit: str, origin: Path, marker: str = "") -> None:
    """Let a Deployment run a commit, as the deploy history tells it."""
    client = Client(astro, None)
    source = {"provider": "GENERIC", "remoteUrl": f"file://{origin}", "commitSha": commit}
    deploy = client.create("IMAGE_AND_DAG", name, git=source, description=marker)
    push(astro, deploy)
    client.finalize(deploy, name, dagTarballVersion=upload(deploy, b"a bundle"))
    client.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one run took, in seconds. `cpu` counts the processes that it started."""

    wall: float
    cpu: float


def cost_of(action: Callable[[], object]) -> Cost:
    """Run once, with a clock."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    action()
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(wall=wall, cpu=cpu)


def side_by_side(repeat: int, rows: dict[str, Callable[[], object]]) -> dict[str, Cost]:
    """The medians of several rounds. Each round runs every row: what disturbs one disturbs all."""
    costs: dict[str, list[Cost]] = {name: [] for name in rows}
    for number in range(repeat + 1):
        for name, action in rows.items():
            cost = cost_of(action)
            if number:  # the first round only warms up
                costs[name].append(cost)
    return {
        name: Cost(wall=median(c.wall for c in found), cpu=median(c.cpu for c in found))
        for name, found in costs.items()
    }


def process(python: str, clone: Path, env: dict[str, str], name: str) -> Callable[[], object]:
    """A plan for the Deployment of this name, from the command line in the clone."""
    command = [python, "-m", "astro_ci", "plan", "--json", "--deployment-name", name]

    def run() -> None:
        done = subprocess.run(command, cwd=clone, env=env, capture_output=True)
        assert done.returncode == 0, done.stderr.decode()

    return run


def measure(
    python: str, clone: Path, small: Path, base: str, env: dict[str, str], repeat: int
) -> None:
    """Print the times of the bare diff, of the plan, and of the plan's process."""
    by_commit = Config(project=clone, deployment_name=BY_COMMIT)
    by_content = Config(project=clone, deployment_name=BY_CONTENT)
    found = plan(by_commit, env)
    print(f"the plan: {found.deploy_type}, {found.reason}; {len(found.changes)} changes")
    # The commit against the work tree: git looks at every file, as it does for the plan. The
    # plan has to look for untracked files as well, which git does not do here.
    bare = "git diff --raw -z --no-renames BASE"
    costs = side_by_side(
        repeat,
        {
            bare: lambda: git(clone, "diff", "--raw", "-z", "--no-renames", base),
            "python -c pass": lambda: subprocess.run([python, "-c", "pass"], check=True),
            "astro-ci plan, by commit": process(python, clone, env, BY_COMMIT),
            "astro-ci plan, by content": process(python, clone, env, BY_CONTENT),
            START_UP: process(python, small, env, BY_COMMIT),
            "plan() called, by commit": lambda: plan(by_commit, env),
            "plan() called, by content": lambda: plan(by_content, env),
        },
    )
    print(f"{'median of ' + str(repeat):36} {'wall':>8} {'ratio':>6}   {'CPU':>8} {'ratio':>6}")
    for name, cost in costs.items():
        row = f"{name:36} {cost.wall * 1000:5.0f} ms {cost.wall / costs[bare].wall:5.2f}x"
        if not name.startswith("plan()"):  # there, this process works as well
            row += f"   {cost.cpu * 1000:5.0f} ms {cost.cpu / costs[bare].cpu:5.2f}x"
        print(row)
    for way in ("commit", "content"):
        size = costs[f"astro-ci plan, by {way}"].wall - costs[START_UP].wall
        print(
            f"what the size costs, by {way}: {size * 1000:.0f} ms, {size / costs[bare].wall:.2f}x"
        )


def count_objects(clone: Path) -> Counter[str]:
    """Count a clone's objects by their kind, and their bytes on disk."""
    told = git(
        *(clone, "cat-file", "--batch-all-objects", "--unordered"),
        "--batch-check=%(objecttype) %(objectsize:disk)",
    )
    found: Counter[str] = Counter()
    for kind, size in (line.split() for line in told.splitlines()):
        found[kind] += 1
        found["bytes"] += int(size)
    return found


def show_fetch(python: str, origin: Path, env: dict[str, str]) -> None:
    """Print what a plan fetches into a clone of depth 1."""
    with tempfile.TemporaryDirectory(prefix="astro-ci-shallow-") as name:
        clone = Path(name) / "clone"
        git(origin, "clone", "--quiet", "--depth=1", f"file://{origin}", str(clone))
        before = count_objects(clone)
        cost = cost_of(process(python, clone, env, BY_COMMIT))
        after = count_objects(clone)
        again = cost_of(process(python, clone, env, BY_COMMIT))
        settled = count_objects(clone)
    fetched = after - before
    print(f"clone of depth 1: {before['commit']} commit before, {after['commit']} after the plan")
    print(
        f"fetched: {fetched['commit']} commit, {fetched['tree']} trees, {fetched['blob']} blobs, "
        f"{fetched['bytes']} bytes; {cost.wall * 1000:.0f} ms with the fetch, "
        f"{again.wall * 1000:.0f} ms for the next plan, which fetches nothing"
    )
    assert (before["commit"], after["commit"]) == (1, 2), "more than the one commit was fetched"
    assert settled == after, "the next plan fetched again"


def show_profile(clone: Path, env: dict[str, str]) -> None:
    """Print where a plan spends its time."""
    config, profile = Config(project=clone, deployment_name=BY_CONTENT), cProfile.Profile()
    profile.runcall(plan, config, env)
    pstats.Stats(profile).sort_stats("cumulative").print_stats("astro_ci", 45)


def main() -> None:
    """Make the repository, and print a table of times and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--commits", type=int, default=20_000)
    parser.add_argument("--behind", type=int, default=500, help="how far back what runs is")
    parser.add_argument("--repeat", type=int, default=9)
    parser.add_argument("--cache", type=Path, help="keep the repository here for the next run")
    parser.add_argument("--python", default=sys.executable, help="whose astro_ci is measured")
    parser.add_argument("--profile", action="store_true", help="also show where the time goes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="astro-ci-plan-") as scratch, Sandbox() as astro:
        cache = (options.cache or Path(scratch)).absolute()
        origin, clone = prepare(cache, options.files, options.commits)
        _, small = prepare(cache, 10, 3)
        base = git(clone, "rev-parse", f"HEAD~{options.behind}").strip()
        deploy_by_hand(astro, BY_COMMIT, base, origin)
        other = dict.fromkeys(Part, "0" * 16)
        git_of_base = DeployGit(provider="GENERIC", commit_sha=base)
        deploy_by_hand(astro, BY_CONTENT, base, origin, describe("", other, git_of_base))
        env = os.environ | {"ASTRO_API_URL": astro.api_url, "ASTRO_API_TOKEN": astro.token}
        print(
            f"{options.files} files, {options.commits} commits, what runs is {options.behind} "
            f"back; Python {sys.version.split()[0]}, {git(clone, '--version').strip()}, "
            f"{os.cpu_count()} CPUs"
        )
        measure(options.python, clone, small, base, env, options.repeat)
        show_fetch(options.python, origin, env)
        if options.profile:
            show_profile(clone, env)


if __name__ == "__main__":
    main()
