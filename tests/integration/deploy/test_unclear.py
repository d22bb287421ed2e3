"""Answers that get lost or come too late: a deploy is never done twice, nor taken for granted."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from astro_ci.deploying.second_look import FRESH_SECONDS
from astro_ci.errors import (
    ApiError,
    AuthenticationError,
    DeployFailedError,
    DeployTimeoutError,
    UnavailableError,
)
from astro_ci.model import Request
from astro_ci.sandbox import Sandbox
from tests.integration.deploy.support import Held, Job, slow_clock
from tests.integration.sandbox.support import Client


def posts(job: Job, end: str) -> int:
    """How many POST requests came for paths with this end."""
    return sum(line.method == "POST" and line.path.endswith(end) for line in job.astro.requests)


ANSWERS: list[dict[str, Any]] = [
    {"status": 429},
    {"status": 429, "html": True},
    {"status": 429, "headers": {"Retry-After": "3"}},
    {"status": 408},
    {"status": 500},
    {"status": 401, "html": True},
    {"status": 200, "html": True},
    {"status": 302, "html": True},
    {"status": 403, "html": True},
    {"status": 520, "html": True},
    {"status": 524},
    {"drop": True},
]
"""What may come back although the work was done."""


def named(fault: dict[str, Any]) -> str:
    return "-".join(str(fault[key]) if key == "status" else key for key in fault)


def passes(fault: dict[str, Any]) -> bool:
    """Whether the next answer may be another: a proxy that answers for Astro will do so again."""
    return fault.get("status") not in (200, 302, 401, 403)


@pytest.mark.parametrize("fault", ANSWERS, ids=named)
class TestCreate:
    def test_the_deploy_that_an_attempt_left_is_used(self, job: Job, fault: dict[str, Any]) -> None:
        job.astro.faults.add("POST", "/deploys$", after=True, **fault)
        assert job.deploy().outcome == "deployed"
        assert posts(job, "/deploys") == 1
        assert [deploy.status for deploy in job.astro.deploys("production")] == ["DEPLOYED"]
        job.assert_runs_the_checkout()

    def test_also_without_a_commit(self, job: Job, fault: dict[str, Any]) -> None:
        job.project.write({"dags/a.py": "uncommitted\n"})
        job.astro.faults.add("POST", "/deploys$", after=True, **fault)
        assert job.deploy().outcome == "deployed"
        assert len(job.astro.deploys("production")) == 1


@pytest.mark.parametrize("fault", [fault for fault in ANSWERS if passes(fault)], ids=named)
def test_a_deploy_that_was_not_created_is_created(job: Job, fault: dict[str, Any]) -> None:
    job.astro.faults.add("POST", "/deploys$", **fault)
    assert job.deploy().outcome == "deployed"
    assert posts(job, "/deploys") == 2
    assert len(job.astro.deploys("production")) == 1


def test_an_unfinished_deploy_of_an_earlier_run_is_left_alone(job: Job) -> None:
    """Its job may still be at work; only what appeared since is ours."""
    job.astro.faults.add("PUT", "^/blobs/", status=403)
    with pytest.raises(ApiError, match="left unfinished"):
        job.deploy(description="Release 7")
    (earlier,) = job.astro.deploys("production")
    job.astro.faults.add("POST", "/deploys$", after=True)
    result = job.deploy(description="Release 7")
    assert result.outcome == "deployed"
    assert result.deploy_id != earlier.id
    assert len(job.astro.deploys("production")) == 2


@pytest.mark.parametrize("times", [1, None])
def test_a_create_whose_outcome_cannot_be_looked_up(job: Job, times: int | None) -> None:
    before = job.running()
    job.astro.faults.add("GET", "/deploys$", status=None, times=2)  # the plan, and what was before
    job.astro.faults.add("GET", "/deploys$", status=403, times=times)
    job.astro.faults.add("POST", "/deploys$", after=True, status=403, html=True)
    with pytest.raises(ApiError, match="or one that stays unfinished, and"):
        job.deploy()
    assert posts(job, "/deploys") == 1
    assert job.running() == before


def test_a_create_that_is_refused_leaves_no_doubt(job: Job) -> None:
    job.astro.faults.add("POST", "/deploys$", status=403)
    with pytest.raises(ApiError, match=r"answered 403: [^;]*$") as caught:
        job.deploy()
    assert "role" in caught.value.hint
    assert caught.value.deploy_id == ""


def test_a_create_that_is_told_to_wait_had_no_effect(job: Job) -> None:
    job.astro.faults.add("POST", "/deploys$", status=429, headers={"Retry-After": "7"}, times=2)
    assert job.deploy().outcome == "deployed"
    assert job.naps == [7.0, 7.0]
    assert len(job.astro.deploys("production")) == 1


class TestFinalize:
    @pytest.mark.parametrize("fault", ANSWERS, ids=named)
    def test_counts_once_whatever_answers(self, job: Job, fault: dict[str, Any]) -> None:
        """An answer says nothing of what Astro did."""
        job.astro.faults.add("POST", "/finalize$", after=True, **fault)
        result = job.deploy()
        assert (result.outcome, result.replaced_by) == ("deployed", "")
        assert posts(job, "/finalize") == 1
        job.assert_runs_the_checkout()

    def test_one_that_a_proxy_sent_twice_has_succeeded(self, job: Job) -> None:
        """The answer to the second is all that comes back."""
        job.astro.faults.add("POST", "/finalize$", twice=True)
        assert job.deploy().outcome == "deployed"
        job.assert_runs_the_checkout()

    def test_a_refusal_is_no_less_clear_for_having_been_read_back(self, job: Job) -> None:
        before = job.running()
        job.astro.faults.add("POST", "/finalize$", status=403)
        with pytest.raises(ApiError, match="was left unfinished, and the Deployment is unchanged"):
            job.deploy()
        assert posts(job, "/finalize") == 1
        assert job.running() == before

    def test_nobody_says_that_nothing_happened_when_that_is_not_known(self, job: Job) -> None:
        job.astro.faults.add("POST", "/finalize$", after=True, status=403, html=True)
        job.astro.faults.add("GET", "/deploys/[^/]+$", status=403, html=True, times=None)
        with pytest.raises(UnavailableError, match="was being finalized, and may go live"):
            job.deploy()

    def test_a_refused_token_is_a_refusal_whose_effect_could_not_be_read(self, job: Job) -> None:
        before = job.running()
        job.astro.faults.add("POST", "/finalize$", status=401)
        job.astro.faults.add("GET", "/deploys/[^/]+$", status=401, times=None)
        with pytest.raises(AuthenticationError, match="could not be read back") as caught:
            job.deploy()
        (deploy,) = job.astro.deploys("production")
        assert str(caught.value).endswith(
            f"; finalizing deploy {deploy.id} was refused, which normally has no effect, but "
            "whether it goes live could not be read"
        )
        assert job.running() == before

    def test_a_refusal_after_a_lost_answer_may_have_come_too_late(self, job: Job) -> None:
        job.astro.faults.add("POST", "/finalize$", status=502)
        job.astro.faults.add("POST", "/finalize$", status=401)
        job.astro.faults.add("GET", "/deploys/[^/]+$", status=None)
        job.astro.faults.add("GET", "/deploys/[^/]+$", status=401, times=None)
        with pytest.raises(AuthenticationError, match="was being finalized, and may go live"):
            job.deploy()

    @pytest.mark.parametrize("drop", [False, True], ids=["500", "dropped"])
    def test_counts_once_when_its_answer_is_lost(self, job: Job, drop: bool) -> None:
        job.astro.faults.add("POST", "/finalize$", after=True, drop=drop)
        result = job.deploy()
        assert result.outcome == "deployed"
        assert posts(job, "/finalize") == 1
        assert result.bundle_version == job.astro.deployment("production").dag_tarball_version
        job.assert_runs_the_checkout()

    def test_is_repeated_when_the_deploy_says_that_it_did_not_come(self, job: Job) -> None:
        job.astro.faults.add("POST", "/finalize$", drop=True, times=3)
        assert job.deploy().outcome == "deployed"
        assert posts(job, "/finalize") == 4
        assert [deploy.status for deploy in job.astro.deploys("production")] == ["DEPLOYED"]

    def test_nobody_knows_when_the_deploy_cannot_be_read_back(self, job: Job) -> None:
        """It did arrive here: to say that nothing changed would be a lie."""
        job.astro.faults.add("POST", "/finalize$", after=True, drop=True)
        job.astro.faults.add("GET", "/deploys/", status=503, times=None)
        with pytest.raises(
            UnavailableError, match="was being finalized, and may go live"
        ) as caught:
            job.deploy()
        (deploy,) = job.astro.deploys("production")
        assert caught.value.deploy_id == deploy.id
        assert deploy.id in str(caught.value)
        job.assert_runs_the_checkout()
        job.astro.faults.clear()
        assert job.deploy(skip_unchanged=True).outcome == "skipped"

    def test_is_given_up_in_the_end(self, job: Job) -> None:
        before = job.running()
        job.astro.faults.add("POST", "/finalize$", status=502, times=None)
        with pytest.raises(UnavailableError, match="502"):
            job.deploy()
        assert posts(job, "/finalize") == 4
        assert job.running() == before

    @pytest.mark.parametrize("is_lost", [False, True])
    @pytest.mark.parametrize("wait", [False, True])
    def test_a_deploy_that_failed_is_no_success(self, job: Job, is_lost: bool, wait: bool) -> None:
        before = job.running()
        job.astro.fail_next_deploy("production")
        if is_lost:
            job.astro.faults.add("POST", "/finalize$", after=True, status=504)
        with pytest.raises(DeployFailedError, match=r"reports that deploy \w+ failed$") as caught:
            job.deploy(wait=wait)
        assert caught.value.exit_code == 7
        assert posts(job, "/finalize") == 1
        assert job.running() == before


class TestWaiting:
    def test_not_at_all(self, tmp_path: Path) -> None:
        with Sandbox(rollout_seconds=60) as astro:
            job = Job.prepare(tmp_path, astro)
            run = job.command("deploy", "--dags", "--no-wait")
            assert run.code == 0
            assert "not waiting until the deploy is live" in run.err
            assert job.running_dags() == job.checked_out_dags()

    def test_until_the_time_is_up(self, tmp_path: Path) -> None:
        with Sandbox(rollout_seconds=60) as astro:
            job = Job.prepare(tmp_path, astro)
            run = job.command("deploy", "--dags", "--wait-time", "1")
            (deploy,) = astro.deploys("production")
            assert run.code == DeployTimeoutError.exit_code
            assert f"deploy {deploy.id} was accepted, but is not live after 1 seconds" in run.err
            assert "bundle version not yet" in run.err
            assert "hint: Look at the Deployment in Astro" in run.err

    @pytest.mark.parametrize(("status", "kind"), [(401, AuthenticationError), (403, ApiError)])
    def test_and_then_not_being_allowed_to_look(
        self, job: Job, status: int, kind: type[ApiError | AuthenticationError]
    ) -> None:
        job.astro.faults.add("GET", "/deploys/", status=status, times=None)
        with pytest.raises(kind, match="was already finalized, and goes live"):
            job.deploy()
        job.assert_runs_the_checkout()

    def test_until_it_is_unhealthy_for_good(self, job: Job) -> None:
        job.deploy()
        old = job.astro.deployment("production").dag_tarball_version
        job.project.write({"dags/a.py": "a = 2\n"})
        job.astro.fail_next_rollout("production")
        run = job.command("deploy", "--dags", "--wait-time", "1s")
        assert run.code == 7
        assert "the Deployment turned UNHEALTHY after deploy" in run.err
        assert "The last deploy did not become healthy" in run.err, "in Astro's words"
        assert job.astro.deployment("production").dag_tarball_version == old
        result = job.deploy(requested=Request.DAGS, skip_unchanged=True)
        assert result.outcome == "deployed", "what is desired is not what runs"


class TestUploadUrl:
    def test_one_that_expired(self, tmp_path: Path) -> None:
        """Not a fault on demand, but a signature that the store itself finds too old."""
        with Sandbox(rollout_seconds=0, upload_lifetime_seconds=-1) as astro:
            job = Job.prepare(tmp_path, astro)
            run = job.refused(
                5, "403 AuthenticationFailed: the upload URL of this deploy has expired",
                "to get a new URL", "--dags",
            )  # fmt: skip
            (deploy,) = astro.deploys("production")
            assert f"deploy {deploy.id} was left unfinished, and the Deployment is unchanged" in (
                run.err
            )
            assert sum(line.method == "PUT" for line in astro.requests) == 1, "it is not repeated"

    def test_one_that_was_withdrawn_while_it_was_used(self, job: Job) -> None:
        held = Held(job.astro, "PUT", "^/blobs/", status=503)
        process = job.start("deploy", "--dags")
        held.wait()
        job.astro.expire_upload_urls()
        held.let_go()
        run = job.finish(process)
        assert run.code == 5
        assert "has expired" in run.err


class TestKeys:
    def env(self, job: Job) -> dict[str, str]:
        return {
            "ASTRO_API_URL": job.astro.api_url,
            "ASTRONOMER_KEY_ID": job.astro.key_id,
            "ASTRONOMER_KEY_SECRET": job.astro.key_secret,
        }

    def test_a_token_that_runs_out_during_the_upload_is_renewed(self, tmp_path: Path) -> None:
        with Sandbox(rollout_seconds=0, token_lifetime_seconds=4, now=slow_clock) as astro:
            job = Job.prepare(tmp_path, astro)
            astro.faults.add("PUT", "^/blobs/", status=None, hang_seconds=3)
            run = job.command("deploy", "--dags", env=self.env(job))
            assert run.code == 0, run.err
            assert posts(job, "/oauth/token") >= 2
            assert {line.status for line in astro.requests} == {200, 201}, "none was refused"

    def test_a_token_that_is_withdrawn_is_a_failure_that_names_the_deploy(self, job: Job) -> None:
        before = job.running()
        env = self.env(job)
        held = Held(job.astro, "PUT", "^/blobs/")
        process = job.start("deploy", "--dags", env=env)
        held.wait()
        job.astro.expire_tokens()
        time.sleep(2 * FRESH_SECONDS)  # the Deployment is looked at again before the end
        held.let_go()
        run = job.finish(process, env=env)
        (deploy,) = job.astro.deploys("production")
        assert run.code == 9
        assert "refused the credentials: The authorization token has expired" in run.err
        assert f"deploy {deploy.id} was left unfinished, and the Deployment is unchanged" in run.err
        assert job.running() == before


def test_dag_only_deploys_are_switched_off_meanwhile(job: Job) -> None:
    held = Held(job.astro, "PUT", "^/blobs/")
    process = job.start("deploy", "--dags")
    held.wait()
    other = Client(job.astro, None)
    other.update("production", isDagDeployEnabled=False)
    other.close()
    before = job.running()
    time.sleep(2 * FRESH_SECONDS)  # what was seen of the Deployment before counts no more
    held.let_go()
    run = job.finish(process)
    assert run.code == 2
    assert "--dags needs DAG-only deploys, which are disabled on production" in run.err
    assert "was left unfinished" in run.err
    assert job.running() == before
