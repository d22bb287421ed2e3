"""`--json`: one document on standard output, whatever happens, and the exit code with it."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from astro_ci.deploying.second_look import FRESH_SECONDS
from tests.integration.deploy.support import DEAD_ENGINE, Held, Job
from tests.integration.sandbox.support import Client

Keys = Mapping[str, Any]
TEXT, COMMIT = str, (str, type(None))
PLAN: Keys = {
    "schema": int,
    "deploy_type": {"none", "dags", "image-and-dags", "image"},
    "requested": {"auto", "dags", "image-and-dags", "image"},
    "reason": TEXT,
    "head": TEXT,
    "dirty": bool,
    "base": {"image": COMMIT, "dags": COMMIT, "source": {"deployed", "event", "ref", "none"}},
    "content": {side: {"same", "different", "unknown"} for side in ("image", "dags")},
    "changes": list,
    "deployment": {
        "id": TEXT,
        "name": TEXT,
        "dag_deploy_enabled": bool,
        "runtime_version": TEXT,
    },
    "assumptions": list,
    "image": type(None),
    "bundle_layout": {"prefixed", "root"},
    "fast": type(None),
    "running": {"image_tag": str, "bundle_version": str},
    "digests": {"image": TEXT, "dags": TEXT},
    "source": {"repository": str, "project": str},
    "version": TEXT,
    "uncommitted": list,
    "title": TEXT,
    "head_url": str,
    "checks": list,
    "findings": list,
}
RESULT: Keys = {
    "outcome": {"deployed", "skipped"},
    "deploy_id": TEXT,
    "image_tag": TEXT,
    "bundle_version": TEXT,
    "commit_url": TEXT,
    "replaced_by": TEXT,
    "overridden": list,
    "url": TEXT,
    "duration_seconds": float,
    "phases": dict,
}
CHANGE: Keys = {
    "path": TEXT,
    "status": {"A", "M", "D", "T", "U"},
    "affects": {"dags", "image", "nothing"},
    "because": TEXT,
}
FAILURE: Keys = {
    "schema": int,
    "outcome": {"failed"},
    "deploy_id": TEXT,
    "error": {"message": TEXT, "hint": TEXT, "exit_code": int},
}


def check(document: Any, keys: Keys) -> None:
    """Assert that a document has exactly these keys, and values of these kinds."""
    assert document.keys() == keys.keys()
    for key, kind in keys.items():
        if isinstance(kind, Mapping):
            check(document[key], kind)
        elif isinstance(kind, set):
            assert document[key] in kind, key
        else:
            assert isinstance(document[key], kind), key


def document(out: str) -> Any:
    """Read standard output: one line, one document, ASCII."""
    assert out.endswith("\n")
    assert len(out.splitlines()) == 1
    assert out.isascii()
    return json.loads(out)


def deployed(job: Job, *options: str) -> Any:
    """Run a deploy that succeeds; return its checked document."""
    run = job.command("deploy", *options, "--json")
    assert run.code == 0, run.err
    found = document(run.out)
    check(found, {**PLAN, **RESULT})
    assert found["schema"] == 1
    for change in found["changes"]:
        check(change, CHANGE)
    return found


def test_deployed(job: Job) -> None:
    found = deployed(job, "--dags")
    runs = job.astro.deployment("production")
    (deploy,) = job.astro.deploys("production")
    assert found["outcome"] == "deployed"
    assert (found["deploy_type"], found["requested"]) == ("dags", "dags")
    assert (found["deploy_id"], found["bundle_version"]) == (deploy.id, runs.dag_tarball_version)
    assert found["url"] == f"{job.astro.api_url}/{runs.workspace_id}/deployments/{runs.id}"
    assert 0 < found["duration_seconds"] < 60
    job.project.write({"dags/a.py": "a = 2\n"})
    found = deployed(job, "--dags")
    assert [(c["path"], c["status"]) for c in found["changes"]] == [("dags/a.py", "M")]


@pytest.mark.parametrize("options", [["--dags", "--skip-unchanged"], ["--dags", "--dry-run"]])
def test_skipped(job: Job, options: list[str]) -> None:
    deployed(job, "--dags")
    found = deployed(job, *options)
    assert found["outcome"] == "skipped"
    assert found["deploy_id"] == found["bundle_version"] == found["image_tag"] == ""
    assert len(job.astro.deploys("production")) == 1


def test_skipped_as_a_newer_commit_went_live_meanwhile(job: Job) -> None:
    """The deploy that was opened for nothing is named."""
    old = job.project.head
    job.project.write({"dags/a.py": "a = 2\n"})
    newer = job.project.commit()
    job.project.git("checkout", "--quiet", old)
    held = Held(job.astro, "PUT", "^/blobs/")
    process = job.start("deploy", "--dags", "--json")
    held.wait()  # else the other's upload might be the one that is held
    other = Client(job.astro, None)
    git = {"provider": "GENERIC", "remoteUrl": "https://git.example.com/acme/airflow"}
    other.deploy_dags(b"newer", git={**git, "commitSha": newer})
    other.close()
    time.sleep(3 * FRESH_SECONDS)  # so long a look at the Deployment counts
    held.let_go()
    run = job.finish(process)
    found = document(run.out)
    check(found, {**PLAN, **RESULT})
    assert (run.code, found["outcome"], found["deploy_type"]) == (0, "skipped", "none")
    assert "a newer commit is already running" in found["reason"]
    (ours,) = [d for d in job.astro.deploys("production") if d.status == "INITIALIZED"]
    assert found["deploy_id"] == ours.id
    assert f"deploy {ours.id} stays unfinished, and changes nothing" in run.err
    assert job.astro.bundle("production") == b"newer"


def no_credentials(job: Job, env: dict[str, str]) -> None:
    del env["ASTRO_API_TOKEN"]


def no_deployment(job: Job, env: dict[str, str]) -> None:
    env["ASTRO_CI_DEPLOYMENT_NAME"] = "nope"


def unknown_deployment(job: Job, env: dict[str, str]) -> None:
    del env["ASTRO_CI_DEPLOYMENT_NAME"]
    env["ASTRO_DEPLOYMENT_ID"] = "clnope"


def no_repository(job: Job, env: dict[str, str]) -> None:
    shutil.rmtree(job.project.root / ".git")


def no_git(job: Job, env: dict[str, str]) -> None:
    env["PATH"] = "/nonexistent"


def no_engine(job: Job, env: dict[str, str]) -> None:
    env["ASTRO_CI_TYPE"] = "image-and-dags"


def refused_create(job: Job, env: dict[str, str]) -> None:
    job.astro.faults.add("POST", "/deploys$", status=403)


def refused_upload(job: Job, env: dict[str, str]) -> None:
    job.astro.faults.add("PUT", "^/blobs/", status=403)


def refused_finalize(job: Job, env: dict[str, str]) -> None:
    job.astro.faults.add("POST", "/finalize$", status=400)


def revoked_token(job: Job, env: dict[str, str]) -> None:
    job.astro.faults.add("POST", "/finalize$", status=401)


def failed_deploy(job: Job, env: dict[str, str]) -> None:
    job.astro.fail_next_deploy("production")


def unhealthy(job: Job, env: dict[str, str]) -> None:
    job.astro.fail_next_rollout("production")
    env["ASTRO_CI_WAIT_TIME"] = "1"


def bad_boolean(job: Job, env: dict[str, str]) -> None:
    env["ASTRO_CI_FORCE"] = "maybe"


def bad_duration(job: Job, env: dict[str, str]) -> None:
    env["ASTRO_CI_WAIT_TIME"] = "soon"


@pytest.mark.parametrize(
    ("spoil", "code", "is_planned", "is_opened"),
    [
        (bad_boolean, 2, False, False),
        (bad_duration, 2, False, False),
        (no_deployment, 2, False, False),
        (no_repository, 3, False, False),
        (no_git, 4, False, False),
        (no_engine, 4, True, False),
        (unknown_deployment, 5, False, False),
        (refused_create, 5, True, False),
        (refused_upload, 5, True, True),
        (refused_finalize, 5, True, True),
        (failed_deploy, 7, True, True),
        (unhealthy, 7, True, True),
        (no_credentials, 9, False, False),
        (revoked_token, 9, True, True),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_failed(
    job: Job,
    spoil: Callable[[Job, dict[str, str]], None],
    code: int,
    is_planned: bool,
    is_opened: bool,
) -> None:
    env = {**job.env, "ASTRO_CI_TYPE": "dags", "DOCKER_HOST": DEAD_ENGINE}
    spoil(job, env)
    run = job.command("deploy", "--json", env=env)
    assert run.code == code, run.err
    found = document(run.out)
    check(found, {**PLAN, **RESULT, **FAILURE} if is_planned else FAILURE)
    assert found["error"]["exit_code"] == code
    opened = [deploy.id for deploy in job.astro.deploys("production")]
    assert [found["deploy_id"]] == (opened if is_opened else [""])
    said = run.err.splitlines()
    assert f"error: {found['error']['message']}" in run.err
    assert said[-1] == "outcome: failed"
    assert "outcome: " not in "".join(said[:-1])


@pytest.mark.parametrize("option", ["--bogus", "--wait=yes", "--deployment-id", "--dags=1"])
def test_arguments_that_cannot_be_parsed(job: Job, option: str) -> None:
    run = job.command("deploy", "--json", option)
    assert run.code == 2
    found = document(run.out)
    check(found, FAILURE)
    assert option.partition("=")[0] in found["error"]["message"]
    assert "--help" in found["error"]["hint"]


def test_a_plan_that_fails(job: Job) -> None:
    both = ("--deployment-id", "clnope", "--deployment-name", "x")
    run = job.command("plan", "--json", *both, env=job.env)
    assert run.code == 2
    keys = {key: kind for key, kind in FAILURE.items() if key not in ("outcome", "deploy_id")}
    check(document(run.out), keys)
    assert "outcome" not in run.err


def test_the_next_step_of_the_pipeline_learns_the_outcome(job: Job) -> None:
    outputs = job.project.root.parent / "outputs"
    env = {**job.env, "GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(outputs)}
    job.astro.faults.add("POST", "/finalize$", status=400)
    run = job.command("deploy", "--dags", env=env)
    assert run.code == 5
    (deploy,) = job.astro.deploys("production")
    found = _outputs(outputs.read_text())
    assert (found["outcome"], found["deploy-type"]) == ("failed", "dags")
    assert found["deploy-id"] == deploy.id
    assert found["bundle-version"]
    assert "refused" in found["reason"] or "400" in found["reason"]
    assert any(line.startswith("::error::") for line in run.err.splitlines())
    outputs.unlink()
    assert job.command("deploy", "--dags", env=env).code == 0
    found = _outputs(outputs.read_text())
    assert (found["outcome"], found["deploy-type"]) == ("deployed", "dags")
    assert found["deploy-id"] == job.astro.deploys("production")[0].id


def _outputs(text: str) -> dict[str, str]:
    """Read GitHub's file of outputs, as far as values have one line."""
    lines = iter(text.splitlines())
    found = {}
    for line in lines:
        name, _, delimiter = line.partition("<<")
        found[name] = next(lines)
        if found[name] == delimiter:
            found[name] = ""
            continue
        assert next(lines) == delimiter
    return found


def test_a_flag_beats_a_variable_that_names_the_deployment_in_another_way(job: Job) -> None:
    env = {**job.env, "ASTRO_DEPLOYMENT_ID": "clnope", "ASTRO_CI_DEPLOYMENT_NAME": ""}
    run = job.command("plan", "--json", "--deployment-name", "classic", env=env)
    assert run.code == 0, run.err
    assert document(run.out)["deployment"]["name"] == "classic"
