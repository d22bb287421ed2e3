"""`doctor` against the sandbox, real git and what there is of Docker: what it finds, and says."""

from __future__ import annotations

import os
import shutil
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from astro_ci.model import Request
from astro_ci.sandbox import Sandbox
from astro_ci.sandbox.platform.tokens import Claims, sign
from tests.integration.stage import Run, Stage, stage
from tests.repository import Repository, fingerprint
from tests.unit.image.stored.archives import (
    BASE,
    CODE,
    RUNTIME_LABEL,
    config,
    saved_files,
    write_tar,
)

RUNTIME = "FROM astrocrpublic.azurecr.io/runtime:3.1-2\n"
NO_ENGINE = {"DOCKER_HOST": "unix:///nonexistent"}


@pytest.fixture
def world(tmp_path: Path, astro: Sandbox) -> Stage:
    made = stage(tmp_path, astro)
    made.project.write({"Dockerfile": RUNTIME})
    made.project.commit()
    return made


def doctor(world: Stage, *words: str, **env: str) -> dict[str, Any]:
    """Each check by its name, the last of a name; `code` is the exit code."""
    done = run(world, "--json", *words, **env)
    assert done.err == ""
    document = done.document
    assert document["schema"] == 1
    return {check["name"]: check for check in document["checks"]} | {"code": done.code}


def run(world: Stage, *words: str, **env: str) -> Run:
    """Without an engine, unless one is named, and without changing anything."""
    before = fingerprint(world.project.root)
    done = world.command("doctor", *words, env={**world.env, **NO_ENGINE, **env})
    assert fingerprint(world.project.root) == before
    return done


def status(found: dict[str, Any], name: str) -> tuple[str, str]:
    return found[name]["status"], found[name]["message"]


def statuses(found: dict[str, Any], kind: str) -> list[str]:
    return [k for k, check in found.items() if k != "code" and check["status"] == kind]


def deploy_once(world: Stage) -> None:
    world.deploy(requested=Request.DAGS)


class TestWell:
    def test_everything_that_can_be_told(self, world: Stage) -> None:
        deploy_once(world)
        found = doctor(world, "--type", "dags")
        assert statuses(found, "problem") == []
        assert statuses(found, "warning") == []
        assert found["code"] == 0
        assert status(found, "Dockerfile") == ("ok", "from Astro Runtime 3.1-2")
        assert status(found, "credentials")[1].startswith("Workspace API token (Workspace ")
        assert status(found, "engine") == ("ok", "not needed: this deploy builds no image")
        assert "in this clone" in found["what runs"]["message"]
        assert found["registry"]["status"] == "ok"

    def test_for_people(self, world: Stage) -> None:
        done = run(world, "--type", "dags")
        lines = done.out.splitlines()
        assert lines[0] == "This job"
        assert [line for line in lines if line and line[0] != " "] == [
            "This job",
            "Project",
            "Astro",
            "Docker",
            "Everything is ready for a deploy.",
        ]
        checks = [line for line in lines if line.startswith("  ok")]
        assert len({line.index(line.split()[1]) for line in checks}) == 1

    def test_several_deployments_of_the_file(self, world: Stage) -> None:
        file = "deployments:\n  production: {branches: main}\n  classic: {branches: main}\n"
        world.project.write({"astro-ci.yaml": file})
        done = run(world, "--json", ASTRO_CI_DEPLOYMENT_NAME="")
        checks = done.document["checks"]
        assert [c["target"] for c in checks if c["name"] == "Deployment"] == [
            "production",
            "classic",
        ]
        assert [c["status"] for c in checks if c["name"] == "DAG-only"] == ["ok", "warning"]

    def test_all_of_them_when_the_branch_chooses_none(self, world: Stage) -> None:
        file = "deployments:\n  production: {branches: release}\n"
        world.project.write({"astro-ci.yaml": file})
        found = doctor(world, ASTRO_CI_DEPLOYMENT_NAME="")
        assert found["configuration"]["status"] == "warning"
        assert status(found, "Deployment")[1].startswith("production (")


class TestFiles:
    def test_a_project_in_a_subdirectory(self, tmp_path: Path, astro: Sandbox) -> None:
        files = {"a b/Dockerfile": RUNTIME, "a b/dags/x.py": "", "README.md": ""}
        world = Stage(astro, Repository.create(tmp_path / "repository", files))
        found = doctor(world, "--project", "a b", "--type", "dags")
        assert found["code"] == 0
        assert status(found, "project")[1].endswith("/repository/a b")
        assert doctor(world, "--type", "dags")["code"] == 3

    def test_no_project_at_all(self, world: Stage) -> None:
        world.project.remove("Dockerfile", "dags/a.py", "dags/sub/b.py")
        shutil.rmtree(world.project.root / "dags")
        found = doctor(world)
        assert found["code"] == 3
        assert "is not an Astro project" in status(found, "project")[1]
        assert found["Deployment"]["status"] == "ok"

    def test_no_dag_file(self, world: Stage) -> None:
        world.project.remove("dags/a.py", "dags/sub/b.py")
        found = doctor(world, "--type", "dags")
        assert (found["code"], *status(found, "DAGs")) == (3, "problem", "dags holds no DAG file")

    def test_another_base_image(self, world: Stage) -> None:
        world.project.write({"Dockerfile": "FROM python:3.12\n"})
        found = doctor(world, "--type", "dags")
        assert found["Dockerfile"]["status"] == "warning"
        assert found["Runtime"]["status"] == "not checked"

    def test_a_bad_dockerignore(self, world: Stage) -> None:
        world.project.write({".dockerignore": "[\n"})
        found = doctor(world, "--type", "dags")
        assert (found["code"], found[".dockerignore"]["status"]) == (3, "problem")

    def test_a_bad_configuration_file(self, world: Stage) -> None:
        world.project.write({"astro-ci.yaml": "deploiments: {}\n"})
        found = doctor(world, "--type", "dags")
        assert found["code"] == 2
        assert "did you mean deployments?" in status(found, "configuration")[1]
        left = {"project", "Dockerfile", "DAGs", ".dockerignore", "Deployment", "health", "Runtime"}
        assert left <= set(statuses(found, "not checked"))


class TestCheckout:
    def test_no_git(self, world: Stage, tmp_path: Path) -> None:
        found = doctor(world, "--type", "dags", PATH=str(tmp_path / "nothing"))
        assert (found["code"], *status(found, "git")) == (4, "problem", "git is not installed")
        assert found["repository"]["status"] == "not checked"
        assert found["what runs"]["status"] == "not checked"

    def test_no_repository(self, world: Stage) -> None:
        shutil.rmtree(world.project.root / ".git")
        found = doctor(world, "--type", "dags")
        assert (found["code"], found["repository"]["status"]) == (3, "problem")

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
    def test_a_checkout_of_another_user(self, world: Stage) -> None:
        os.chown(world.project.root, 12345, 12345)
        os.chown(world.project.root / ".git", 12345, 12345)
        found = doctor(world, "--type", "dags")
        assert (found["code"], found["repository"]["status"]) == (0, "ok")
        assert "belongs to user 12345" in status(found, "owner")[1]

    def test_a_shallow_clone_that_can_fetch(self, world: Stage, tmp_path: Path) -> None:
        deploy_once(world)
        world.project.commit("second")
        shallow = world.project.clone(tmp_path / "shallow", "--depth=1")
        found = doctor(Stage(world.astro, shallow), "--type", "dags")
        assert found["code"] == 0
        assert "a shallow clone" in status(found, "repository")[1]
        assert "will be fetched" in status(found, "what runs")[1]

    def test_a_shallow_clone_that_cannot(self, world: Stage, tmp_path: Path) -> None:
        deploy_once(world)
        world.project.commit("second")
        shallow = world.project.clone(tmp_path / "shallow", "--depth=1")
        world.project.root.rename(tmp_path / "gone")
        there = Stage(world.astro, shallow)
        found = doctor(there, "--type", "dags", GITHUB_ACTIONS="true")
        assert (found["code"], found["what runs"]["status"]) == (0, "warning")
        assert "fetch-depth: 0" in found["what runs"]["remedy"]


class TestCredentials:
    def test_none(self, world: Stage) -> None:
        found = doctor(world, ASTRO_API_TOKEN="")
        assert (found["code"], found["credentials"]["status"]) == (9, "problem")
        assert found["API"]["status"] == "ok"
        assert found["Deployment"]["status"] == "not checked"

    @pytest.mark.parametrize(
        ("variables", "remedy"),
        [
            ({"GITHUB_ACTIONS": "true"}, "secrets.ASTRO_API_TOKEN"),
            ({"GITLAB_CI": "true"}, "Settings > CI/CD > Variables"),
            ({"GITLAB_CI": "true", "CI_COMMIT_REF_PROTECTED": "false"}, "is not protected"),
            ({"JENKINS_URL": "http://ci"}, "Manage Jenkins > Credentials"),
        ],
    )
    def test_none_in_the_words_of_the_ci_system(
        self, world: Stage, variables: dict[str, str], remedy: str
    ) -> None:
        found = doctor(world, ASTRO_API_TOKEN="", **variables)
        assert remedy in found["credentials"]["remedy"]

    def test_none_in_a_forks_pull_request_is_expected(self, world: Stage, tmp_path: Path) -> None:
        event = tmp_path / "event.json"
        event.write_text(
            '{"number": 7, "pull_request": {"head": {"repo": {"full_name": "eve/x"}},'
            ' "base": {"repo": {"full_name": "ada/x"}}}}'
        )
        found = doctor(
            world,
            "--type",
            "dags",
            ASTRO_API_TOKEN="",
            GITHUB_ACTIONS="true",
            GITHUB_EVENT_NAME="pull_request",
            GITHUB_EVENT_PATH=str(event),
        )
        assert (found["code"], found["credentials"]["status"]) == (0, "warning")

    def test_expired(self, world: Stage) -> None:
        expired = world.astro.new_token(lifetime_seconds=-60)
        found = doctor(world, ASTRO_API_TOKEN=expired)
        assert (found["code"], found["credentials"]["status"]) == (9, "problem")
        assert "ASTRO_API_TOKEN expired on" in status(found, "credentials")[1]

    def test_soon_expired(self, world: Stage) -> None:
        soon = world.astro.new_token(lifetime_seconds=10 * 24 * 3600 + 60)
        found = doctor(world, "--type", "dags", ASTRO_API_TOKEN=soon)
        assert (found["code"], found["expiry"]["status"]) == (0, "warning")
        assert "in 10 days" in status(found, "expiry")[1]

    def test_for_one_deployment(self, world: Stage) -> None:
        token = world.astro.new_token(deployment="production", lifetime_seconds=10**7)
        found = doctor(world, "--type", "dags", ASTRO_API_TOKEN=token)
        assert status(found, "credentials")[1].startswith("Deployment API token (Deployment ")

    def test_of_another_organization(self, world: Stage) -> None:
        claims = Claims(
            sub="x", iat=0, exp=int(time.time()) + 10**7, permissions=["organizationId:clother"]
        )
        token = sign(claims, world.astro._platform.state)
        found = doctor(world, ASTRO_API_TOKEN=token)
        assert found["code"] in (5, 9)
        assert found["Deployment"]["status"] == "problem"
        assert "Organization API token (Organization clother)" in status(found, "credentials")[1]

    def test_refused(self, world: Stage) -> None:
        token = world.astro.new_token()
        found = doctor(world, ASTRO_API_TOKEN=token[:-4] + "AAAA")
        assert (found["code"], found["Deployment"]["status"]) == (9, "problem")

    @pytest.mark.parametrize(
        ("form", "code", "said"),
        [
            ("'{}'", 9, "is wrapped in quotes"),
            ("{}\nsecond", 9, "has 2 lines"),
            ("$(ASTRO_API_TOKEN)", 9, "contains the name of a variable"),
            ("production", 9, "is not a token"),
            ("{}\n", 0, "has a line break or space around it"),
            ("Bearer {}", 0, "starts with the word Bearer"),
        ],
    )
    def test_malformed(self, world: Stage, form: str, code: int, said: str) -> None:
        found = doctor(world, "--type", "dags", ASTRO_API_TOKEN=form.format(world.astro.token))
        assert found["code"] == code
        assert said in status(found, "credentials")[1]

    def test_a_deployment_api_key(self, world: Stage) -> None:
        key = {
            "ASTRONOMER_KEY_ID": world.astro.key_id,
            "ASTRONOMER_KEY_SECRET": world.astro.key_secret,
        }
        found = doctor(
            world, "--type", "dags", ASTRO_API_TOKEN="", ASTRO_CI_DEPLOYMENT_NAME="", **key
        )
        assert found["code"] == 0
        assert status(found, "Deployment")[1].startswith("production (")
        assert "ASTRO_API_TOKEN" in found["credentials"]["remedy"]

    def test_half_a_key(self, world: Stage) -> None:
        found = doctor(world, ASTRO_API_TOKEN="", ASTRONOMER_KEY_ID="x")
        assert (found["code"], found["credentials"]["status"]) == (9, "problem")
        assert "ASTRONOMER_KEY_SECRET is not" in status(found, "credentials")[1]


class TestPlatform:
    def test_unreachable(self, world: Stage) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        found = doctor(world, ASTRO_API_URL=url)
        assert (found["code"], found["API"]["status"]) == (5, "problem")
        assert found["credentials"]["status"] == "ok"
        assert {"Deployment", "health", "what runs"} <= set(statuses(found, "not checked"))

    def test_not_a_url(self, world: Stage) -> None:
        found = doctor(world, ASTRO_API_URL="astro")
        assert (found["code"], found["API"]["status"]) == (2, "problem")

    def test_unknown_by_name_and_by_id(self, world: Stage) -> None:
        found = doctor(world, ASTRO_CI_DEPLOYMENT_NAME="prod")
        assert (found["code"], found["Deployment"]["status"]) == (2, "problem")
        assert "production" in found["Deployment"]["remedy"]
        found = doctor(world, "--deployment-id", "clnone", ASTRO_CI_DEPLOYMENT_NAME="")
        assert (found["code"], found["Deployment"]["status"]) == (5, "problem")

    def test_none_named(self, world: Stage) -> None:
        found = doctor(world, ASTRO_CI_DEPLOYMENT_NAME="")
        assert (found["code"], found["Deployment"]["status"]) == (2, "problem")
        assert "no Deployment is named" in status(found, "Deployment")[1]

    def test_dag_only_deploys_disabled(self, world: Stage) -> None:
        env = {"ASTRO_CI_DEPLOYMENT_NAME": "classic"}
        found = doctor(world, **env)
        assert found["DAG-only"]["status"] == "warning"
        # each deploy needs an image, then
        assert (found["code"], found["engine"]["status"]) == (4, "problem")
        found = doctor(world, "--type", "dags", **env)
        assert (found["code"], found["DAG-only"]["status"]) == (2, "problem")

    def test_hibernating(self, world: Stage) -> None:
        world.astro.hibernate("development")
        found = doctor(world, "--type", "dags", ASTRO_CI_DEPLOYMENT_NAME="development")
        assert (found["code"], found["health"]["status"]) == (0, "warning")
        assert status(found, "health")[1].startswith("HIBERNATING")

    def test_a_downgrade(self, world: Stage) -> None:
        world.project.write({"Dockerfile": "FROM quay.io/astronomer/astro-runtime:11.0.0-base\n"})
        found = doctor(world)
        assert (found["code"], found["Runtime"]["status"]) == (3, "problem")
        assert "does not downgrade" in status(found, "Runtime")[1]

    def test_dags_alone_need_no_dockerfile(self, world: Stage) -> None:
        world.project.write({"Dockerfile": "FROM quay.io/astronomer/astro-runtime:11.0.0-base\n"})
        found = doctor(world, "--type", "dags")
        assert (found["code"], found["Runtime"]["status"]) == (0, "ok")
        assert status(found, "Runtime")[1].startswith("not needed for this type of deploy: ")
        world.project.remove("Dockerfile")
        found = doctor(world, "--type", "dags")
        assert (found["code"], found["Dockerfile"]["status"]) == (0, "ok")
        assert not found["Dockerfile"].get("remedy")
        assert doctor(world)["Dockerfile"]["status"] == "problem"

    def test_a_prebuilt_image(self, world: Stage, tmp_path: Path) -> None:
        image = write_tar(tmp_path / "image.tar", saved_files())
        (world.project.root / "Dockerfile").unlink()
        found = doctor(world, "--image-archive", str(image))
        assert found["image"]["message"].endswith(", Astro Runtime 13.1.0")
        assert status(found, "Dockerfile")[1].startswith("not needed")
        assert status(found, "engine") == ("ok", "not needed: this deploy builds no image")
        assert status(found, "Runtime") == ("ok", "the next image stays at 13.1.0")
        assert found["code"] == 0
        labels = {"Labels": {RUNTIME_LABEL: "12.0.0"}}
        older = saved_files(told=config(BASE, CODE, config=labels))
        found = doctor(world, "--image-archive", str(write_tar(tmp_path / "old.tar", older)))
        assert "Astro does not downgrade" in status(found, "Runtime")[1]
        assert found["code"] == 3, "as a deploy would"

    def test_a_prebuilt_image_that_is_not_there(self, world: Stage) -> None:
        found = doctor(world, "--image-archive", "none.tar")
        assert found["image"]["status"] == "problem"
        assert status(found, "Runtime") == ("not checked", "the image has to be found first")
        assert found["code"] == 3

    def test_the_image_alone_needs_no_dags(self, world: Stage) -> None:
        world.project.remove("dags/a.py", "dags/sub/b.py")
        found = doctor(world, "--type", "image")
        assert (found["DAGs"]["status"], found["code"]) == ("ok", 4)

    def test_each_side_of_what_runs(self, world: Stage) -> None:
        first = world.project.head
        world.deploy(requested=Request.DAGS)
        message = status(doctor(world), "what runs")[1]
        expected = f"commit {first[:7]}, in this clone; no commit of the image"
        assert message.startswith(expected)
        message = status(doctor(world, "--type", "dags"), "what runs")[1]
        assert message == f"commit {first[:7]}, in this clone"
        message = status(doctor(world, "--type", "image"), "what runs")[1]
        assert message.startswith("no commit to compare with: ")

    def test_a_version_that_is_not_supported(self, world: Stage) -> None:
        world.project.write({"Dockerfile": "ARG V=9.9-9\nFROM runtime:${V}\n"})
        found = doctor(world)
        assert found["code"] == 3
        assert "does not support" in status(found, "Runtime")[1]

    def test_a_deploy_under_way(self, world: Stage) -> None:
        world.astro.faults.add("POST", "/finalize$", status=400)
        with pytest.raises(Exception, match="finalize"):
            deploy_once(world)
        found = doctor(world, "--type", "dags")
        assert (found["code"], found["other deploys"]["status"]) == (0, "warning")
        assert world.astro.deploys("production")[0].id in status(found, "other deploys")[1]

    def test_it_only_reads(self, world: Stage) -> None:
        world.astro.requests.clear()
        doctor(world)
        assert {request.method for request in world.astro.requests} == {"GET"}


class TestDocker:
    def test_no_engine_and_an_image_is_needed(self, world: Stage) -> None:
        found = doctor(world)  # nothing has been deployed yet
        assert (found["code"], found["engine"]["status"]) == (4, "problem")
        assert "no Docker Engine answers at unix:///nonexistent" in status(found, "engine")[1]

    def test_no_engine_and_it_may_be_needed(self, world: Stage) -> None:
        found = doctor(world, ASTRO_API_TOKEN="")
        assert found["engine"]["status"] == "warning"

    @pytest.mark.docker
    def test_an_engine(self, world: Stage) -> None:
        engine = os.environ.get("DOCKER_HOST", "")
        found = doctor(world, "--type", "image-and-dags", DOCKER_HOST=engine)
        assert found["engine"]["status"] == "ok"
        assert {"builder", "platform", "disk"} <= found.keys()

    @pytest.mark.docker
    def test_the_classic_builder(self, world: Stage, tmp_path: Path) -> None:
        """An engine, and no docker command."""
        git = shutil.which("git")
        assert git is not None
        (tmp_path / "git").symlink_to(git)
        env = {"DOCKER_HOST": os.environ.get("DOCKER_HOST", ""), "PATH": str(tmp_path)}
        found = doctor(world, **env)
        assert (found["code"], found["builder"]["status"]) == (0, "warning")
        mount = "RUN --mount=type=cache,target=/x pip install y\n"
        world.project.write({"Dockerfile": RUNTIME + mount})
        found = doctor(world, **env)
        assert (found["code"], found["builder"]["status"]) == (4, "problem")
        assert "needs BuildKit" in status(found, "builder")[1]
