"""How long a change in include/ takes with --fast, against a full build and push.

The image has so many megabytes, most of which the build makes of requirements.txt, as pip does.
One file of the project changes before every run. It is deployed with --fast to a Deployment that
runs such an image, and built and pushed by a full deploy to another one, in turn, in the same run;
none waits for the rollout. The full deploy has what a job in CI has: a base image, and no cache of
earlier builds. It builds with the engine's classic builder, whose images can be removed again
without pruning anything. The best of each is compared; peak memory is that of the deploy's own
process, whose registry requests are part of it.

Usage: python benchmarks/fast_deploy.py [--megabytes 500] [--repeat N]
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from common import plain_environment

from astro_ci.image.engine import connect
from astro_ci.sandbox import Sandbox
from tests.e2e.images import make_runtime_image, registry
from tests.e2e.runtime import DOCKERFILE, Runtime

MOST_SECONDS, MOST_RATIO, MOST_MIB = 2.0, 0.1, 80.0
INSTALL = "ONBUILD RUN cp requirements.txt /requirements-installed"
DEPLOY = ["deploy", "--type", "image-and-dags", "--no-wait", "--no-parse"]
CHILD = """
import resource, sys
from astro_ci.cli import run
code = 0
try:
    run(sys.argv[1:])
except SystemExit as ended:
    code = ended.code or 0
print(f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.1f}", file=sys.stderr)
sys.exit(code)
"""


def main() -> None:
    """Make the base image and the project, and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=500, help="the image's size (MiB)")
    parser.add_argument("--code-megabytes", type=int, default=5, help="the code's part of it (MiB)")
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="astro-ci-fast-")))
        (scratch / "registry").mkdir()
        running = stack.enter_context(registry(scratch / "registry"))
        engine = connect(os.environ)
        stack.callback(engine.close)
        base = Runtime(f"{running.host}/astronomer/astro-runtime:13.1.0", running)
        stack.callback(lambda: engine.remove_image(base.name))
        text = dockerfile(options.megabytes - options.code_megabytes)
        make_runtime_image(engine, base.name, text=text)
        base.push(engine)
        astro = stack.enter_context(Sandbox(rollout_seconds=0))
        root = make_project(scratch / "project", base.name, options.code_megabytes)
        env = job_environment(scratch, astro) | base.login(scratch / "docker")
        print(
            f"an image of {options.megabytes} MiB, {options.code_megabytes} MiB of it code; "
            f"best of {options.repeat}, Docker Engine {engine.version}, {os.cpu_count()} CPUs"
        )
        measure(root, env, options.repeat)


def dockerfile(megabytes: int) -> str:
    """The stand-in for Astro Runtime, whose trigger installs packages of so many megabytes."""
    noise = f"head -c {megabytes << 20} /dev/urandom > /packages"
    triggers = f"ONBUILD ARG BUILD\n{INSTALL} && {noise}"
    return DOCKERFILE.replace(INSTALL, triggers)


def make_project(root: Path, base: str, megabytes: int) -> Path:
    """A committed project with some code."""
    noise = random.Random(0)  # noqa: S311 - noise, no secret
    for name in ("dags", "include"):
        (root / name).mkdir(parents=True)
    (root / "dags" / "a.py").write_text("from airflow import DAG\n\nDAG('a')\n")
    for number in range(megabytes * 4):
        (root / "include" / f"data-{number}.bin").write_bytes(noise.randbytes(256 << 10))
    for name in ("packages.txt", "requirements.txt"):
        (root / name).touch()
    (root / "Dockerfile").write_text(f"FROM {base}\n")
    (root / ".dockerignore").write_text(".git\n")
    commit(root, "init", "--quiet")
    commit(root, "remote", "add", "origin", "https://git.example.com/acme/airflow.git")
    change(root)
    return root


def commit(root: Path, *words: str) -> None:
    """Run git in the project."""
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    subprocess.run(["git", *identity, *words], cwd=root, check=True)


def change(root: Path) -> None:
    """Commit a change of one file."""
    (root / "include" / "query.sql").write_text(f"select '{uuid.uuid4()}'\n")
    commit(root, "add", "--all")
    commit(root, "commit", "--quiet", "--message", "change")


def job_environment(scratch: Path, astro: Sandbox) -> dict[str, str]:
    """What a job has; no docker command is on its PATH, so that builds are the engine's own."""
    programs = scratch / "bin"
    programs.mkdir()
    git = shutil.which("git")
    assert git
    (programs / "git").symlink_to(git)
    return plain_environment() | {
        "ASTRO_API_URL": astro.api_url,
        "ASTRO_API_TOKEN": astro.token,
        "PATH": str(programs),
    }


def deploy(root: Path, env: Mapping[str, str], name: str, *arguments: str) -> tuple[float, float]:
    """Deploy, and return the seconds and the peak of memory in MiB."""
    command = [sys.executable, "-c", CHILD, *DEPLOY, "--deployment-name", name, *arguments]
    started = time.perf_counter()
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True)
    seconds = time.perf_counter() - started
    if done.returncode:
        raise SystemExit(f"the deploy ended with {done.returncode}: {done.stderr[-2000:]}")
    return seconds, float(done.stderr.rpartition("peak ")[2])


def measure(root: Path, env: Mapping[str, str], repeat: int) -> None:
    """Print the table and the ratios."""
    deploy(root, env, "production", "--fast", "auto")  # records its base image
    fast, full = [], []
    for number in range(repeat):
        change(root)
        fast.append(deploy(root, env, "production", "--fast", "require"))
        full.append(deploy(root, env, "development", "--build-arg", f"BUILD={number}"))
    for name, rows in (("fast deploy", fast), ("full deploy", full)):
        print(f"{name:12} wall {min(rows)[0]:6.2f} s   peak {max(row[1] for row in rows):5.1f} MiB")
    seconds, whole = min(fast)[0], min(full)[0]
    print(f"a fast deploy takes {seconds:.2f} s, at most {MOST_SECONDS}")
    print(f"and {seconds / whole:.3f} of a full deploy, at most {MOST_RATIO}")
    print(f"its peak of memory is {max(row[1] for row in fast):.1f} MiB, at most {MOST_MIB:.0f}")


if __name__ == "__main__":
    main()
