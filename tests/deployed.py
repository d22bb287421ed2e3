"""A Deployment of the sandbox that runs a project already, without an image having been built."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

from astro_ci.bundle import list_members, write_bundle
from astro_ci.configuration.config import Config
from astro_ci.model import DeployGit
from astro_ci.planning.marker import describe
from astro_ci.sandbox import Sandbox
from astro_ci.survey.survey import survey
from tests.integration.sandbox.support import Client, push, upload
from tests.repository import Repository

DEPLOYMENT = "production"
RUNTIME = "3.1-2"


def deploy_first(
    astro: Sandbox, repository: Repository, env: Mapping[str, str], *, title: str = "first"
) -> None:
    """Deploy the image and the DAGs of a clean checkout as `astro-ci deploy` does.

    The image is a stand-in that holds nothing of the project. Returns when all of it is live.
    """
    config = Config(project=repository.root, deployment_name=DEPLOYMENT)
    seen = survey(config, env, needs_credentials=True)
    git = DeployGit(
        provider="GITHUB",
        account="ada",
        repo="analytics",
        branch="main",
        commit_sha=repository.head,
    )
    text = describe(title, seen.differences.digests, git)
    client = Client(astro, None)
    deploy = client.create("IMAGE_AND_DAG", description=text, git=msgspec.to_builtins(git))
    push(astro, deploy, RUNTIME, b"layer" * 2000)
    client.finalize(deploy, dagTarballVersion=upload(deploy, _bundle(repository)))
    client.close()
    while astro.deployment(DEPLOYMENT).status != "HEALTHY":
        time.sleep(0.05)


def _bundle(repository: Repository) -> bytes:
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "bundle.tar.gz"
        write_bundle(list_members(repository.root / "dags"), path, mtime=0)
        return path.read_bytes()
