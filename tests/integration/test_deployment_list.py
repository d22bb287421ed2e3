"""`deployment list` and `deployment inspect`, against the sandbox."""

from __future__ import annotations

import pytest

from tests.integration.sandbox.support import Client
from tests.integration.stage import Run, Stage


def run(world: Stage, *words: str, **env: str) -> Run:
    """Run `deployment ...` with no Deployment in the environment."""
    given = {k: v for k, v in world.env.items() if k != "ASTRO_CI_DEPLOYMENT_NAME"}
    return world.command("deployment", *words, env={**given, **env})


def identity(world: Stage, name: str) -> str:
    return world.astro.deployment(name).id


def deploy_image(world: Stage) -> None:
    """Deploy an image alone, with another client."""
    api = Client(world.astro, None)
    api.deploy_image()
    api.close()


class TestList:
    def test_every_deployment_and_what_it_runs(self, world: Stage) -> None:
        deploy_image(world)
        result = world.deploy()
        done = run(world, "list", "--json")
        assert done.code == 0, done.err
        found = {one["name"]: one for one in done.document["deployments"]}
        assert list(found) == ["classic", "development", "production"]
        production = found["production"]
        assert production["id"] == identity(world, "production")
        assert production["status"] == "HEALTHY"
        assert production["bundle_version"] == result.bundle_version
        assert production["dags_commit"] == world.project.head
        assert production["dags_deploy_id"] == result.deploy_id
        assert production["image_tag"] == world.astro.deployment("production").image_tag != ""
        assert production["image_commit"] == "", "the other client names no commit"
        assert found["classic"]["dag_deploy_enabled"] is False
        assert found["development"]["bundle_version"] == ""

    def test_a_table_with_a_line_for_each(self, world: Stage) -> None:
        result = world.deploy()
        done = run(world, "list")
        assert done.code == 0, done.err
        heading, *rows = done.out.splitlines()
        assert heading.split() == ["NAME", "ID", "STATUS", "DAG-ONLY", "IMAGE", "COMMIT", "BUNDLE"]
        (row,) = [row for row in rows if row.startswith("production ")]
        assert row.endswith(f"image -, DAGs {world.project.head[:7]}  {result.bundle_version}")
        (row,) = [row for row in rows if row.startswith("classic ")]
        assert row.split()[2:] == ["HEALTHY", "disabled", "-", "-", "-"]

    def test_a_token_of_one_deployment_lists_it_alone(self, world: Stage) -> None:
        token = world.astro.new_token(deployment="classic")
        done = run(world, "list", "--json", ASTRO_API_TOKEN=token)
        assert [one["name"] for one in done.document["deployments"]] == ["classic"]

    def test_an_empty_workspace(self, world: Stage) -> None:
        done = run(world, "list", "--workspace-id", "clx0other0workspace0id0")
        assert (done.code, done.out) == (0, "The credentials can see no Deployment.\n")

    def test_without_credentials(self, world: Stage) -> None:
        done = run(world, "list", ASTRO_API_TOKEN="")
        assert done.code == 9
        assert "no credentials were found" in done.err


class TestInspect:
    def test_by_name_and_by_id(self, world: Stage) -> None:
        by_name = run(world, "inspect", "production", "--json").document
        by_id = run(world, "inspect", identity(world, "production"), "--json").document
        assert by_name == by_id
        assert by_name["name"] == "production"
        assert by_name["schema"] == 1

    def test_text(self, world: Stage) -> None:
        world.deploy()
        lines = run(world, "inspect", "production").out.splitlines()
        facts = dict(line.split(":", 1) for line in lines)
        assert facts["Deployment"].strip() == "production"
        assert facts["DAG-only deploys"].strip() == "enabled"
        assert facts["DAGs commit"].strip() == world.project.head
        assert facts["Image tag"].strip() == "-"

    @pytest.mark.parametrize(
        ("key", "value"),
        [("dag_deploy_enabled", "true"), ("name", "production"), ("image_commit", "")],
    )
    def test_one_value(self, world: Stage, key: str, value: str) -> None:
        done = run(world, "inspect", "production", "--key", key)
        assert (done.code, done.out, done.err) == (0, f"{value}\n", "")

    def test_the_tag_for_a_script(self, world: Stage) -> None:
        deploy_image(world)
        done = run(world, "inspect", "production", "--key", "image_tag")
        assert done.out == f"{world.astro.deployment('production').image_tag}\n"

    def test_an_unknown_key(self, world: Stage) -> None:
        done = run(world, "inspect", "production", "--key", "tag")
        assert (done.code, done.out) == (2, "")
        assert "error: --key tag is not a key of a Deployment" in done.err
        assert "hint: Use one of: schema, id, name" in done.err
        assert "image_tag" in done.err

    def test_an_unknown_name(self, world: Stage) -> None:
        done = run(world, "inspect", "staging")
        assert done.code == 2
        assert "no Deployment is named 'staging'" in done.err
        assert "classic, development, production" in done.err

    def test_none_named_lists_them(self, world: Stage) -> None:
        done = run(world, "inspect")
        assert done.code == 2
        assert "no Deployment is named, and the credentials can see 3" in done.err
        assert f"production ({identity(world, 'production')})" in done.err

    def test_the_one_of_the_configuration_file(self, world: Stage) -> None:
        world.project.write({"astro-ci.yaml": "deployments: {classic: {branches: main}}\n"})
        assert run(world, "inspect", "--key", "name").out == "classic\n"
        done = run(world, "inspect", "--key", "name", ASTRO_CI_BRANCH="other")
        assert done.code == 2
        assert "hint: Name one Deployment, by its id or its name." in done.err

    def test_after_a_rollback_the_commit_of_the_older_deploy(self, world: Stage) -> None:
        first, commit = world.deploy(), world.project.head
        world.project.write({"dags/a.py": "a = 2\n"})
        world.project.commit("two")
        world.deploy()
        api = Client(world.astro, None)
        back = api.path("production", f"/deploys/{first.deploy_id}/rollback")
        api.call("POST", back, json={"description": "back"})
        api.close()
        found = run(world, "inspect", "production", "--json").document
        assert (found["dags_commit"], found["dags_deploy_id"]) == (commit, first.deploy_id)


class TestTokenOfAnotherDeployment:
    """The token's own Deployment is named, as doctor does."""

    @pytest.mark.parametrize("by", ["id", "name"])
    def test_it_is_named(self, world: Stage, by: str) -> None:
        token = world.astro.new_token(deployment="classic")
        wanted = identity(world, "production") if by == "id" else "production"
        for words in (("plan", f"--deployment-{by}", wanted), ("deployment", "inspect", wanted)):
            env = {"ASTRO_API_URL": world.astro.api_url, "ASTRO_API_TOKEN": token}
            done = world.command(*words, env=env)
            owner = f"classic ({identity(world, 'classic')})"
            assert done.code == (5 if words[0] == "plan" and by == "id" else 2), done.err
            assert f"hint: The token belongs to Deployment {owner} and sees no other." in done.err
