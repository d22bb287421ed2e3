"""`deployment history`, and what a deploy says that it brought."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest

from astro_ci.sandbox import Sandbox
from astro_ci.sandbox.store.state import DeployRecord
from tests.integration.sandbox.support import Client
from tests.integration.stage import Run, Stage


@pytest.fixture
def api(astro: Sandbox) -> Iterator[Client]:
    client = Client(astro, None)
    yield client
    client.close()


def history(world: Stage, *words: str) -> Run:
    done = world.command("deployment", "history", *words)
    assert done.code == 0, done.err
    return done


def add_deploys(astro: Sandbox, count: int) -> None:
    """Give a Deployment a long past, faster than by so many deploys."""
    platform, identity = astro._platform, astro.deployment("production").id
    now = time.time()
    with platform.transaction():
        platform.state.deploys += [
            DeployRecord(
                id=f"cld{number:020d}",
                deployment_id=identity,
                type="DAG_ONLY",
                created_at=now - count + number,
                updated_at=now - count + number,
                created_by=platform.state.user_id,
                status="DEPLOYED",
                is_dag_deploy_enabled=True,
                dag_tarball_version=f"v{number}",
                description=f"deploy {number}",
            )
            for number in range(count)
        ]


class TestHistory:
    def test_what_each_deploy_was(self, world: Stage, api: Client) -> None:
        world.project.git("remote", "add", "origin", "git@github.com:acme/airflow.git")
        api.deploy_image()
        ours = world.deploy(description="the first DAGs")
        world.astro.fail_next_deploy("production")
        world.project.write({"dags/a.py": "a = 2\n"})
        world.project.commit("two")
        with pytest.raises(Exception, match="failed"):
            world.deploy()
        document = history(world, "--json").document
        failed, dags, image = document["deploys"]
        assert document["deployment"]["name"] == "production"
        assert document["more"] is False
        assert (failed["status"], failed["live"]) == ("FAILED", [])
        assert dags["id"] == ours.deploy_id
        assert (dags["type"], dags["status"], dags["live"]) == ("DAG_ONLY", "DEPLOYED", ["dags"])
        assert dags["description"] == "the first DAGs", "without our marker"
        commit = world.project.git("rev-parse", "HEAD~1")
        assert dags["commit"] == commit
        assert dags["commit_url"] == f"https://github.com/acme/airflow/commit/{commit}"
        assert dags["by"] != ""
        assert (image["type"], image["live"], image["commit"]) == ("IMAGE_ONLY", ["image"], "")

    def test_a_rollback(self, world: Stage, api: Client) -> None:
        first = world.deploy()
        world.project.write({"dags/a.py": "a = 2\n"})
        world.project.commit("two")
        world.deploy()
        back = api.path("production", f"/deploys/{first.deploy_id}/rollback")
        api.call("POST", back, json={"description": "back"})
        newest, _, oldest = history(world, "--json").document["deploys"]
        assert (newest["rollback_from"], newest["live"]) == (first.deploy_id, ["dags"])
        assert oldest["live"] == []
        assert f"rollback to {first.deploy_id}" in history(world).out

    def test_text(self, world: Stage) -> None:
        world.deploy(description="for people")
        heading, row = history(world).out.splitlines()
        assert heading.split()[:4] == ["WHEN", "TYPE", "STATUS", "LIVE"]
        assert " UTC  DAGs  DEPLOYED  DAGs  " in row
        assert "  for people  " in row
        assert "astro-ci dags=" not in row

    def test_nothing_yet(self, world: Stage) -> None:
        assert history(world).out == "Nothing has been deployed to production yet.\n"

    def test_asleep(self, world: Stage) -> None:
        world.deploy()
        world.astro.hibernate("production")
        done = history(world)
        assert "The Deployment hibernates: nothing is live until it wakes up." in done.out
        assert history(world, "--json").document["deploys"][0]["live"] == []

    def test_five_thousand_deploys_are_read_as_far_as_they_are_shown(self, world: Stage) -> None:
        add_deploys(world.astro, 5000)
        world.astro.requests.clear()
        document = history(world, "--json", "--limit", "5").document
        assert [one["description"] for one in document["deploys"]] == [
            f"deploy {number}" for number in range(4999, 4994, -1)
        ]
        assert document["more"] is True
        pages = [line for line in world.astro.requests if line.path.endswith("/deploys")]
        assert len(pages) == 1
        shown = history(world, "--limit", "5").out
        assert "There are older deploys; show more with --limit." in shown

    def test_all_of_five_thousand_deploys(self, world: Stage) -> None:
        add_deploys(world.astro, 5000)
        document = history(world, "--json", "--limit", "9000").document
        assert len({one["id"] for one in document["deploys"]}) == 5000
        assert document["more"] is False

    def test_what_is_live_may_be_further_back(self, world: Stage, api: Client) -> None:
        api.deploy_image()
        world.deploy()
        world.deploy(redeploy=True)
        shown = history(world, "--limit", "2").out
        assert "What is live of image came with an older deploy; show more with --limit." in shown

    @pytest.mark.parametrize("limit", ["0", "-1", "many"])
    def test_a_limit_that_is_none(self, world: Stage, limit: str) -> None:
        done = world.command("deployment", "history", "--limit", limit)
        assert done.code == 2
        assert "--limit" in done.err


class TestAfterADeploy:
    def test_what_it_brought_and_where_to_see_it(self, world: Stage) -> None:
        world.project.git("remote", "add", "origin", "git@gitlab.acme.com:data/airflow.git")
        done = world.command("deploy", "--type", "dags")
        assert done.code == 0, done.err
        version = world.astro.deployment("production").dag_tarball_version
        head = world.project.head
        assert f"Bundle version  {version}\n" in done.out
        link = f"https://gitlab.acme.com/data/airflow/-/commit/{head}"
        assert f"Commit          {head[:7]} " in done.out
        assert link in done.out

    def test_uncommitted_changes_have_no_link(self, world: Stage) -> None:
        world.project.write({"dags/a.py": "a = 3\n"})
        done = world.command("deploy", "--type", "dags")
        assert done.code == 0, done.err
        assert re.search(
            rf"Commit +{world.project.head[:7]} .*with uncommitted changes \(1 file\)\n", done.out
        )
        assert "/-/commit/" not in done.out

    def test_a_deployment_that_hibernates_is_never_called_live(self, world: Stage) -> None:
        world.astro.hibernate("production")
        done = world.command("deploy", "--type", "dags", "--json")
        (deploy,) = world.astro.deploys("production")
        assert done.code == 8, done.err
        assert (
            f"error: deploy {deploy.id} was accepted, but is not live: the Deployment is "
            "hibernating" in done.err
        )
        assert "hint: Wake the Deployment up in Astro." in done.err
        assert done.document["outcome"] == "failed"
        assert done.document["deploy_id"] == deploy.id
        assert deploy.status == "DEPLOYED"

    def test_without_waiting_it_is_accepted(self, world: Stage) -> None:
        world.astro.hibernate("production")
        done = world.command("deploy", "--type", "dags", "--no-wait")
        assert done.code == 0, done.err
        assert "not waiting until the deploy is live" in done.err
