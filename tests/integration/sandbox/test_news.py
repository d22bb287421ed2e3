"""What `astro-ci sandbox` tells while it runs: a line for each step of each deploy."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

from astro_ci.sandbox import Sandbox
from tests.integration.sandbox.support import Client, Clock, push, upload


def test_each_step_of_a_deploy_is_told_once(api: Client, astro: Sandbox, clock: Clock) -> None:
    assert astro.news() == []
    git = {"provider": "GENERIC", "remoteUrl": "x", "commitSha": "a" * 40, "branch": "main"}
    deploy = api.create(
        "IMAGE_AND_DAG", description="Add orders\nand more astro-ci dags=11 image=22", git=git
    )
    begun = f"production: deploy {deploy['id']}"
    assert astro.news() == [
        rf"{begun} created: image and DAGs, commit aaaaaaa of main, Add orders\nand more"
    ]
    push(astro, deploy)
    version = upload(deploy, b"dags")
    assert astro.news() == []
    api.finalize(deploy, dagTarballVersion=version)
    assert astro.news() == [f"{begun} finalized: image {deploy['imageTag']} and bundle {version}"]
    clock.advance(61)
    assert astro.news() == [f"{begun} is live"]
    assert astro.news() == []


def test_trouble_is_told(api: Client, astro: Sandbox, clock: Clock) -> None:
    astro.fail_next_deploy("production")
    failed = api.deploy_dags(b"1")
    assert astro.news()[1:] == [f"production: deploy {failed['id']} failed"]
    astro.fail_next_rollout("production")
    sick = api.deploy_dags(b"2")
    clock.advance(61)
    assert astro.news()[2:] == [
        f"production: deploy {sick['id']} is rolled out, and the Deployment is UNHEALTHY"
    ]


def test_rollbacks_and_bundles_are_told(api: Client, astro: Sandbox) -> None:
    first = api.deploy_dags(b"1")
    api.finalize(
        api.create("BUNDLE", bundleMountPath="/a", bundleType="dbt"), bundleTarballVersion=""
    )
    path = api.path("production", f"/deploys/{first['id']}/rollback")
    back = api.call("POST", path, json={})
    lines = astro.news()
    assert lines[-1] == f"production: deploy {back['id']} rolls back to {first['id']}"
    assert lines[-2].endswith("finalized: nothing at /a")


def test_the_command_prints_a_line_per_step() -> None:
    command = [sys.executable, "-m", "astro_ci", "sandbox", "--port", "0", "--json"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [*command, "--rollout-seconds", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        assert process.stdout
        assert process.stderr
        info = json.loads(process.stdout.readline())
        client = Client(_Address(info), None, info["token"])  # type: ignore[arg-type]
        done = client.deploy_dags(b"dags")
        lines = [process.stderr.readline() for _ in range(3)]
        client.close()
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
    assert [line.split(f"{done['id']} ")[1].split()[0].rstrip(":") for line in lines] == [
        "created",
        "finalized",
        "is",
    ]
    assert rest == ""


class _Address:
    """A sandbox in another process."""

    def __init__(self, info: dict[str, str]) -> None:
        self.api_url = info["api_url"]
        self.organization_id = info["organization_id"]
        self.deployments = info["deployments"]
