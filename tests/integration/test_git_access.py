"""A shallow clone of a private repository that kept no credentials: the token brings the base."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from astro_ci.sandbox import Sandbox
from tests.integration.git_server import GitServer, serve_git
from tests.integration.stage import FILES, Stage
from tests.repository import Repository

TOKEN = "ghs_forgetoken"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with serve_git(tmp_path / "served", TOKEN) as server:
        yield server


@pytest.fixture
def stage(tmp_path: Path, server: GitServer) -> Iterator[Stage]:
    """A depth-1 clone; what runs is an older commit, which only the server has."""
    origin = Repository.create(server.root / "acme/airflow", FILES)
    with Sandbox(rollout_seconds=0.05) as astro:
        url = f"{server.url}/acme/airflow"
        origin.git("remote", "add", "origin", url)
        before = Stage(astro, origin)
        assert before.command("deploy", "--dags").code == 0
        origin.write({"dags/new.py": "new = 1\n"})
        origin.commit()
        clone = Repository(tmp_path / "clone")
        origin.git("clone", "--quiet", "--depth=1", origin.root.as_uri(), str(clone.root))
        clone.git("remote", "set-url", "origin", url)
        yield replace(before, project=clone)


def job(server: GitServer, **more: str) -> dict[str, str]:
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_SERVER_URL": server.url,
        "GITHUB_REPOSITORY": "acme/airflow",
        "ASTRO_CI_FORGE_TOKEN": TOKEN,
        **more,
    }


def base_of(stage: Stage, env: dict[str, str]) -> object:
    run = stage.command("plan", "--json", "--dags", env={**stage.env, **env})
    assert run.code == 0, run.err
    assert TOKEN not in run.out + run.err
    return run.document["base"]["dags"]


def test_the_commit_that_runs_is_fetched(stage: Stage, server: GitServer) -> None:
    (deploy,) = stage.astro.deploys("production")
    assert deploy.git
    assert base_of(stage, job(server)) == deploy.git.commit_sha
    assert stage.project.git("rev-list", "--all", "--count") == "1"
    assert TOKEN not in (stage.project.root / ".git/config").read_text()


def test_beside_what_the_checkout_left(stage: Stage, server: GitServer) -> None:
    """Two headers would be refused, so ours replaces the one that is configured."""
    key = f"http.{server.url}/.extraheader"
    stage.project.git("config", key, "AUTHORIZATION: basic c3RhbGU6c3RhbGU=")
    mine = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "a.b", "GIT_CONFIG_VALUE_0": "c"}
    assert base_of(stage, job(server, **mine))
    assert all(len(headers) < 2 for headers in server.given)


def test_a_header_for_another_host_is_none_for_this_one(stage: Stage, server: GitServer) -> None:
    stage.project.git("config", "http.https://packages.example/.extraheader", "X-Key: y")
    assert base_of(stage, job(server))
    assert all(server.given), "asked without credentials"


@pytest.mark.parametrize(
    "spoiled",
    [
        {"ASTRO_CI_FORGE_TOKEN": ""},
        {"ASTRO_CI_FORGE_TOKEN": "ghs_expired"},
        {"GITHUB_SERVER_URL": "https://github.com"},
        {"GITHUB_SERVER_URL": ""},
        {"GITHUB_ACTIONS": ""},
    ],
)
def test_without_it_the_plan_is_a_full_deploy_with_a_remedy(
    stage: Stage, server: GitServer, spoiled: dict[str, str]
) -> None:
    env = {**stage.env, **job(server), **spoiled}
    run = stage.command("plan", "--json", env=env)
    assert run.code == 0, run.err
    assert run.document["base"]["dags"] is None
    (note,) = run.document["assumptions"]
    assert "is older than the checked-out one: it is not in this clone" in note
    assert all(not headers or "Z2hzX2Zvcm" not in headers[0] for headers in server.given)


def test_no_other_host_gets_the_token(stage: Stage, server: GitServer, tmp_path: Path) -> None:
    with serve_git(tmp_path / "served", TOKEN) as other:
        stage.project.git("remote", "set-url", "origin", f"{other.url}/acme/airflow")
        run = stage.command("plan", "--json", env={**os.environ, **stage.env, **job(server)})
        assert run.code == 0
        assert other.given
        assert all(headers == [] for headers in other.given)
