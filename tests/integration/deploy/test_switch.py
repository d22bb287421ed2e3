"""`deployment update --dag-deploy ... --deploy`: the switch and its deploy in one run."""

from __future__ import annotations

import pytest

from tests.integration.deploy.support import Job


@pytest.mark.parametrize(("name", "verb"), [("classic", "enable"), ("production", "disable")])
def test_the_deploy_that_has_to_follow(full: Job, name: str, verb: str) -> None:
    env = {**full.env, "ASTRO_CI_DEPLOYMENT_NAME": name}
    done = full.command("deployment", "update", "--dag-deploy", verb, "--deploy", "--json", env=env)
    assert done.code == 0, done.err
    after = full.astro.deployment(name)
    assert after.is_dag_deploy_enabled is (verb == "enable")
    document = done.document
    assert (document["outcome"], document["next"]) == ("updated", "")
    assert document["deploy"]["outcome"] == "deployed"
    assert document["deploy"]["deploy_type"] == "image-and-dags"
    assert after.image_tag == document["deploy"]["image_tag"] != ""
    assert bool(after.dag_tarball_version) is (verb == "enable")


def test_a_deploy_that_fails_says_that_the_switch_is_made(full: Job) -> None:
    full.project.write({"Dockerfile": "FROM scratch\nRUN nothing\n"})
    full.project.commit("an image that cannot be built")
    env = {**full.env, "ASTRO_CI_DEPLOYMENT_NAME": "classic"}
    done = full.command("deployment", "update", "--dag-deploy", "enable", "--deploy", env=env)
    assert done.code == 4, done.err
    identity = full.astro.deployment("classic").id
    assert (
        "; the switch is made, so deploy as soon as this is mended, with "
        f"astro-ci deploy --deployment-id {identity} --type image-and-dags" in done.err
    )
    assert full.astro.deployment("classic").is_dag_deploy_enabled


def test_the_deploy_takes_the_options_of_the_file(full: Job) -> None:
    """The entry is found by its id, whatever branch is checked out."""
    identity = full.astro.deployment("classic").id
    text = f"deployments: {{main: {{id: {identity}, branches: [other], description: by file}}}}\n"
    full.project.write({"astro-ci.yaml": text})
    full.project.commit("options")
    env = {k: v for k, v in full.env.items() if k != "ASTRO_CI_DEPLOYMENT_NAME"}
    words = ("classic", "--dag-deploy", "enable", "--deploy")
    done = full.command("deployment", "update", *words, env=env)
    assert done.code == 0, done.err
    (deploy,) = full.astro.deploys("classic")
    assert deploy.description.startswith("by file astro-ci ")
