"""What the benchmarks share: a clock for process trees, a sandbox with a history, a project."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from astro_ci.sandbox import Sandbox
from tests.integration.sandbox.support import Client

SCRIPT = Path(sys.executable).with_name("astro-ci")
DEPLOYMENT = "production"
RUNTIME = "quay.io/astronomer/astro-runtime:13.1.0"
_LEFT_OUT = ("GIT_", "PYTHONDONTWRITEBYTECODE")  # the bytecode of packages is there where users are


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a command and all that it started took, in seconds."""

    cpu: float
    wall: float


def cost_of(command: list[str], cwd: Path, env: Mapping[str, str]) -> Cost:
    """Run a command, which has to succeed."""
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
    return Cost(cpu=usage.ru_utime + usage.ru_stime, wall=wall)


def best(repeat: int, rows: dict[str, Callable[[], Cost]]) -> dict[str, Cost]:
    """The best of several rounds. Each round runs every row: what disturbs one disturbs all."""
    costs: dict[str, list[Cost]] = {name: [] for name in rows}
    for number in range(repeat + 1):
        for name, run in rows.items():
            cost = run()
            if number:  # the first round only warms up
                costs[name].append(cost)
    return {
        name: Cost(cpu=min(c.cpu for c in found), wall=min(c.wall for c in found))
        for name, found in costs.items()
    }


def project(directory: Path, base_image: str = RUNTIME) -> Path:
    """A committed project with three DAGs, on an image that copies the rest."""
    root = directory / "project"
    root.mkdir()
    for name in ("packages.txt", "requirements.txt"):
        (root / name).touch()
    for name in ("a", "b", "c"):
        path = root / "dags" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"from airflow import DAG\n\nDAG('{name}')\n")
    (root / "Dockerfile").write_text(f"FROM {base_image}\n")
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    for words in (
        ("init", "--quiet"),
        ("remote", "add", "origin", "https://git.example.com/acme/airflow.git"),
        ("add", "."),
        (*identity, "commit", "--quiet", "--message", "first"),
    ):
        subprocess.run(["git", *words], cwd=root, check=True)
    return root


def deploy_once(astro: Sandbox) -> None:
    """Let the Deployment run an image and a bundle of its history, as most Deployments do."""
    client = Client(astro, None)
    client.deploy_image(DEPLOYMENT, dags=b"a bundle")
    client.close()


def plain_environment() -> dict[str, str]:
    """The environment without what steers git, or keeps bytecode from being written."""
    return {name: text for name, text in os.environ.items() if not name.startswith(_LEFT_OUT)}


def environment(astro: Sandbox, api_url: str = "") -> dict[str, str]:
    """What points a deploy at the sandbox."""
    named = next(str(one["id"]) for one in astro.deployments if one["name"] == DEPLOYMENT)
    return {
        **plain_environment(),
        "ASTRO_API_URL": api_url or astro.api_url,
        "ASTRO_API_TOKEN": astro.token,
        "ASTRO_DEPLOYMENT_ID": named,
    }
