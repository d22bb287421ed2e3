"""Deploys of DAGs, from the first to the hundredth, and those that are killed on the way."""

from __future__ import annotations

import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from astro_ci import Config, plan
from astro_ci.model import DeployType, Request
from astro_ci.planning.marker import read_marker
from astro_ci.sandbox import Sandbox
from tests.integration.deploy.support import SLOWNESS, slow_clock
from tests.integration.sandbox.support import Client, upload
from tests.integration.stage import Stage, stage
from tests.repository import fingerprint


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Stage]:
    with Sandbox(rollout_seconds=0.1) as astro:
        yield stage(tmp_path, astro)


def test_the_first_deploy_of_dags(world: Stage) -> None:
    before = fingerprint(world.project.root)
    run = world.command("deploy", "--type", "dags")
    assert run.code == 0, run.err
    assert run.out.startswith("deployed: DAGs only to ")
    assert "http://localhost" in run.out
    assert world.running_dags() == world.checked_out_dags()
    assert fingerprint(world.project.root) == before


def test_the_document(world: Stage) -> None:
    run = world.command("deploy", "--type", "dags", "--json")
    (deploy,) = world.astro.deploys("production")
    document = run.document
    assert document["outcome"] == "deployed"
    assert document["deploy_id"] == deploy.id
    assert document["image_tag"] == ""
    assert document["bundle_version"] == deploy.dag_tarball_version
    assert document["duration_seconds"] > 0
    assert document["deployment"]["name"] == "production"
    assert document["head"] == world.project.head


def test_the_document_of_a_failure(world: Stage) -> None:
    world.astro.faults.add("POST", "/finalize$", status=400)
    run = world.command("deploy", "--type", "dags", "--json")
    assert run.code == 5
    assert run.document["outcome"] == "failed"
    assert run.document["deploy_type"] == "dags"
    assert "left unfinished" in run.document["error"]["message"]
    assert run.document["error"]["exit_code"] == 5


def test_a_dry_run_changes_nothing(world: Stage) -> None:
    run = world.command("deploy", "--type", "dags", "--dry-run", "--json")
    assert (run.code, run.document["outcome"]) == (0, "skipped")
    assert world.astro.deploys("production") == []


def test_nothing_changed(world: Stage) -> None:
    world.deploy()
    result = world.deploy(skip_unchanged=True)
    assert result.outcome == "skipped"
    assert len(world.astro.deploys("production")) == 1


def test_where_it_came_from_is_in_the_history(world: Stage) -> None:
    world.project.git("remote", "add", "origin", "https://ci:secret@github.com/Acme/airflow.git")
    world.deploy()
    (deploy,) = world.astro.deploys("production")
    assert deploy.git is not None
    assert (deploy.git.provider, deploy.git.account, deploy.git.repo) == (
        "GITHUB",
        "Acme",
        "airflow",
    )
    assert (deploy.git.commit_sha, deploy.git.branch) == (world.project.head, "main")
    assert deploy.git.author_name == "Ada Lovelace"
    assert deploy.git.commit_url.endswith(f"/commit/{world.project.head}")
    assert deploy.description.startswith(f"first ({world.project.head[:7]})")
    assert read_marker(deploy)


def test_no_credentials_of_a_remote_are_sent(world: Stage) -> None:
    url = "https://gitlab-ci-token:glcbt-secret@gitlab.example.com/acme/airflow.git"
    world.project.git("remote", "add", "origin", url)
    world.deploy()
    git = world.astro.deploys("production")[0].git
    assert git is not None
    assert git.remote_url == "https://gitlab.example.com/acme/airflow.git"


def test_a_dirty_tree_sends_its_content_and_no_commit(world: Stage) -> None:
    world.project.write({"dags/a.py": "uncommitted = 1\n"})
    world.deploy()
    (deploy,) = world.astro.deploys("production")
    assert deploy.git is None
    assert read_marker(deploy)
    assert world.running_dags() == world.checked_out_dags()
    assert world.deploy(skip_unchanged=True).outcome == "skipped"
    world.project.commit("the same, committed")
    assert world.deploy(skip_unchanged=True).outcome == "skipped"


def test_a_description_of_the_users(world: Stage) -> None:
    world.deploy(description="Release 7")
    assert world.astro.deploys("production")[0].description.startswith("Release 7 astro-ci dags=")


def test_a_description_that_another_client_copied_is_not_believed(world: Stage) -> None:
    first = world.project.head
    world.deploy()
    copied = world.astro.deploys("production")[0].description
    world.project.write({"dags/a.py": "a = 2\n"})
    second = world.project.commit("deployed by another client")
    client = Client(world.astro, None)
    git = {"provider": "GENERIC", "remoteUrl": f"file://{world.project.root}", "commitSha": second}
    theirs = client.create("DAG_ONLY", "production", description=copied, git=git)
    client.finalize(theirs, "production", dagTarballVersion=upload(theirs, b"the second's DAGs"))
    client.close()
    world.project.git("checkout", "--quiet", first)
    config = Config(
        project=world.project.root,
        deployment_name="production",
        requested=Request.DAGS,
        skip_unchanged=True,
        allow_older=True,
    )
    found = plan(config, world.env)
    assert (found.deploy_type, found.content.dags) == (DeployType.DAGS, "different")
    assert any("another client" in note and second[:7] in note for note in found.assumptions)


def test_the_branch_comes_from_ci(world: Stage) -> None:
    world.project.git("checkout", "--quiet", "--detach")
    env = {**world.env, "GITLAB_CI": "true", "CI_COMMIT_BRANCH": "release/7"}
    world.deploy(env=env)
    git = world.astro.deploys("production")[0].git
    assert git is not None
    assert git.branch == "release/7"


class TestDeploymentApiKey:
    def env(self, world: Stage) -> dict[str, str]:
        return {
            "ASTRO_API_URL": world.astro.api_url,
            "ASTRONOMER_KEY_ID": world.astro.key_id,
            "ASTRONOMER_KEY_SECRET": world.astro.key_secret,
        }

    def test_needs_no_deployment_to_be_named(self, world: Stage) -> None:
        run = world.command("deploy", "--type", "dags", env=self.env(world))
        assert run.code == 0, run.err
        assert "warning: Deployment API keys are being retired" in run.err
        assert world.running_dags() == world.checked_out_dags()

    def test_its_token_is_renewed_when_the_deploy_outlives_it(self, tmp_path: Path) -> None:
        with Sandbox(
            rollout_seconds=3 / SLOWNESS, token_lifetime_seconds=4, now=slow_clock
        ) as astro:
            world = stage(tmp_path, astro)
            run = world.command("deploy", "--type", "dags", env=self.env(world))
            assert run.code == 0, run.err
            exchanges = sum(line.path == "/oauth/token" for line in astro.requests)
            assert exchanges > 1

    def test_its_token_is_masked(self, world: Stage) -> None:
        env = {**self.env(world), "GITHUB_ACTIONS": "true"}
        run = world.command("deploy", "--type", "dags", env=env)
        assert run.code == 0
        masked = [line for line in run.err.splitlines() if line.startswith("::add-mask::")]
        assert any(line.count(".") == 2 for line in masked), "the token"
        assert any("sig=" in line for line in masked), "the upload URL"


def test_a_checkout_of_somebody_else(world: Stage) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    subprocess.run(["chown", "-R", "12345:12345", str(world.project.root)], check=True)
    run = world.command("deploy", "--type", "dags", env={**world.env, "HOME": "/nonexistent"})
    assert run.code == 0, run.err


def test_with_no_standard_streams_at_all(world: Stage) -> None:
    """As a job runner may leave it; what is opened next must not be taken for them."""
    command = f"{shlex.quote(sys.executable)} -m astro_ci deploy --type dags <&- >&- 2>&-"
    env = {**os.environ, **world.env}
    done = subprocess.run(["sh", "-c", command], cwd=world.project.root, env=env, check=False)
    assert done.returncode == 0
    assert world.running_dags() == world.checked_out_dags()


def test_an_id_that_was_pasted_with_its_line_break(world: Stage) -> None:
    deployment_id = world.astro.deployment("production").id
    env = {**world.env, "ASTRO_DEPLOYMENT_ID": f" {deployment_id}\n"}
    del env["ASTRO_CI_DEPLOYMENT_NAME"]
    assert world.command("deploy", "--type", "dags", env=env).code == 0


def test_from_a_git_hook(world: Stage) -> None:
    """Git tells its hooks where the repository is, which would mislead us elsewhere."""
    env = {**world.env, "GIT_DIR": "/nonexistent", "GIT_INDEX_FILE": "/nonexistent/index"}
    assert world.command("deploy", "--type", "dags", env=env).code == 0


def test_a_file_that_changes_during_the_deploy_is_not_taken_for_what_was_planned(
    world: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    """The plan knew one content, the bundle may hold another: the next deploy sets it right."""
    assert world.deploy().outcome == "deployed"
    world.project.write({"dags/a.py": "a = 2\n"})
    world.project.commit("second")
    world.deploy(on_plan=lambda _plan: world.project.write({"dags/a.py": "meanwhile\n"}))
    assert "changed during the deploy" in caplog.text
    assert world.running_dags()["dags/a.py"] == b"meanwhile\n"
    latest, *_ = world.astro.deploys("production")
    assert latest.git is None, "it is no commit"
    world.project.write({"dags/a.py": "a = 2\n"})
    assert world.deploy(skip_unchanged=True).outcome == "deployed"
    assert world.running_dags() == world.checked_out_dags()
    assert world.deploy(skip_unchanged=True).outcome == "skipped"


# --- killed ---------------------------------------------------------------------------------------


class Killed:
    """A deploy in a process of its own, which gets a signal at some moment."""

    def __init__(self, world: Stage, kind: str = "dags") -> None:
        self.world = world
        self.process = subprocess.Popen(
            [sys.executable, "-m", "astro_ci", "deploy", "--type", kind],
            cwd=world.project.root,
            env={**os.environ, **world.env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def after_line(self, start: str, number: signal.Signals) -> str:
        """Send a signal as soon as a line begins so (a pattern); give everything that was said."""
        assert self.process.stderr
        said = []
        for line in self.process.stderr:
            said.append(line)
            if re.match(start, line):
                self.process.send_signal(number)
                break
        out, rest = self.process.communicate(timeout=30)
        return "".join(said) + rest + out

    def after_seconds(self, seconds: float, number: signal.Signals) -> None:
        """Send a signal after some time."""
        time.sleep(seconds)
        self.process.send_signal(number)
        self.process.communicate(timeout=30)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["SIGTERM", "SIGINT"]
)
class TestCancelled:
    def test_before_finalize_it_names_the_unfinished_deploy(
        self, world: Stage, number: signal.Signals, code: int
    ) -> None:
        world.astro.faults.add("PUT", "^/blobs/", status=None, hang_seconds=20, times=None)
        before = world.state()
        killed = Killed(world)
        said = killed.after_line("created deploy", number)
        (deploy,) = world.astro.deploys("production")
        assert killed.process.returncode == code
        assert f"cancelled by {number.name}; deploy {deploy.id} was left unfinished" in said
        assert "outcome: failed" in said
        assert world.state() == before

    def test_before_create_there_is_none(
        self, world: Stage, number: signal.Signals, code: int
    ) -> None:
        world.astro.faults.add("POST", "/deploys$", status=None, hang_seconds=20, times=None)
        killed = Killed(world)
        said = killed.after_line("DAG bundle:", number)
        assert killed.process.returncode == code
        assert "no deploy was created" in said

    def test_while_git_hangs_it_waits_for_none(
        self,
        world: Stage,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        number: signal.Signals,
        code: int,
    ) -> None:
        fake, begun = tmp_path / "bin" / "git", tmp_path / "begun"
        fake.parent.mkdir()
        fake.write_text(
            f'#!/bin/sh\ncase " $* " in *" ls-files "*) touch {begun}; exec sleep 600;; esac\n'
            f'exec {shutil.which("git")} "$@"\n'
        )
        fake.chmod(0o755)
        monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
        killed = Killed(world)
        while not begun.exists():
            assert killed.process.poll() is None
            time.sleep(0.01)
        killed.process.send_signal(number)
        out, err = killed.process.communicate(timeout=30)
        assert killed.process.returncode == code, out + err

    def test_after_finalize_it_goes_live(
        self, tmp_path: Path, number: signal.Signals, code: int
    ) -> None:
        with Sandbox(rollout_seconds=1) as astro:
            world = stage(tmp_path, astro)
            killed = Killed(world)
            said = killed.after_line("finalized deploy", number)
            assert killed.process.returncode == code
            assert "was already finalized, and goes live" in said
            assert world.running_dags() == world.checked_out_dags()


def test_killed_at_any_moment_it_is_all_or_nothing(world: Stage) -> None:
    """The Deployment runs the old DAGs or the new ones, and the next deploy makes up for it."""
    assert world.command("deploy", "--type", "dags").code == 0
    chance = random.Random(7)  # noqa: S311 - moments, no secret
    old = world.running_dags()
    for number in range(12):
        world.project.write({"dags/a.py": f"a = {number}\n", f"dags/new_{number}.py": "n\n"})
        world.project.commit(f"change {number}")
        before = fingerprint(world.project.root)
        with_kill = chance.choice([signal.SIGKILL, signal.SIGTERM])
        Killed(world).after_seconds(chance.uniform(0.05, 0.9), with_kill)
        assert fingerprint(world.project.root) == before
        new = world.checked_out_dags()
        assert world.running_dags() in (old, new)
        old = world.running_dags()
    result = world.deploy(requested=Request.DAGS)
    assert result.outcome == "deployed"
    assert world.running_dags() == world.checked_out_dags()
