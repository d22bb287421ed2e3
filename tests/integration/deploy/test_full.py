"""Full deploys in a verbose job: what is said, hidden, and left on the engine.

What is in the images is for the end-to-end tests to say.
"""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from astro_ci.image.engine import Engine
from astro_ci.sandbox import Sandbox
from tests.e2e.images import read_image_files
from tests.integration.deploy.support import DEAD_ENGINE, Held, Job, slow_clock

pytestmark = pytest.mark.docker

HOME = "usr/local/airflow/"


def keys(job: Job) -> dict[str, str]:
    """The environment of a job that has a Deployment API key."""
    return {
        "ASTRO_API_URL": job.astro.api_url,
        "ASTRONOMER_KEY_ID": job.astro.key_id,
        "ASTRONOMER_KEY_SECRET": job.astro.key_secret,
        "ASTRO_CI_PARSE": "false",  # the stand-in for Astro Runtime has no Airflow
    }


def leftovers(engine: Engine, job: Job) -> list[str]:
    """Names on the engine that a deploy of this job gave."""
    ids = [str(one["id"]) for one in job.astro.deployments]
    names = [tag for image in engine.client.api.images() for tag in image["RepoTags"] or ()]
    return [name for name in names if any(id_ in name for id_ in ids)]


def pulled(engine: Engine, job: Job, name: str) -> dict[str, bytes]:
    """Pull what a Deployment runs as anybody would, and read the project in it."""
    runs = job.astro.deployment(name)
    auth = {"username": "cli", "password": job.astro.token}
    engine.client.images.pull(runs.image_repository, tag=runs.image_tag, auth_config=auth)
    reference = f"{runs.image_repository}:{runs.image_tag}"
    try:
        files = read_image_files(engine, reference)
    finally:
        engine.remove_image(reference)
    return {n.removeprefix(HOME): data for n, data in files.items() if n.startswith(HOME)}


@pytest.mark.parametrize(("name", "is_warned"), [("classic", True), ("production", False)])
def test_dags_where_airflow_does_not_look(full: Job, name: str, *, is_warned: bool) -> None:
    full.project.git("mv", "dags", "flows")
    full.project.commit()
    env = {**full.env, "ASTRO_CI_DEPLOYMENT_NAME": name}
    run = full.command("deploy", "--dags-path", "flows", env=env)
    assert run.code == 0, run.err
    assert ("the files of flows there, these DAGs will not run" in run.err) is is_warned


@pytest.mark.parametrize("github", ["", "true"], ids=["elsewhere", "github"])
def test_with_a_key_and_no_deployment_named(full: Job, engine: Engine, github: str) -> None:
    checkout = full.checkout()
    run = full.command("deploy", "--json", env={**keys(full), "GITHUB_ACTIONS": github})
    assert run.code == 0, run.err
    runs = full.astro.deployment("production")
    found = run.document
    assert (found["outcome"], found["deploy_type"]) == ("deployed", "image-and-dags")
    assert (found["image_tag"], found["bundle_version"]) == (
        runs.image_tag,
        runs.dag_tarball_version,
    )
    full.assert_runs_the_checkout()
    assert not any(name.startswith("dags/") for name in pulled(engine, full, "production"))
    assert full.checkout() == checkout
    assert leftovers(engine, full) == []
    heading = "::group::Build the image with " if github else "Build the image with "
    (line,) = [line for line in run.err.splitlines() if "Build the image" in line]
    assert line.startswith(heading)
    assert "of the Docker Engine" in line


def test_classic_deployments_have_the_dags_in_the_image(full: Job, engine: Engine) -> None:
    env = {**full.env, "ASTRO_CI_DEPLOYMENT_NAME": "classic"}
    run = full.command("deploy", "--json", env=env)
    assert run.code == 0, run.err
    assert "will not run" not in run.err
    assert (run.document["deploy_type"], run.document["bundle_version"]) == ("image-and-dags", "")
    files = pulled(engine, full, "classic")
    assert {n: d for n, d in files.items() if n.startswith("dags/")} == full.checked_out_dags()
    assert full.command("deploy", env=env).out.startswith("skipped: ")
    full.project.write({"dags/a.py": "a = 2\n"})
    assert full.command("deploy", "--json", env=env).document["deploy_type"] == "image-and-dags"
    assert pulled(engine, full, "classic")["dags/a.py"] == b"a = 2\n"


def test_a_key_whose_token_runs_out_during_the_build(
    tmp_path: Path, base: str, engine: Engine
) -> None:
    with Sandbox(rollout_seconds=0, token_lifetime_seconds=4, now=slow_clock) as astro:
        job = Job.prepare(tmp_path, astro)
        job.project.write({"Dockerfile": f"FROM {base}\nRUN sleep 3\n"})
        run = job.command("deploy", env=keys(job))
        assert run.code == 0, run.err
        assert sum(line.path == "/oauth/token" for line in astro.requests) > 1
        assert leftovers(engine, job) == []


def test_a_build_speaks_to_people_and_not_to_the_runner(full: Job) -> None:
    dockerfile = full.project.root / "Dockerfile"
    command = 'RUN echo "::error::from the build" && echo "##[error]too" && false\n'
    dockerfile.write_text(dockerfile.read_text() + command)
    env = {**full.env, "GITHUB_ACTIONS": "true"}
    before, checkout = full.running(), full.checkout()
    run = full.command("deploy", "--json", env=env)
    assert run.code == 4
    message = run.document["error"]["message"]
    assert "the image was not built" in message
    assert "::error::from the build" in message, "what the step that failed said"
    commands = [line for line in run.err.splitlines() if line.startswith("::error")]
    assert len(commands) == 1, "ours, not the build's"
    assert "##[" not in run.err.replace(commands[0], "")
    assert (full.running(), full.checkout()) == (before, checkout)
    assert full.astro.deploys("production") == []


@pytest.mark.parametrize(
    ("path", "status"), [("^/v2/.*/uploads/", 403), ("^/v2/.*/manifests/deploy", 403)]
)
def test_a_push_that_is_refused(full: Job, engine: Engine, path: str, status: int) -> None:
    full.astro.faults.add("*", path, status=status, times=None)
    run = full.refused(
        4, "the registry localhost:[0-9]+ refused the push .*left unfinished", "token"
    )
    (deploy,) = full.astro.deploys("production")
    assert f"deploy {deploy.id} was left unfinished, and the Deployment is unchanged" in run.err
    assert leftovers(engine, full) == []


def test_a_cancelled_push_of_an_image(full: Job, engine: Engine) -> None:
    before, checkout = full.running(), full.checkout()
    held = Held(full.astro, "POST", "^/v2/.*/uploads/", times=None)
    process = full.start("deploy", "--json")
    held.wait()
    process.signal(signal.SIGTERM)
    run = full.finish(process)  # the push is not waited for: GitHub kills a job after ten seconds
    held.let_go()
    assert run.code == 143
    (deploy,) = full.astro.deploys("production")
    assert run.document["deploy_id"] == deploy.id
    assert f"deploy {deploy.id} was left unfinished" in run.err
    assert (full.running(), full.checkout()) == (before, checkout)
    full.astro.faults.clear()
    assert leftovers(engine, full) == []
    assert full.command("deploy").code == 0
    full.assert_runs_the_checkout()


def test_no_engine(full: Job) -> None:
    env = {**full.env, "DOCKER_HOST": DEAD_ENGINE}
    full.refused(4, f"no Docker Engine answers at {DEAD_ENGINE}", "Start Docker", env=env)
    assert full.astro.deploys("production") == []
    assert full.command("deploy", "--dags", env=env).code == 0, "which needs none"
