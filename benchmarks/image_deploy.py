"""How long a full deploy of a small image takes, against `docker build -q` and `docker push`.

Both build the same project, of which one file changes before every run, on the engine of this
machine, and push to the registry of a sandbox on loopback: the deploy plans, packs the DAGs,
checks the image, uploads and finalizes as well. Nothing waits for a rollout, and no DAG file is
loaded. All is measured in turn in the same run, and the best of each is compared, since whatever
else the machine does only adds; the CPU of the engine itself counts for none.

Two rows more tell what no deploy can do without: the build with its log (with `--quiet` docker does
not wait for BuildKit's last words), and Python with the HTTP library.

Usage: python benchmarks/image_deploy.py [--repeat N]
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import sys
import tempfile
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from common import DEPLOYMENT, SCRIPT, Cost, best, cost_of, deploy_once, environment, project

from astro_ci.image.engine import Engine, connect
from astro_ci.sandbox import Sandbox
from tests.e2e.images import runtime_image

MOST = 1.5
DEPLOY = [str(SCRIPT), "deploy", "--type", "image-and-dags", "--no-wait", "--no-parse"]
PLATFORM = "linux/amd64"


def change(root: Path) -> None:
    """Let the next build have something to do."""
    include = root / "include"
    include.mkdir(exist_ok=True)
    (include / "query.sql").write_text(f"select '{uuid.uuid4()}'\n")


def login(directory: Path, astro: Sandbox) -> dict[str, str]:
    """The environment of a docker command that may push to the sandbox."""
    directory.mkdir()
    pair = base64.b64encode(f"cli:{astro.token}".encode()).decode()
    (directory / "config.json").write_text(json.dumps({"auths": {astro.registry: {"auth": pair}}}))
    return {**os.environ, "DOCKER_CONFIG": str(directory), "DOCKER_BUILDKIT": "1"}


def builder_of(env: dict[str, str]) -> list[str]:
    """The docker command that the deploy builds with."""
    from astro_ci.image.building.builder import find_builder

    found = find_builder(env)
    return list(found.arguments) if found else ["docker", "build"]


def measure(root: Path, astro: Sandbox, engine: Engine, scratch: Path, repeat: int) -> None:
    """Print the table and the ratio."""
    docker = login(scratch / "docker", astro)
    builder = builder_of(docker)
    deployment = next(one for one in astro.deployments if one["name"] == DEPLOYMENT)
    repository = f"{astro.registry}/{astro.organization_id}/{deployment['id']}"
    made = [f"{repository}:benchmark-{uuid.uuid4().hex[:12]}" for _ in range(2 * repeat + 2)]
    tags = iter(made)

    def by_hand(*how: str) -> Cost:
        change(root)
        tag = next(tags)
        command = [*builder, *how, "--platform", PLATFORM, "--tag", tag, "."]
        built = cost_of(command, root, docker)
        pushed = cost_of([builder[0], "push", "--quiet", tag], root, docker)
        return Cost(cpu=built.cpu + pushed.cpu, wall=built.wall + pushed.wall)

    def deploy() -> Cost:
        change(root)
        return cost_of(DEPLOY, root, environment(astro))

    def python() -> Cost:
        return cost_of([sys.executable, "-c", "import requests"], root, environment(astro))

    rows: dict[str, Callable[[], Cost]] = {
        "build and push": lambda: by_hand("--quiet"),
        "the same with its log": lambda: by_hand("--progress", "plain"),
        "Python with requests": python,
        "full deploy": deploy,
    }
    try:
        costs = best(repeat, rows)
    finally:
        for tag in made:
            engine.remove_image(tag)
    for name, cost in costs.items():
        print(f"{name:22} wall {cost.wall * 1000:6.0f} ms   CPU {cost.cpu * 1000:6.0f} ms")
    ratio = costs["full deploy"].wall / costs["build and push"].wall
    print(f"a full deploy takes {ratio:.2f} of building and pushing alone, at most {MOST}")


def main() -> None:
    """Make the project and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeat", type=int, default=9)
    repeat = parser.parse_args().repeat
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="astro-ci-image-")))
        engine = connect(os.environ)
        stack.callback(engine.close)
        astro = stack.enter_context(Sandbox(rollout_seconds=0))
        deploy_once(astro)
        root = project(scratch, stack.enter_context(runtime_image(engine)))
        print(
            f"{repeat} runs, Docker Engine {engine.version}, Python {sys.version.split()[0]}, "
            f"{os.cpu_count()} CPUs"
        )
        measure(root, astro, engine, scratch, repeat)


if __name__ == "__main__":
    main()
