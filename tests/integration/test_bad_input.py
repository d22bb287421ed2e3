"""What bad input gets: a sentence, a remedy, an exit code, and nothing changed."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from astro_ci.astro.upload import Uploader
from astro_ci.errors import (
    ApiError,
    AstroCIError,
    AuthenticationError,
    ConfigurationError,
    DeployFailedError,
    DeployTimeoutError,
    DockerError,
    NotFoundError,
    ProjectError,
    UnavailableError,
)
from astro_ci.model import DeployType, Request
from astro_ci.sandbox import Sandbox
from tests.integration.sandbox.support import Client, push, upload
from tests.integration.stage import Stage, stage
from tests.repository import Repository
from tests.unit.web.server import Answer, serving

FULL = Request.IMAGE_AND_DAGS


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Stage]:
    with Sandbox(rollout_seconds=0) as astro:
        yield stage(tmp_path, astro)


def refused(
    world: Stage, kind: type[AstroCIError], message: str, hint: str, **options: Any
) -> AstroCIError:
    """Deploy, and expect this refusal with nothing changed."""
    before = world.state()
    with pytest.raises(kind, match=message) as caught:
        world.deploy(**options)
    assert hint in caught.value.hint
    assert world.state() == before
    return caught.value


class TestCredentials:
    def without(self, world: Stage, **env: str) -> dict[str, str]:
        return {"ASTRO_API_URL": world.astro.api_url, **env}

    def test_none(self, world: Stage) -> None:
        error = refused(
            world, AuthenticationError, "no credentials were found", "ASTRO_API_TOKEN",
            env=self.without(world),
        )  # fmt: skip
        assert error.exit_code == 9

    def test_none_in_the_words_of_the_ci_system(self, world: Stage) -> None:
        refused(
            world, AuthenticationError, "no credentials", "Settings > CI/CD > Variables",
            env=self.without(world, GITLAB_CI="true"),
        )  # fmt: skip

    def test_an_expired_token(self, world: Stage) -> None:
        token = world.astro.new_token(lifetime_seconds=-10)
        refused(
            world, AuthenticationError, "ASTRO_API_TOKEN expired on", "Create a new",
            env=self.without(world, ASTRO_API_TOKEN=token),
        )  # fmt: skip
        assert list(world.astro.requests) == [], "it is not even sent"

    def test_no_token_at_all(self, world: Stage) -> None:
        refused(
            world, AuthenticationError, "is not a token", "as it was shown",
            env=self.without(world, ASTRO_API_TOKEN="hunter2"),
        )  # fmt: skip

    def test_a_revoked_token(self, world: Stage) -> None:
        head, claims, _ = world.astro.token.split(".")
        env = self.without(world, ASTRO_API_TOKEN=f"{head}.{claims}.forged")
        refused(world, AuthenticationError, "refused the credentials", "new API token", env=env)

    def test_half_a_key(self, world: Stage) -> None:
        refused(
            world, AuthenticationError, "KEY_ID is set, and ASTRONOMER_KEY_SECRET is not",
            "API token", env=self.without(world, ASTRONOMER_KEY_ID="x"),
        )  # fmt: skip

    def test_refused_keys(self, world: Stage) -> None:
        env = self.without(world, ASTRONOMER_KEY_ID=world.astro.key_id, ASTRONOMER_KEY_SECRET="no")
        refused(world, AuthenticationError, "Astro refused ASTRONOMER_KEY_ID", "exists", env=env)

    def test_a_session_where_only_ci_may_deploy(self, world: Stage, tmp_path: Path) -> None:
        client = Client(world.astro, None)
        client.update("production", isCicdEnforced=True)
        client.close()
        config = tmp_path / ".astro" / "config.yaml"
        config.parent.mkdir()
        token = world.astro.new_token(is_session=True)
        config.write_text(
            "context: localhost\ncontexts:\n  localhost:\n"
            f"    token: Bearer {token}\n    organization: {world.astro.organization_id}\n"
        )
        env = self.without(world, HOME=str(tmp_path))
        refused(world, AuthenticationError, "accepts deploys from CI/CD only", "API token", env=env)


class TestDeployment:
    def test_an_unknown_id(self, world: Stage) -> None:
        error = refused(
            world, NotFoundError, "no Deployment clnope .*request id", "Deployment's page",
            deployment_name=None, deployment_id="clnope",
        )  # fmt: skip
        assert error.exit_code == 5

    def test_an_unknown_name(self, world: Stage) -> None:
        error = refused(
            world, ConfigurationError, "no Deployment is named 'prod'", "classic, development",
            deployment_name="prod",
        )  # fmt: skip
        assert error.exit_code == 2

    def test_a_name_that_several_have(self, world: Stage) -> None:
        """Which the sandbox does not allow in one Workspace, so that another service answers."""
        named = {"name": "twin", "organizationId": "o", "workspaceId": "w", "status": "HEALTHY"}
        twins = [{**named, "id": id_, "isDagDeployEnabled": True} for id_ in ("cl1", "cl2")]
        with serving(Answer({"deployments": twins, "totalCount": 2})) as script:
            env = {**world.env, "ASTRO_API_URL": script.url}
            error = refused(
                world, ConfigurationError, "2 Deployments are named 'twin': cl1, cl2",
                "--deployment-id", deployment_name="twin", env=env,
            )  # fmt: skip
        assert error.exit_code == 2

    def test_none_named_while_there_are_several(self, world: Stage) -> None:
        refused(
            world, ConfigurationError, "no Deployment is named, and the credentials can see 3",
            "ASTRO_DEPLOYMENT_ID", deployment_name=None,
        )  # fmt: skip

    @pytest.mark.parametrize(
        ("ci", "where"),
        [
            ({}, "export ASTRO_DEPLOYMENT_ID=ID"),
            ({"GITLAB_CI": "true"}, "under Settings > CI/CD > Variables;"),
            ({"GITHUB_ACTIONS": "true"}, "deployment-id: ${{ vars.ASTRO_DEPLOYMENT_ID }}"),
            ({"CIRCLECI": "true"}, "under Project Settings > Environment Variables"),
        ],
        ids=["machine", "gitlab", "github", "circleci"],
    )
    def test_none_named_says_where_to_name_it(
        self, world: Stage, ci: dict[str, str], where: str
    ) -> None:
        env = {**world.env, **ci, "ASTRO_CI_DEPLOYMENT_NAME": ""}
        for words in (("deploy",), ("doctor",), ("deployment", "inspect")):
            run = world.command(*words, env=env)
            assert run.code == 2
            assert where in " ".join((run.out + run.err).split()), words

    @pytest.mark.parametrize("words", [("deploy",), ("deployment", "list")])
    def test_no_token_says_where_tokens_are_made_and_how_to_hand_them_over(
        self, world: Stage, words: tuple[str, ...]
    ) -> None:
        run = world.command(*words, env={**world.env, "ASTRO_API_TOKEN": ""})
        assert run.code == 9
        assert "Deployment > Access > API Tokens" in run.err
        assert "export ASTRO_API_TOKEN=" in run.err

    def test_dags_alone_where_that_is_disabled(self, world: Stage) -> None:
        refused(
            world, ConfigurationError, "which are disabled on classic", "image-and-dags",
            deployment_name="classic",
        )  # fmt: skip


class TestProject:
    def test_no_repository(self, world: Stage) -> None:
        shutil.rmtree(world.project.root / ".git")
        refused(world, ProjectError, "not in a git repository", "git checkout")

    def test_no_commit(self, world: Stage) -> None:
        shutil.rmtree(world.project.root / ".git")
        Repository(world.project.root).git("init", "--quiet")
        refused(world, ProjectError, "has no commit yet", "Commit")

    def test_no_project(self, world: Stage) -> None:
        world.project.git("rm", "-rq", "dags", "Dockerfile")
        refused(world, ProjectError, "is not an Astro project", "--project")

    def test_no_such_directory(self, world: Stage) -> None:
        run = world.command("deploy", "--project", "nowhere")
        assert (run.code, run.out) == (3, "")
        assert "error: the project directory nowhere does not exist" in run.err
        assert "hint: Name the directory" in run.err

    def test_modules_of_the_project_are_not_taken_for_ours(self, world: Stage) -> None:
        """`python -m` looks in the working directory first."""
        for name in ("click", "yaml", "requests", "urllib3", "docker", "tenacity"):
            world.project.write({f"{name}.py": "raise SystemExit('the wrong module')\n"})
        world.project.commit()
        assert world.command("deploy", "--dags").code == 0

    def test_no_dockerfile(self, world: Stage) -> None:
        world.project.git("rm", "-q", "Dockerfile")
        error = refused(world, ProjectError, "has no Dockerfile", "FROM an Astro", requested=FULL)
        assert error.exit_code == 3

    @pytest.mark.parametrize("requested", [Request.DAGS, FULL])
    def test_no_dags(self, world: Stage, requested: Request) -> None:
        world.project.git("rm", "-rq", "dags")
        world.project.write({"dags/notes.txt": "nothing here"})
        refused(
            world, ProjectError, "would contain no DAG file", "--allow-shrink", requested=requested
        )

    def test_most_dags_gone(self, world: Stage) -> None:
        world.project.write({f"dags/{n}.py": "x" for n in range(10)})
        world.project.commit()
        world.deploy()
        world.project.remove(*(f"dags/{n}.py" for n in range(9)))
        refused(world, ProjectError, "would contain 3 files .* half of the 12", "--allow-shrink")
        assert world.deploy(allow_shrink=True).outcome == "deployed"

    def test_a_bad_dockerignore(self, world: Stage) -> None:
        world.project.write({".dockerignore": "ok\n[\n"})
        refused(world, ProjectError, r"\.dockerignore line 2", "Correct the pattern")

    def test_a_git_lfs_pointer(self, world: Stage) -> None:
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 1\n"
        world.project.write({"dags/model.bin": pointer})
        refused(world, ProjectError, "model.bin is a Git LFS pointer", "git lfs pull")

    def test_a_submodule_that_is_not_there(self, world: Stage, tmp_path: Path) -> None:
        library = Repository.create(tmp_path / "library", {"lib.py": "x"})
        world.project.git("submodule", "--quiet", "add", str(library.root), "dags/lib")
        world.project.commit()
        world.project.git("submodule", "--quiet", "deinit", "--force", "dags/lib")
        refused(world, ProjectError, "not checked out: dags/lib", "git submodule update")

    def test_a_submodule_of_the_image_that_is_not_there(self, world: Stage, tmp_path: Path) -> None:
        library = Repository.create(tmp_path / "library", {"lib.py": "x"})
        world.project.git("submodule", "--quiet", "add", str(library.root), "include/lib")
        world.project.commit()
        world.project.git("submodule", "--quiet", "deinit", "--force", "include/lib")
        refused(world, ProjectError, "not checked out: include/lib", "submodule", requested=FULL)
        assert world.deploy().outcome == "deployed", "the DAGs alone need it not"

    def test_a_submodule_of_a_submodule_that_is_not_there(
        self, world: Stage, tmp_path: Path
    ) -> None:
        inner = Repository.create(tmp_path / "inner", {"i.py": "x"})
        library = Repository.create(tmp_path / "library", {"lib.py": "x"})
        library.git("submodule", "--quiet", "add", str(inner.root), "inner")
        library.commit()
        world.project.git("submodule", "--quiet", "add", str(library.root), "dags/lib")
        world.project.commit()
        refused(world, ProjectError, "not checked out: dags/lib/inner", "git submodule update")

    def test_links_out_of_the_bundle_with_airflow_3(self, world: Stage) -> None:
        (world.project.root / "dags" / "out").symlink_to("../include")
        assert world.deploy().outcome == "deployed", "Airflow 2 takes them"
        client = Client(world.astro, None)
        client.deploy_image("production", dags=b"", runtime="3.1-2")
        client.close()
        refused(world, ProjectError, "lead out of the bundle .*Airflow 3 refuses", "Replace")


class TestConfiguration:
    @pytest.mark.parametrize(
        ("arguments", "message", "hint"),
        [
            (
                ["--description", "x" * 501],
                "--description is too long: it has 501 characters",
                "Shorten it to",
            ),
            (["--type", "everything"], "is not a deploy type", "dags-only"),
            (["--dags", "--image"], "contradict each other", "Use only one"),
            (["--wait-time", "soon"], "'soon' is not a duration", "10m"),
            (["--base", "nowhere"], "--base nowhere is not a commit", "exists"),
            (["--deployment-id", "a/b"], "not an id", "--deployment-name"),
        ],
    )
    def test_options(self, world: Stage, arguments: list[str], message: str, hint: str) -> None:
        run = world.command("deploy", *arguments)
        assert run.code == 2
        assert message in run.err
        assert hint in run.err
        assert run.out == ""

    def test_a_flag_that_is_no_boolean(self, world: Stage) -> None:
        run = world.command("deploy", env={**world.env, "ASTRO_CI_REDEPLOY": "maybe"})
        assert run.code == 2
        assert "ASTRO_CI_REDEPLOY" in run.err

    @pytest.mark.parametrize(
        "name", ["FORCE", "REDEPLOY", "TYPE", "BASE", "DESCRIPTION", "WAIT", "WAIT_TIME"]
    )
    def test_an_empty_variable_is_unset(self, world: Stage, name: str) -> None:
        run = world.command("plan", env={**world.env, f"ASTRO_CI_{name}": ""})
        assert run.code == 0, run.err


class TestDocker:
    def test_no_engine(self, world: Stage) -> None:
        env = {**world.env, "DOCKER_HOST": "unix:///nonexistent.sock"}
        error = refused(
            world,
            DockerError,
            "no Docker Engine answers at",
            "tart Docker",
            requested=FULL,
            env=env,
        )
        assert error.exit_code == 4
        assert world.astro.deploys("production") == [], "no deploy was created"


class TestAstro:
    """What the platform may do to a deploy of DAGs."""

    def test_an_upload_url_that_has_expired(self, world: Stage) -> None:
        world.astro.faults.add("PUT", "^/blobs/", status=403, times=None)
        error = refused(world, ApiError, "was refused with 403.*left unfinished", "")
        assert error.exit_code == 5
        assert world.astro.deploys("production")[0].id in str(error)

    def test_a_blob_store_without_versions(self, world: Stage) -> None:
        world.astro.faults.add("PUT", "^/blobs/", strip=["x-ms-version-id"], times=None)
        refused(world, ApiError, "returned no version for it", "proxy")
        assert world.astro.deploys("production")[0].status == "INITIALIZED", "never finalized"

    def test_finalize_is_refused(self, world: Stage) -> None:
        world.astro.faults.add("POST", "/finalize$", status=400)
        refused(world, ApiError, "finalize answered 400.*left unfinished", "")

    def test_a_deploy_that_fails(self, world: Stage) -> None:
        world.deploy()
        world.project.write({"dags/a.py": "a = 2\n"})
        world.astro.fail_next_deploy("production")
        with pytest.raises(DeployFailedError, match=r"reports that deploy .* failed") as caught:
            world.deploy()
        assert caught.value.exit_code == 7
        assert world.astro.deployment("production").dag_tarball_version
        assert world.deploy(requested=Request.DAGS).outcome == "deployed"

    def test_the_deployment_turns_unhealthy(self, world: Stage) -> None:
        world.astro.fail_next_rollout("production")
        with pytest.raises(DeployFailedError, match="turned UNHEALTHY") as caught:
            world.deploy(wait_seconds=0.5)
        assert "roll back" in caught.value.hint

    def test_the_wait_runs_out(self, tmp_path: Path) -> None:
        with Sandbox(rollout_seconds=600) as astro:
            world = stage(tmp_path, astro)
            with pytest.raises(DeployTimeoutError, match="is not live after 1 seconds") as caught:
                world.deploy(wait_seconds=1)
            assert caught.value.exit_code == 8
            assert "--wait-time" in caught.value.hint
            assert world.astro.deploys("production")[0].status == "DEPLOYED"

    def test_the_api_answers_with_a_page(self, world: Stage) -> None:
        world.astro.faults.add("GET", "/deployments", status=200, html=True)
        refused(world, ApiError, "a web page or other text instead of JSON", "ASTRO_API_URL")

    def test_the_api_is_down(self, world: Stage) -> None:
        fault = world.astro.faults.add("GET", "/deployments", status=500, times=5)
        error = refused(world, UnavailableError, r"answered 500: .*request id fault", "again")
        assert (error.exit_code, fault.hits, len(world.naps)) == (5, 5, 4)

    def test_the_api_is_down_for_a_moment(self, world: Stage) -> None:
        world.astro.faults.add("GET", "/deployments", status=503, times=4)
        assert world.deploy().outcome == "deployed"

    def test_the_api_hangs(self, world: Stage) -> None:
        world.astro.faults.add("GET", "/deployments", status=None, hang_seconds=30, times=None)
        with pytest.raises(UnavailableError, match="it timed out"):
            world.deploy()

    def test_nobody_listens(self, world: Stage) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(UnavailableError, match="Connection refused") as caught:
            world.deploy(env={**world.env, "ASTRO_API_URL": url})
        assert "proxy" in caught.value.hint


class TestLostAnswers:
    """A deploy happens once, whatever gets lost on the way."""

    def test_of_create(self, world: Stage) -> None:
        world.astro.faults.add("POST", "/deploys$", after=True, drop=True)
        result = world.deploy()
        (deploy,) = world.astro.deploys("production")
        assert (result.outcome, result.deploy_id) == ("deployed", deploy.id), (
            "it is found, and used"
        )

    @pytest.mark.parametrize("drop", [False, True])
    def test_of_finalize(self, world: Stage, drop: bool) -> None:
        fault = world.astro.faults.add("POST", "/finalize$", after=True, drop=drop)
        assert world.deploy().outcome == "deployed"
        assert fault.hits == 1
        assert [d.status for d in world.astro.deploys("production")] == ["DEPLOYED"]

    def test_of_a_finalize_that_did_not_arrive(self, world: Stage) -> None:
        world.astro.faults.add("POST", "/finalize$", status=502, times=2)
        assert world.deploy().outcome == "deployed"

    def test_of_an_upload(self, world: Stage) -> None:
        world.astro.faults.add("PUT", "^/blobs/", after=True, drop=True)
        assert world.deploy().outcome == "deployed"
        assert world.running_dags() == world.checked_out_dags()

    def test_while_waiting(self, world: Stage) -> None:
        world.astro.faults.add("GET", "/deploys/", status=500, times=7)
        assert world.deploy().outcome == "deployed"


class TestMeanwhile:
    """Somebody else deploys between our plan and our finalize."""

    @pytest.fixture
    def intrude(
        self, world: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> Callable[[Callable[[], None]], None]:
        """Let something happen once, right before the bundle is uploaded."""

        def arrange(action: Callable[[], None]) -> None:
            send, done = Uploader.upload, list[bool]()

            def upload_after(self: Uploader, *args: Any, **kwargs: Any) -> str:
                if not done:
                    done.append(True)
                    action()
                return send(self, *args, **kwargs)

            monkeypatch.setattr(Uploader, "upload", upload_after)

        return arrange

    def by_hand(self, world: Stage, kind: str, git: dict[str, str] | None = None) -> None:
        client = Client(world.astro, None)
        if kind == "image":
            client.deploy_image("production", dags=b"x")
        else:
            client.deploy_dags(b"x", "production", **({"git": git} if git else {}))
        client.close()

    def test_the_same_kind(self, world: Stage, intrude: Any) -> None:
        intrude(lambda: self.by_hand(world, "dags"))
        assert world.deploy().outcome == "deployed"
        assert world.running_dags() == world.checked_out_dags()

    def test_a_newer_commit(self, world: Stage, intrude: Any) -> None:
        old = world.project.head
        world.project.write({"dags/a.py": "a = 2\n"})
        newer = world.project.commit()
        world.project.git("checkout", "--quiet", old)
        git = {"provider": "GENERIC", "remoteUrl": "x", "commitSha": newer}
        intrude(lambda: self.by_hand(world, "dags", git))
        result = world.deploy()
        assert (result.outcome, result.plan.deploy_type) == ("skipped", "none")
        assert "a newer commit is already running" in result.plan.reason
        assert world.astro.bundle("production") == b"x"

    def test_an_image_that_our_dags_were_not_planned_for(self, world: Stage, intrude: Any) -> None:
        commit = {"provider": "GENERIC", "remoteUrl": "x", "commitSha": world.project.head}
        client = Client(world.astro, None)
        made = client.create("IMAGE_AND_DAG", git=commit)
        push(world.astro, made)
        client.finalize(made, dagTarballVersion=upload(made, b"x"))
        client.close()
        world.project.write({"dags/a.py": "a = 2\n"})
        intrude(lambda: self.by_hand(world, "image"))
        plans: list[DeployType] = []
        env = {**world.env, "DOCKER_HOST": "unix:///nowhere.sock"}
        with pytest.raises(DockerError):  # as the image has to be built now
            world.deploy(
                requested=Request.AUTO, env=env, on_plan=lambda plan: plans.append(plan.deploy_type)
            )
        assert plans == [DeployType.DAGS, DeployType.IMAGE_AND_DAGS], "it is planned again"
        assert world.astro.bundle("production") == b"x"


ODD_NAMES = [
    "a b.py",
    "new\nline.py",
    "tab\t.py",
    "-rf.py",
    '"quoted".py',
    "\udcff\udcfe.py",
    "ünï.py",
    f"{'x' * 252}.py",
    "$(touch x).py",
    "::error::x.py",
    "*.py",
    "\x1b[31m.py",
]


def test_odd_names_ship_byte_for_byte(world: Stage) -> None:
    world.project.write(
        {f"dags/{name}": f"name = {number}\n" for number, name in enumerate(ODD_NAMES)}
    )
    world.project.commit()
    run = world.command("deploy", "--type", "dags", "--json")
    assert run.code == 0, run.err
    assert run.document["outcome"] == "deployed"
    assert world.running_dags() == world.checked_out_dags()
    assert len(world.running_dags()) == len(ODD_NAMES) + 2
    plan = world.command("plan", "--json")
    assert plan.document["content"]["dags"] == "same"
