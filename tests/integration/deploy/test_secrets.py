"""What must not be seen: `Job` looks for it in every run; here are the runs that provoke it."""

from __future__ import annotations

import base64
import io
import json
import logging
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from astro_ci.ci import dialect_for
from astro_ci.configuration.config import Config
from astro_ci.deploying.deploy import Tools, deploy
from astro_ci.errors import AstroCIError
from astro_ci.model import Request
from astro_ci.reporting.console import Console
from astro_ci.sandbox import Sandbox
from tests.integration.deploy.support import REMOTE_PASSWORD, Job
from tests.integration.stage import Run
from tests.unit.web.server import Answer, serving


def keys(job: Job) -> dict[str, str]:
    """The environment of a job that has a Deployment API key."""
    return {
        "ASTRO_API_URL": job.astro.api_url,
        "ASTRONOMER_KEY_ID": job.astro.key_id,
        "ASTRONOMER_KEY_SECRET": job.astro.key_secret,
    }


class TestTheSearchItself:
    """A search that finds nothing proves nothing, unless it would find something."""

    @pytest.mark.parametrize("where", ["out", "err"])
    @pytest.mark.parametrize(
        "text", ["TOKEN", "KEY", REMOTE_PASSWORD, "https://x/y?sv=1&sig=abc", "EXCHANGED"]
    )
    def test_finds_what_is_printed(self, job: Job, where: str, text: str) -> None:
        known = {
            "TOKEN": job.astro.token,
            "KEY": job.astro.key_secret,
            "EXCHANGED": job.astro.new_token(),
        }
        printed = {"out": "", "err": "", where: f"here it is: {known.get(text, text)}\n"}
        with pytest.raises(AssertionError):
            job.search(Run(code=0, **printed), {})

    def test_finds_masks_where_no_runner_swallows_them(self, job: Job) -> None:
        run = Run(code=0, out="", err=f"::add-mask::{job.astro.token}\n")
        job.search(run, {"GITHUB_ACTIONS": "true"})
        with pytest.raises(AssertionError):
            job.search(run, {})


UPLOAD, FINALIZE, CREATE = (
    ("PUT", "^/blobs/", 403),
    ("POST", "/finalize$", 500),
    ("POST", "/deploys$", 401),
)


@pytest.mark.parametrize(
    ("kind", "github", "fault"),
    [
        ("token", "", None),
        ("token", "true", None),
        ("key", "", None),
        ("key", "true", None),
        ("token", "", UPLOAD),
        ("key", "true", UPLOAD),
        ("key", "", FINALIZE),
        ("key", "true", CREATE),
    ],
)
def test_a_verbose_run(
    job: Job, kind: str, github: str, fault: tuple[str, str, int] | None
) -> None:
    env = {**(job.env if kind == "token" else keys(job)), "GITHUB_ACTIONS": github}
    if fault:
        method, path, status = fault
        job.astro.faults.add(method, path, status=status)
    run = job.command("-v", "deploy", "--dags", "--json", env=env)
    assert "POST http://localhost" in run.err, "it is verbose"
    masks = [line for line in run.err.splitlines() if line.startswith("::add-mask::")]
    is_created = fault != CREATE
    expected = (is_created * 2 + (kind == "key")) if github else 0
    assert len(masks) == expected, "the upload URL, its signature, and an exchanged token"
    if masks and is_created:
        first = run.err.index("::add-mask::")
        assert first < run.err.index("created deploy"), "before there is anything to hide"


def test_a_service_that_repeats_what_it_was_sent(job: Job) -> None:
    token = job.astro.token
    said = {"message": f"the token {token} is of no use", "requestId": "r1"}
    for status in (401, 403):
        with serving(Answer(said, status=status)) as service:
            env = {**job.env, "ASTRO_API_URL": service.url}
            run = job.command("deploy", "--dags", "--json", env=env)
        assert run.code in (5, 9)
        assert "the token *** is of no use" in run.err


def test_a_login_that_repeats_what_it_was_sent(job: Job) -> None:
    secret = job.astro.key_secret
    with serving() as service:
        service.answers += [
            Answer({"domainUrl": f"{service.url}/", "clientId": "c", "audience": "a"}),
            Answer({"error": "access_denied", "error_description": f"{secret} is not it"}, 403),
        ]
        env = {**keys(job), "ASTRO_API_URL": service.url}
        run = job.command("deploy", "--dags", env=env)
    assert run.code == 9
    assert "*** is not it" in run.err
    assert "replace them with an API token" in run.err


def test_a_token_is_not_followed_to_another_host(job: Job) -> None:
    with serving(Answer()) as other:
        moved = Answer(status=307, headers={"Location": f"{other.url}/steal"})
        with serving(moved) as service:
            env = {**job.env, "ASTRO_API_URL": service.url}
            assert job.command("deploy", "--dags", env=env).code == 5
        assert other.requests == []


def test_a_token_that_is_no_token_is_not_quoted(job: Job) -> None:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": time.time() + 99}).encode()).decode()
    for token in ("hunter2-hunter2", "a.b.c", f"eyJhbGciOiJIUzI1NiJ9.{claims.rstrip('=')}.c2ln"):
        run = job.command("deploy", "--dags", env={**job.env, "ASTRO_API_TOKEN": token})
        assert run.code == 9
        assert run.err.startswith("error: ASTRO_API_TOKEN is not a")


def test_a_fetch_that_fails_does_not_quote_the_remote(job: Job) -> None:
    """The running commit is not in the clone, and where it could come from nobody listens."""
    remote = f"https://ci-job-token:{REMOTE_PASSWORD}@127.0.0.1:1/acme/airflow.git"
    job.project.git("remote", "set-url", "origin", remote)
    job.deploy()
    job.project.git("checkout", "--quiet", "--orphan", "other")
    job.project.commit("another history")
    job.project.git("branch", "--quiet", "-D", "main")
    job.project.git("reflog", "expire", "--expire=now", "--all")
    job.project.git("gc", "--quiet", "--prune=now")
    run = job.command("plan", "--base", "deployed")
    assert run.code == 0, run.err
    assert "git fetch" in run.err, "it was tried, and said so"


class TestInProcess:
    """What a program that uses the library, or its error reporter, gets to see."""

    @pytest.fixture
    def failing(self, tmp_path: Path) -> Iterator[Job]:
        with Sandbox(rollout_seconds=0) as astro:
            yield Job.prepare(tmp_path, astro)

    @pytest.mark.parametrize(
        "fault",
        [
            {"status": 403},
            {"drop": True, "times": None},
            {"status": None, "strip": ["x-ms-version-id"]},
        ],
        ids=["refused", "dropped", "stripped"],
    )
    def test_tracebacks_and_debug_logs(
        self,
        failing: Job,
        fault: dict[str, object],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        failing.astro.faults.add("PUT", "^/blobs/", **fault)  # type: ignore[arg-type]
        with caplog.at_level(logging.DEBUG), pytest.raises(AstroCIError) as caught:
            failing.deploy()
        text = "".join(traceback.format_exception(caught.value)) + caplog.text
        assert "urllib3" in caplog.text, "all of the logs, not only ours"
        failing.search(Run(code=0, out=text, err=""), failing.env)

    def test_the_values_of_a_deploy_that_fails(self, failing: Job) -> None:
        """As a reporter shows them that prints the local variables of every frame."""
        failing.astro.faults.add("POST", "/finalize$", status=400)
        out = io.StringIO()
        env = keys(failing)
        try:
            deploy(
                Config(project=failing.project.root, requested=Request.DAGS),
                env,
                console=Console(out, dialect_for("none", env={}, out=out), is_live=False),
                tools=Tools(),
            )
        except AstroCIError as error:
            frames = list(traceback.walk_tb(error.__traceback__))
        shown = [
            f"{frame.f_code.co_name}: {name} = {value!r}\n"
            for frame, _ in frames[1:]
            for name, value in frame.f_locals.items()
            if name != "env"  # which the caller gave
        ]
        assert len(frames) > 5
        for line in shown:
            failing.search(Run(code=0, out=line, err=""), failing.env)
