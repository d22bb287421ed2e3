"""`plan` over real repositories, with a history that another client made by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from astro_ci.configuration.config import Config
from astro_ci.errors import ConfigurationError, ProjectError
from astro_ci.model import DeployType, Plan, Request
from astro_ci.sandbox import Sandbox
from astro_ci.survey.plan import plan
from tests.integration.sandbox.support import Client, push, upload
from tests.integration.stage import Stage
from tests.repository import Repository, fingerprint

FILES = {
    "Dockerfile": "FROM x\n",
    ".dockerignore": "include/scratch\n",
    "requirements.txt": "a\n",
    "README.md": "hello\n",
    "dags/a.py": "a = 1\n",
    "dags/b.py": "b = 1\n",
}
NONE, DAGS, FULL = DeployType.NONE, DeployType.DAGS, DeployType.IMAGE_AND_DAGS
REMOTE = "https://git.example.com/acme/airflow.git"


class World:
    """A sandbox, a repository, and a client that is not us."""

    def __init__(self, astro: Sandbox, repository: Repository) -> None:
        self.astro = astro
        self.repository = repository
        self.client = Client(astro, None)

    def git(self, commit: str, *, remote: str = REMOTE, path: str = "") -> dict[str, str]:
        found = {"provider": "GENERIC", "remoteUrl": remote, "commitSha": commit}
        return {**found, "path": path} if path else found

    def deploy(self, kind: str, git: dict[str, str] | None, name: str = "production") -> None:
        """Deploy by hand, with content that does not matter."""
        body: dict[str, Any] = {"git": git} if git else {}
        deploy = self.client.create(kind, name, **body)
        final: dict[str, Any] = {}
        if kind != "DAG_ONLY":
            push(self.astro, deploy)
        if kind != "IMAGE_ONLY" and "dagsUploadUrl" in deploy:
            final["dagTarballVersion"] = upload(deploy, b"bundle")
        self.client.finalize(deploy, name, **final)

    def plan(self, name: str | None = "production", **options: Any) -> Plan:
        options.setdefault("project", self.repository.root)
        env = {"ASTRO_API_URL": self.astro.api_url, "ASTRO_API_TOKEN": self.astro.token}
        return plan(Config(deployment_name=name, **options), env)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    repository = Repository.create(tmp_path / "project", FILES)
    repository.git("remote", "add", "origin", REMOTE)
    with Sandbox(rollout_seconds=0) as astro:
        made = World(astro, repository)
        yield made
        made.client.close()


def affected(found: Plan) -> dict[str, str]:
    return {change.path: change.affects for change in found.changes}


class TestWhatRuns:
    def test_nothing_was_deployed_yet(self, world: World) -> None:
        found = world.plan()
        assert found.deploy_type is FULL
        assert "nothing has been deployed yet" in found.reason
        assert (found.base.image, found.base.dags, found.base.source) == (None, None, "none")

    def test_both_sides_have_their_own_base(self, world: World) -> None:
        first = world.repository.head
        world.deploy("IMAGE_AND_DAG", world.git(first))
        world.repository.write({"dags/a.py": "a = 2\n"})
        second = world.repository.commit()
        world.deploy("DAG_ONLY", world.git(second))
        world.repository.write({"dags/b.py": "b = 2\n"})
        world.repository.commit()
        found = world.plan()
        assert (found.base.image, found.base.dags) == (first, second)
        assert (found.deploy_type, affected(found)) == (DAGS, {"dags/b.py": "dags"})

    def test_a_change_of_an_earlier_commit_is_not_lost(self, world: World) -> None:
        world.deploy("IMAGE_AND_DAG", world.git(world.repository.head))
        world.repository.write({"requirements.txt": "b\n"})
        world.repository.commit("its deploy failed")
        world.repository.write({"dags/a.py": "a = 2\n"})
        world.repository.commit("only a DAG")
        assert world.plan().deploy_type is FULL

    def test_a_rollback_is_noticed(self, world: World) -> None:
        first = world.repository.head
        world.deploy("IMAGE_AND_DAG", world.git(first))
        good = world.client.call("GET", world.client.path("production", "/deploys"))["deploys"][0]
        world.repository.write({"requirements.txt": "b\n"})
        world.deploy("IMAGE_AND_DAG", world.git(world.repository.commit()))
        assert world.plan().deploy_type is NONE
        path = world.client.path("production", f"/deploys/{good['id']}/rollback")
        world.client.call("POST", path, json={"description": "bad release"})
        found = world.plan()
        assert (found.deploy_type, found.base.image) == (FULL, first)

    @pytest.mark.parametrize(
        ("git", "why"),
        [
            (None, "does not say which commit"),
            ({"remote": "git@git.example.com:acme/dags.git"}, "another repository"),
            ({"path": "other"}, "another project path"),
        ],
    )
    def test_a_deploy_that_tells_nothing_of_ours(
        self, world: World, git: dict[str, str] | None, why: str
    ) -> None:
        head = world.repository.head
        world.deploy("IMAGE_AND_DAG", None if git is None else world.git(head, **git))
        found = world.plan()
        assert found.deploy_type is FULL
        assert why in found.reason

    def test_the_same_repository_by_another_address(self, world: World) -> None:
        git = world.git(world.repository.head, remote="ssh://git@git.example.com/acme/airflow")
        world.deploy("IMAGE_AND_DAG", git)
        assert world.plan().deploy_type is NONE

    def test_a_base_that_is_gone(self, world: World) -> None:
        world.deploy("IMAGE_AND_DAG", world.git("d" * 40))
        world.repository.git("remote", "set-url", "origin", "file:///nowhere/acme/airflow.git")
        world.repository.git("remote", "remove", "origin")
        found = world.plan()
        assert found.deploy_type is FULL
        assert "dddddddddddd is not in this clone and cannot be fetched" in found.reason

    def test_a_newer_commit_runs(self, world: World) -> None:
        old = world.repository.head
        world.deploy("IMAGE_AND_DAG", world.git(old))
        world.repository.write({"dags/a.py": "a = 2\n"})
        new = world.repository.commit()
        world.deploy("DAG_ONLY", world.git(new))
        world.repository.git("checkout", "--quiet", old)
        found = world.plan()
        assert (found.deploy_type, found.reason) == (
            NONE,
            f"a newer commit is already running: {new[:7]} came after {old[:7]} "
            "(to go back to it on purpose, use --allow-older, or roll back to an earlier deploy in "
            "Astro)",
        )
        assert world.plan(allow_older=True).deploy_type is DAGS

    def test_a_push_back_to_an_older_commit_is_meant(self, world: World, tmp_path: Path) -> None:
        old = world.repository.head
        world.deploy("IMAGE_AND_DAG", world.git(old))
        world.repository.write({"dags/a.py": "a = 2\n"})
        new = world.repository.commit()
        world.deploy("DAG_ONLY", world.git(new))
        world.repository.git("reset", "--quiet", "--hard", old)
        event = tmp_path / "event.json"
        event.write_text(f'{{"before": "{new}", "after": "{old}", "forced": true}}')
        env = {
            "ASTRO_API_URL": world.astro.api_url,
            "ASTRO_API_TOKEN": world.astro.token,
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": "push",
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_REF": "refs/heads/main",
            "GITHUB_REF_NAME": "main",
            "GITHUB_REF_TYPE": "branch",
            "GITHUB_SHA": old,
        }
        config = Config(project=world.repository.root, deployment_name="production")
        assert plan(config, env).deploy_type is DAGS

    def test_dag_only_deploys_are_disabled(self, world: World) -> None:
        world.deploy("IMAGE_AND_DAG", world.git(world.repository.head), "classic")
        assert world.plan("classic").deploy_type is NONE
        world.repository.write({"dags/a.py": "a = 2\n"})
        assert world.plan("classic").deploy_type is FULL
        with pytest.raises(ConfigurationError, match="disabled on classic"):
            world.plan("classic", requested=Request.DAGS)

    def test_dag_only_deploys_were_switched_since(self, world: World) -> None:
        world.deploy("IMAGE_AND_DAG", world.git(world.repository.head))
        world.client.update("production", isDagDeployEnabled=False)
        found = world.plan()
        assert found.deploy_type is FULL
        assert "DAG-only deploys were switched" in found.reason


class TestPaths:
    """What counts as which side, seen through git."""

    @pytest.fixture
    def live(self, world: World) -> World:
        world.deploy("IMAGE_AND_DAG", world.git(world.repository.head))
        return world

    def test_both_sides_of_a_rename_count(self, live: World) -> None:
        live.repository.git("mv", "dags/a.py", "renamed.py")
        live.repository.commit()
        found = live.plan()
        assert affected(found) == {"dags/a.py": "dags", "renamed.py": "image"}
        assert found.deploy_type is FULL

    def test_generated_dags_count_although_git_ignores_them(self, live: World) -> None:
        live.repository.write({".gitignore": "dags/generated/\n"})
        live.repository.commit()
        assert live.plan().deploy_type is NONE
        live.repository.write({"dags/generated/g.py": "g\n"})
        found = live.plan()
        assert (found.deploy_type, found.dirty) == (DAGS, False)

    def test_leftovers_never_cause_a_deploy(self, live: World) -> None:
        live.repository.write(
            {
                "dags/__pycache__/a.cpython-311.pyc": "x",
                ".pytest_cache/README.md": "x",
                ".mypy_cache/x": "x",
                ".venv/pyvenv.cfg": "x",
                ".venv/lib/x.py": "x",
            }
        )
        found = live.plan()
        assert (found.deploy_type, found.dirty, affected(found)) == (NONE, False, {})

    def test_what_the_image_leaves_out_never_causes_a_deploy(self, live: World) -> None:
        live.repository.write({"include/scratch/x": "x", "README.md": "new\n", "tests/t.py": "t"})
        found = live.plan()
        assert found.deploy_type is NONE
        assert set(affected(found).values()) == {"nothing"}

    def test_uncommitted_changes_count(self, live: World) -> None:
        live.repository.write({"dags/a.py": "edited\n", "plugins/new.py": "p\n"})
        found = live.plan()
        assert (found.deploy_type, found.dirty) == (FULL, True)
        assert affected(found) == {"dags/a.py": "dags", "plugins/new.py": "image"}

    def test_uncommitted_files_that_shape_the_image_from_elsewhere_count(
        self, tmp_path: Path, live: World
    ) -> None:
        above = Repository.create(
            tmp_path / "above", {"astro/Dockerfile": "FROM x\n", "astro/dags/a.py": "", "lib/x": ""}
        )
        options: dict[str, Any] = {"project": above.root / "astro", "image_paths": ["lib/**"]}
        assert not live.plan(**options).dirty
        above.write({"notes.txt": "outside of all"})
        assert not live.plan(**options).dirty
        above.write({"lib/x": "edited"})
        assert live.plan(**options).dirty

    @pytest.mark.parametrize("is_ignored", [False, True])
    def test_dags_that_lie_in_another_repository_are_refused(
        self, live: World, tmp_path: Path, is_ignored: bool
    ) -> None:
        """Of a submodule git knows the commit alone, and of a clone that it ignores nothing."""
        library = Repository.create(tmp_path / "library", {"dags/a.py": "1"})
        if is_ignored:
            live.repository.write({".gitignore": "lib\n"})
            library.clone(live.repository.root / "lib")
        else:
            live.repository.git("submodule", "--quiet", "add", str(library.root), "lib")
        live.repository.commit()
        with pytest.raises(ProjectError, match="lies in another repository, lib"):
            live.plan(dags_path="lib/dags")

    def test_image_paths_outside_of_the_repository_match_nothing(
        self, live: World, tmp_path: Path
    ) -> None:
        (tmp_path / "shared").mkdir()
        assert live.plan(image_paths=["../shared/**"]).deploy_type is NONE

    def test_the_plan_changes_nothing(self, live: World) -> None:
        live.repository.write({"dags/a.py": "edited\n"})
        before = fingerprint(live.repository.root)
        live.plan()
        assert fingerprint(live.repository.root) == before

    def test_fixtures_that_the_image_leaves_out_are_no_wipe(self, world: World) -> None:
        world.repository.write({f"dags/fix/{n}.py": "x" for n in range(9)})
        world.repository.write({".dockerignore": "dags/fix\n"})
        world.deploy("IMAGE_AND_DAG", world.git(world.repository.commit()), "classic")
        world.repository.write({"dags/a.py": "a = 2\n"})
        assert world.plan("classic").deploy_type is FULL


class TestOddPlaces:
    def test_a_colon_in_the_path(self, tmp_path: Path) -> None:
        repository = Repository.create(tmp_path / "a:b" / "project", FILES)
        assert plan(Config(project=repository.root), {}).deploy_type is FULL

    def test_a_remote_that_is_no_url(self, world: World) -> None:
        world.repository.git("remote", "set-url", "origin", "https://u:ab[cd@git.example.com/x")
        assert world.plan().deploy_type is FULL

    def test_signatures_that_git_would_show(self, world: World) -> None:
        world.repository.git("config", "log.showSignature", "true")
        assert world.plan().head == world.repository.head


class TestProjectPlaces:
    @pytest.fixture
    def below(self, world: World) -> World:
        """The project moves into a directory, beside one whose name starts alike."""
        files = {f"my astro/{name}": content for name, content in FILES.items()}
        world.repository.write({**files, "my astro 2/dags/x.py": "x", "shared/lib.py": "1"})
        world.repository.commit()
        git = world.git(world.repository.head, path="my astro")
        world.deploy("IMAGE_AND_DAG", git)
        return world

    def test_a_link_to_the_project(self, below: World, tmp_path: Path) -> None:
        link = tmp_path / "link"
        link.symlink_to(below.repository.root / "my astro")
        assert below.plan(project=link).deploy_type is NONE

    @pytest.mark.parametrize("spelled", ["my astro", "my astro/", "./my astro", "dags/../my astro"])
    def test_spellings(self, below: World, spelled: str) -> None:
        project = Path(f"{below.repository.root}/{spelled}")
        below.repository.write({"my astro/dags/a.py": "new\n", "my astro 2/dags/x.py": "new\n"})
        found = below.plan(project=project)
        assert (found.deploy_type, affected(found)) == (DAGS, {"my astro/dags/a.py": "dags"})

    def test_a_sibling_does_not_matter(self, below: World) -> None:
        below.repository.write({"my astro 2/dags/x.py": "new", "dags/a.py": "new", "x": "x"})
        below.repository.commit()
        assert below.plan(project=below.repository.root / "my astro").deploy_type is NONE

    def test_image_paths_reach_outside(self, below: World) -> None:
        project = below.repository.root / "my astro"
        below.repository.write({"shared/lib.py": "2"})
        assert below.plan(project=project).deploy_type is NONE
        found = below.plan(project=project, image_paths=["shared/**"])
        assert (found.deploy_type, affected(found)["shared/lib.py"]) == (FULL, "image")

    def test_image_paths_may_name_what_git_ignores(self, below: World) -> None:
        project = below.repository.root / "my astro"
        below.repository.write({".gitignore": "*.whl\n"})
        below.repository.commit()
        below.repository.write({"shared/dist/lib.whl": "1", "my astro/other.whl": "1"})
        assert below.plan(project=project).deploy_type is NONE
        assert below.plan(project=project, image_paths=["shared/dist/*.whl"]).deploy_type is FULL

    def test_dags_elsewhere(self, below: World) -> None:
        below.repository.write({"pipelines/p.py": "p = 1\n"})
        below.repository.commit()
        below.deploy("IMAGE_AND_DAG", below.git(below.repository.head, path="my astro"))
        options: dict[str, Any] = {
            "project": below.repository.root / "my astro",
            "dags_path": "../pipelines",
        }
        assert below.plan(**options).deploy_type is NONE
        below.repository.write({"pipelines/p.py": "p = 2\n"})
        found = below.plan(**options)
        assert (found.deploy_type, affected(found)) == (DAGS, {"pipelines/p.py": "dags"})

    def test_a_repository_that_is_nothing_but_dags(self, world: World) -> None:
        options: dict[str, Any] = {"dags_path": ".", "requested": Request.DAGS}
        world.deploy("DAG_ONLY", world.git(world.repository.head))
        found = world.plan(**options, skip_unchanged=True)
        assert (found.deploy_type, found.content.dags) == (NONE, "same")
        world.repository.write({"new.py": "n\n"})
        found = world.plan(**options, skip_unchanged=True)
        assert (found.deploy_type, affected(found)) == (DAGS, {"new.py": "dags"})

    def test_dags_behind_a_link(self, world: World) -> None:
        world.repository.git("rm", "-r", "--quiet", "dags")
        world.repository.write({"shared/dags/a.py": "a = 1\n"})
        (world.repository.root / "dags").symlink_to("shared/dags")
        world.repository.commit()
        world.deploy("IMAGE_AND_DAG", world.git(world.repository.head))
        assert world.plan().deploy_type is NONE
        world.repository.write({"shared/dags/a.py": "a = 2\n"})
        found = world.plan()
        assert (found.deploy_type, affected(found)) == (DAGS, {"shared/dags/a.py": "dags"})

    def test_dags_outside_the_repository_are_refused(self, world: World, tmp_path: Path) -> None:
        (tmp_path / "elsewhere").mkdir()
        with pytest.raises(ProjectError, match="out of the repository"):
            world.plan(dags_path=str(tmp_path / "elsewhere"))


def test_a_sparse_checkout_is_fine_as_long_as_the_project_is_whole(world: World) -> None:
    world.repository.write({"docs/x/y.md": "d", "include/sql/q.sql": "q"})
    world.repository.commit()
    world.deploy("IMAGE_AND_DAG", world.git(world.repository.head))
    world.repository.git("sparse-checkout", "set", "dags", "include")
    assert world.plan().deploy_type is NONE
    world.repository.git("sparse-checkout", "set", "dags")
    with pytest.raises(ProjectError, match=r"sparse and leaves out .*: include/sql/q.sql"):
        world.plan()


class TestBuildFilesBehindLinks:
    """A Dockerfile may be a link, to where no other rule would look."""

    @pytest.mark.parametrize(
        ("project", "links", "ignored"),
        [
            ("p", {"p/Dockerfile": "../common/Dockerfile"}, "Dockerfile"),
            ("", {"Dockerfile": "docker/Dockerfile.prod"}, "docker/\nDockerfile"),
            ("", {"Dockerfile": ".devcontainer/Dockerfile"}, ""),
            ("", {"Dockerfile": "one", "one": "docs/two", "docs/two": "../tests/three"}, ""),
            ("p", {"p/Dockerfile": "../way/Dockerfile", "way": "common"}, "Dockerfile"),
        ],
    )
    def test_what_they_lead_to_is_image(
        self, world: World, project: str, links: dict[str, str], ignored: str
    ) -> None:
        root = world.repository.root
        inside = f"{project}/" if project else ""
        (root / "Dockerfile").unlink()
        world.repository.write({f"{inside}.dockerignore": ignored, f"{inside}dags/a.py": "a"})
        for name, target in links.items():
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).symlink_to(target)
        behind = (root / inside / "Dockerfile").resolve()
        behind.parent.mkdir(exist_ok=True)
        behind.write_text("FROM x\n")
        world.deploy("IMAGE_AND_DAG", world.git(world.repository.commit(), path=project))
        assert world.plan(project=root / project).deploy_type is NONE
        behind.write_text("FROM y\n")
        found = world.plan(project=root / project)
        assert (found.deploy_type, found.dirty) == (FULL, True)
        world.repository.commit()
        assert world.plan(project=root / project).deploy_type is FULL

    def test_a_link_that_changes(self, world: World) -> None:
        root = world.repository.root
        world.repository.write({"docs/a": "FROM x\n", "docs/b": "FROM y\n"})
        (root / "docs/link").symlink_to("a")
        (root / "Dockerfile").unlink()
        (root / "Dockerfile").symlink_to("docs/link")
        world.deploy("IMAGE_AND_DAG", world.git(world.repository.commit()))
        (root / "docs/link").unlink()
        (root / "docs/link").symlink_to("b")
        world.repository.commit()
        assert world.plan().deploy_type is FULL

    def test_out_of_the_repository(self, world: World, tmp_path: Path) -> None:
        (tmp_path / "Dockerfile").write_text("FROM x\n")
        (world.repository.root / "Dockerfile").unlink()
        (world.repository.root / "Dockerfile").symlink_to("../Dockerfile")
        with pytest.raises(ProjectError, match="Dockerfile is a link that leads out of"):
            world.plan()


class TestShrinking:
    """The guard against a wipe counts what runs by the rules that held for it."""

    def deployed(self, world: World, files: dict[str, str]) -> None:
        world.repository.write(files)
        world.deploy("IMAGE_AND_DAG", world.git(world.repository.commit()))

    def test_a_virtual_environment_never_counted(self, world: World) -> None:
        venv = {f"dags/env/lib/{number}.py": "x" for number in range(20)}
        self.deployed(world, {**venv, "dags/env/pyvenv.cfg": "home = x"})
        world.repository.git("rm", "-rq", "dags/env")
        world.repository.write({"dags/a.py": "a = 2\n"})
        world.repository.commit()
        assert world.plan().deploy_type is DAGS

    def test_a_directory_becomes_one(self, world: World) -> None:
        self.deployed(world, {f"dags/lib/{number}.py": "x" for number in range(20)})
        world.repository.write({"dags/lib/pyvenv.cfg": "home = x"})
        world.repository.commit()
        with pytest.raises(ProjectError, match=r"would contain 2 files .* half of the 22"):
            world.plan()
        assert world.plan(allow_shrink=True).deploy_type is DAGS

    def test_dags_that_are_a_submodule(self, world: World, tmp_path: Path) -> None:
        inner = Repository.create(tmp_path / "in", {f"{number}.py": "x" for number in range(20)})
        world.repository.git("rm", "-rq", "dags")
        allow = ("-c", "protocol.file.allow=always")
        world.repository.git(*allow, "submodule", "--quiet", "add", str(inner.root), "dags")
        world.deploy("IMAGE_AND_DAG", world.git(world.repository.commit()))
        for number in range(2, 20):
            inner.git("rm", "-q", f"{number}.py")
        inner.commit("most are gone")
        world.repository.git("-C", "dags", "pull", "--quiet")
        world.repository.commit()
        with pytest.raises(ProjectError, match=r"would contain 2 files .* half of the 20"):
            world.plan()


def test_attributes_count_for_the_dags_as_well(world: World) -> None:
    """They change the bytes of the bundle, though no blob of it changes."""
    world.deploy("IMAGE_AND_DAG", world.git(world.repository.head))
    world.repository.write({".gitattributes": "*.py eol=crlf\n"})
    world.repository.commit()
    found = world.plan(requested=Request.DAGS, skip_unchanged=True)
    assert (found.deploy_type, found.content.dags) == (DAGS, "different")
    assert world.plan().deploy_type is FULL


def test_line_ends_of_the_checkout_count(world: World) -> None:
    """The objects are the same, and the bytes that ship are not."""
    stage = Stage(world.astro, world.repository)
    assert stage.deploy().outcome == "deployed"
    assert stage.deploy(skip_unchanged=True).outcome == "skipped"
    world.repository.git("config", "core.autocrlf", "true")
    (world.repository.root / "dags/a.py").unlink()
    world.repository.git("checkout", "--", "dags/a.py")
    assert stage.deploy(skip_unchanged=True).outcome == "deployed"
    assert stage.running_dags()["dags/a.py"] == b"a = 1\r\n"
    world.repository.git("config", "core.autocrlf", "input")
    (world.repository.root / "dags/a.py").unlink()
    world.repository.git("checkout", "--", "dags/a.py")
    assert stage.deploy(skip_unchanged=True).outcome == "deployed"
    assert stage.running_dags() == stage.checked_out_dags()


def test_a_replaced_commit_is_not_what_was_deployed(world: World) -> None:
    base = world.repository.head
    world.deploy("IMAGE_AND_DAG", world.git(base))
    world.repository.write({"dags/a.py": "a = 2\n"})
    world.repository.git("replace", base, world.repository.commit())
    assert world.plan().deploy_type is DAGS


def test_git_may_trace_itself(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.deploy("IMAGE_AND_DAG", world.git(world.repository.head))
    monkeypatch.setenv("GIT_TRACE", "/dev/stdout")
    assert world.plan().deploy_type is NONE


class TestRepeatedRuns:
    """Some systems name the commit of their previous run, which is no push that moved a branch."""

    def test_an_old_run_is_stale(self, world: World) -> None:
        old = world.repository.head
        world.repository.write({"dags/a.py": "a = 2\n"})
        new = world.repository.commit()
        world.deploy("IMAGE_AND_DAG", world.git(new))
        world.repository.git("checkout", "--quiet", old)
        jenkins = {
            "JENKINS_URL": "https://ci.example.com/",
            "BRANCH_NAME": "main",
            "GIT_COMMIT": old,
            "GIT_PREVIOUS_SUCCESSFUL_COMMIT": new,
        }
        woodpecker = {
            "CI": "woodpecker",
            "CI_PIPELINE_EVENT": "manual",
            "CI_COMMIT_SHA": old,
            "CI_COMMIT_BRANCH": "main",
            "CI_PREV_COMMIT_SHA": new,
            "CI_PREV_COMMIT_BRANCH": "main",
        }
        astro = {"ASTRO_API_URL": world.astro.api_url, "ASTRO_API_TOKEN": world.astro.token}
        for env in (jenkins, woodpecker):
            config = Config(project=world.repository.root, deployment_name="production")
            found = plan(config, {**env, **astro})
            assert found.deploy_type is NONE
            assert "a newer commit is already running" in found.reason


@pytest.mark.parametrize("base", ["auto", "event", "HEAD", "deployed"])
@pytest.mark.parametrize("depth", ["--depth=1", "--single-branch"])
def test_an_old_run_is_stale_whatever_its_base(
    world: World, tmp_path: Path, base: str, depth: str
) -> None:
    """The running commit is not in the clone, and is fetched for the proof alone."""
    old, url = world.repository.head, world.repository.root.as_uri()
    world.repository.git("branch", "old")
    world.repository.write({"dags/a.py": "a = 2\n"})
    new = world.repository.commit()
    world.deploy("IMAGE_AND_DAG", world.git(new, remote=url))
    clone = world.repository.clone(tmp_path / "clone", depth, "--branch=old", "--single-branch")
    clone.write({"dags/c.py": "c = 1\n"})
    found = world.plan(project=clone.root, base=base)
    assert found.deploy_type is NONE
    assert f"a newer commit is already running: {new[:7]} came after {old[:7]}" in found.reason


class TestBases:
    def plan(self, world: World, env: dict[str, str], **options: Any) -> Plan:
        return plan(Config(project=world.repository.root, **options), env)

    def push_event(self, world: World, tmp_path: Path, before: str) -> dict[str, str]:
        event = tmp_path / "event.json"
        event.write_text(f'{{"before": "{before}"}}')
        return {
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": "push",
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_REF": "refs/heads/main",
            "GITHUB_REF_NAME": "main",
            "GITHUB_REF_TYPE": "branch",
            "GITHUB_SHA": world.repository.head,
        }

    def test_without_credentials_it_says_what_it_assumed(self, world: World) -> None:
        found = self.plan(world, {})
        assert found.deploy_type is FULL
        assert found.assumptions[0] == "no credentials, so what runs is not known"
        assert "DAG-only deploys are enabled on the Deployment" in found.assumptions

    def test_without_credentials_the_event_is_compared_with(
        self, world: World, tmp_path: Path
    ) -> None:
        before = world.repository.head
        world.repository.write({"dags/a.py": "a = 2\n"})
        world.repository.commit()
        found = self.plan(world, self.push_event(world, tmp_path, before))
        assert (found.deploy_type, found.base.source) == (DAGS, "event")
        assert found.base.image == found.base.dags == before
        assert any("event.before" in note for note in found.assumptions)

    def test_what_the_base_branch_gained_is_no_change_of_the_pull_request(
        self, world: World, tmp_path: Path
    ) -> None:
        """A checkout of the pull request's head, instead of its merge with the base branch."""
        forked = world.repository.head
        world.repository.git("checkout", "--quiet", "-b", "feature")
        world.repository.write({"dags/new.py": "n\n"})
        world.repository.commit("a DAG")
        world.repository.git("checkout", "--quiet", "main")
        world.repository.write({"include/main.sql": "select 1\n"})
        tip = world.repository.commit("the base branch moves on")
        world.repository.git("checkout", "--quiet", "feature")
        event = tmp_path / "event.json"
        event.write_text(f'{{"number": 7, "pull_request": {{"base": {{"sha": "{tip}"}}}}}}')
        names = {"EVENT_NAME": "pull_request", "EVENT_PATH": str(event)}
        env = {"GITHUB_ACTIONS": "true", **{f"GITHUB_{k}": v for k, v in names.items()}}
        found = self.plan(world, env)
        assert (found.deploy_type, affected(found)) == (DAGS, {"dags/new.py": "dags"})
        assert found.base.image == forked
        assert any("where this branch left its base branch" in note for note in found.assumptions)

    def test_zeros_are_no_commit(self, world: World, tmp_path: Path) -> None:
        found = self.plan(world, self.push_event(world, tmp_path, "0" * 40))
        assert (found.deploy_type, found.base.source) == (FULL, "none")

    def test_an_event_whose_commit_is_gone(self, world: World, tmp_path: Path) -> None:
        world.repository.git("remote", "remove", "origin")
        found = self.plan(world, self.push_event(world, tmp_path, "e" * 40))
        assert found.deploy_type is FULL
        assert "fetch-depth: 0" in found.reason, "the remedy, in GitHub's words"

    def test_a_named_base(self, world: World) -> None:
        world.repository.write({"dags/a.py": "a = 2\n"})
        world.repository.commit()
        found = self.plan(world, {}, base="HEAD~1")
        assert (found.deploy_type, found.base.source) == (DAGS, "ref")
        with pytest.raises(ConfigurationError, match="--base nope is not a commit"):
            self.plan(world, {}, base="nope")

    def test_a_named_base_comes_before_what_runs(self, world: World) -> None:
        first = world.repository.head
        world.repository.write({"dags/a.py": "a = 2\n"})
        world.deploy("IMAGE_AND_DAG", world.git(world.repository.commit()))
        assert world.plan().deploy_type is NONE
        assert world.plan(base=first).deploy_type is DAGS

    def test_a_branch_that_only_the_remote_has(self, world: World, tmp_path: Path) -> None:
        origin = world.repository
        origin.git("switch", "--quiet", "--create", "release")
        origin.write({"requirements.txt": "released\n"})
        released = origin.commit()
        origin.git("switch", "--quiet", "main")
        clone = origin.clone(tmp_path / "clone", "--depth=1", "--single-branch")
        found = world.plan(project=clone.root, base="release")
        assert (found.base.image, found.base.source) == (released, "ref")
        assert affected(found) == {"requirements.txt": "image"}

    def test_the_variable_is_forgiving(self, world: World) -> None:
        first = world.repository.head
        world.repository.write({"dags/a.py": "a = 2\n"})
        world.repository.commit()
        assert self.plan(world, {"ASTRO_CI_BASE": first}).base.source == "ref"
        for nothing in ("", "0" * 40, "false"):
            assert self.plan(world, {"ASTRO_CI_BASE": nothing}).base.source == "none"
        gone = self.plan(world, {"ASTRO_CI_BASE": "f" * 40})
        assert any("ASTRO_CI_BASE is ignored" in note for note in gone.assumptions)

    def test_a_shallow_clone_fetches_the_one_commit(self, world: World, tmp_path: Path) -> None:
        world.deploy("IMAGE_AND_DAG", world.git(world.repository.head))
        for number in range(5):
            world.repository.write({"dags/a.py": f"a = {number}\n"})
            world.repository.commit()
        clone = world.repository.clone(tmp_path / "clone", "--depth=1")
        git = world.git("", remote=REMOTE)
        assert git
        clone.git("config", "url.file://" + str(world.repository.root) + ".insteadOf", REMOTE)
        clone.git("remote", "set-url", "origin", REMOTE)
        found = world.plan(project=clone.root)
        assert (found.deploy_type, affected(found)) == (DAGS, {"dags/a.py": "dags"})
        assert clone.git("rev-list", "--all", "--count", found.base.image or "") == "2"
