"""What a deploy says of its origin: the commit, the description, the marker, the labels."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace

from astro_ci.configuration.config import Config
from astro_ci.deploying.provenance import image_labels, new_deploy, shipped_content
from astro_ci.deploying.requests import NewDeploy
from astro_ci.image.facts import ImageFacts
from astro_ci.image.source import ReadyImage
from astro_ci.model import Base, DeployType, FastPlan, Part
from astro_ci.planning.marker import NO_DIGEST
from astro_ci.reporting.redact import Redactor
from astro_ci.survey.image import Origin, Prebuilt
from astro_ci.survey.survey import Survey, survey
from tests.repository import Repository

REMOTE = "https://me:s3cr3t@github.com/acme/etl.git"
FILES = {"Dockerfile": "FROM quay.io/astronomer/astro-runtime:13.1.0\n", "dags/a.py": "a = 1\n"}
FACTS = ImageFacts(
    reference="app:1", id=f"sha256:{'3' * 64}", os="linux", architecture="amd64",
    runtime_version="13.1.0",
)  # fmt: skip
IMAGE = cast(ReadyImage, SimpleNamespace(facts=FACTS))


GITLAB = {"GITLAB_CI": "true", "CI_PROJECT_URL": "https://git.example.com/a/b"}
"""A run on a GitLab of one's own."""


def make(root: Path) -> Repository:
    found = Repository.create(root, FILES)
    found.git("remote", "add", "origin", REMOTE)
    author = ("--author", "Ada Lovelace <ada@example.com>")
    found.git("commit", "--quiet", "--allow-empty", *author, "--message", "Load the orders")
    return found


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A checkout that a test changes."""
    return make(tmp_path / "checkout")


@pytest.fixture(scope="module")
def kept() -> list[Survey]:
    """What the first test makes for all: only within a test is the environment clean."""
    return []


@pytest.fixture
def found(kept: list[Survey], tmp_path_factory: pytest.TempPathFactory) -> Survey:
    """The survey of a checkout that nobody changes."""
    if not kept:
        kept.append(look(make(tmp_path_factory.mktemp("provenance") / "checkout")))
    return kept[0]


def look(repository: Repository, *, project: str = "", **env: str) -> Survey:
    """A survey as before a deploy: with the digests of what ships."""
    config = Config(project=repository.root / project)
    found = survey(config, {"PATH": os.environ["PATH"], **env})
    known = replace(found.differences, digests=found.digest_again())
    return replace(found, differences=known)


def planned(found: Survey, **changes: Any) -> Survey:
    return replace(found, plan=replace(found.plan, **changes))


def prebuilt(found: Survey, origin: Origin | None, *parts: Part) -> Survey:
    """The same with a prebuilt image; `parts` ship from the checkout beside it."""
    image = Prebuilt(image=IMAGE, origin=origin)
    shipping = replace(found.shipping, prebuilt=image, parts=frozenset(parts))
    kind = DeployType.IMAGE_AND_DAGS if parts else DeployType.IMAGE
    made = replace(
        planned(found, deploy_type=kind, image=image.in_plan),
        shipping=shipping,
    )
    return replace(made, differences=replace(made.differences, digests=made.digest_again()))


def head_of(found: Survey) -> str:
    return found.checkout.head.sha


def first_of(found: Survey) -> str:
    return Repository(found.checkout.repo.root).git("rev-parse", "HEAD~1")


def request(
    found: Survey,
    *secrets: str,
    forced: tuple[str, ...] = (),
    env: Mapping[str, str] = MappingProxyType({}),
    **options: Any,
) -> NewDeploy:
    redact = Redactor(env)
    redact.learn(*secrets)
    return new_deploy(Config(**options), found, "cl1", redact, overridden=forced)


def texts(made: NewDeploy) -> tuple[str, str]:
    """The text for people, and the marker."""
    text, mark, marker = made.description.rpartition("astro-ci ")
    return text.rstrip(), mark + marker


class TestCommit:
    def test_of_a_clean_checkout(self, found: Survey) -> None:
        before = "b" * 40
        base = Base(commits={Part.IMAGE: None, Part.DAGS: before}, source="deployed")
        made = request(planned(found, base=base))
        assert made.deployment_id == "cl1"
        assert getattr(request(found).git, "before_commit_sha", None) == "", "nothing ran"
        assert made.git
        head = head_of(found)
        assert (made.git.provider, made.git.account, made.git.repo) == ("GITHUB", "acme", "etl")
        assert (made.git.remote_url, made.git.path) == ("", "")
        assert (made.git.commit_sha, made.git.before_commit_sha) == (head, before)
        assert (made.git.branch, made.git.author_name) == ("main", "Ada Lovelace")
        assert made.git.commit_url == f"https://github.com/acme/etl/commit/{head}"
        image = Base(commits={Part.IMAGE: "a" * 40, Part.DAGS: before}, source="deployed")
        other = request(planned(found, base=image)).git
        assert other
        assert other.before_commit_sha == "a" * 40

    def test_of_another_host_and_a_project_below(self, repository: Repository) -> None:
        repository.git("remote", "set-url", "origin", "https://me:s3cr3t@git.example.com/a/b.git")
        repository.write({f"etl/{name}": text for name, text in FILES.items()})
        repository.commit("a project below")
        made = request(look(repository, project="etl")).git
        assert made
        assert (made.provider, made.account, made.repo) == ("GENERIC", "", "")
        assert made.remote_url == "https://git.example.com/a/b.git"
        assert made.path == "etl"

    def test_without_a_remote_the_directory_is_named(self, repository: Repository) -> None:
        repository.git("remote", "remove", "origin")
        made = request(look(repository)).git
        assert made
        assert made.remote_url == f"file://{repository.root}"

    def test_the_branch_is_that_of_the_run(self, repository: Repository) -> None:
        def branch(**env: str) -> str:
            made = request(look(repository, **env)).git
            assert made
            return made.branch

        assert branch(ASTRO_CI_BRANCH="release") == "release"
        tag = {"GITHUB_ACTIONS": "true", "GITHUB_REF": "refs/tags/v1", "GITHUB_REF_TYPE": "tag"}
        assert branch(**tag) == "v1"
        repository.git("checkout", "--quiet", "--detach")
        assert branch() == ""

    def test_secrets_in_names_are_crossed_out(self, repository: Repository) -> None:
        author = ("--author", "hunter2hunter2 <a@example.com>")
        repository.git("commit", "--quiet", "--allow-empty", *author, "-m", "say hunter2hunter2")
        repository.git("checkout", "--quiet", "-b", "x-hunter2hunter2")
        made = request(look(repository), "hunter2hunter2")
        assert "hunter2" not in repr(made)
        assert made.git
        assert made.git.author_name
        assert made.git.branch.startswith("x-")

    def test_a_branch_that_is_called_like_a_password_keeps_its_name(
        self, repository: Repository
    ) -> None:
        """An ordinary word tells nobody that it is one."""
        repository.git("checkout", "--quiet", "-b", "development")
        found, env = look(repository), {"DB_PASSWORD": "development"}
        of_head = prebuilt(found, Origin(commit=repository.head, url=""))
        for made in (request(found, env=env).git, request(of_head, env=env).git):
            assert made
            assert made.branch == "development"

    def test_uncommitted_files_have_none(self, found: Survey) -> None:
        made = request(planned(found, dirty=True))
        assert made.git is None
        assert texts(made)[0] == (
            f"Load the orders ({head_of(found)[:7]}, with uncommitted changes)"
        )
        assert texts(made)[1].endswith(" of=dirty")


class TestContent:
    def test_is_what_was_planned(self, found: Survey) -> None:
        assert shipped_content(found) == found.differences.digests

    def test_is_not_known_where_files_changed_meanwhile(
        self, repository: Repository, caplog: pytest.LogCaptureFixture
    ) -> None:
        found = look(repository)
        repository.write({"dags/a.py": "a = 2\n"})
        planned_digests = found.differences.digests
        expected = {Part.IMAGE: planned_digests[Part.IMAGE], Part.DAGS: NO_DIGEST}
        assert shipped_content(found) == expected
        assert caplog.messages == [
            "files changed during the deploy, so it may contain their old or new versions; the "
            "next run will deploy again"
        ]
        made = request(found)
        assert made.git is None, "the commit is not what ships"
        assert texts(made)[1] == (
            f"astro-ci dags={NO_DIGEST} image={expected[Part.IMAGE]} of=dirty"
        )


class TestDescription:
    @pytest.mark.parametrize(
        ("kind", "api"),
        [
            (DeployType.DAGS, "DAG_ONLY"),
            (DeployType.IMAGE, "IMAGE_ONLY"),
            (DeployType.IMAGE_AND_DAGS, "IMAGE_AND_DAG"),
        ],
    )
    def test_the_type_is_named_as_astro_does(
        self, found: Survey, kind: DeployType, api: str
    ) -> None:
        assert request(planned(found, deploy_type=kind)).type == api

    def test_is_the_commits_title(self, repository: Repository) -> None:
        found = look(repository, ASTRO_CI_RUN_URL="https://ci.example/1")
        digests = found.differences.digests
        assert texts(request(found)) == (
            f"Load the orders ({repository.head[:7]}) https://ci.example/1",
            f"astro-ci dags={digests[Part.DAGS]} image={digests[Part.IMAGE]} "
            f"of={repository.head[:12]}",
        )

    def test_a_long_title_is_cut(self, repository: Repository) -> None:
        repository.commit("x" * 300)
        text, _ = texts(request(look(repository)))
        assert text.startswith("x" * 90)
        assert "x" * 101 not in text
        assert text.endswith(f"({repository.head[:7]})")

    def test_is_the_users_own(self, found: Survey) -> None:
        made = request(found, "hunter2hunter2", description="by hunter2hunter2")
        assert texts(made)[0].startswith("by ")
        assert "hunter2" not in made.description

    def test_names_the_checks_that_were_overridden(self, found: Survey) -> None:
        made = request(found, forced=("static", "parse"), description="mine")
        assert texts(made)[0] == "[forced past static, parse] mine"

    def test_notes_the_layout_and_how_the_image_was_made(self, found: Survey) -> None:
        assert "layout=" not in request(found).description
        at_root = request(planned(found, bundle_layout="root"))
        assert " layout=root of=" in at_root.description
        fast = FastPlan(mode="auto")
        replaced = planned(found, fast=fast)
        assert " made=replaced of=" in request(replaced).description
        built = planned(found, fast=FastPlan(mode="auto", reasons=["the base has changed"]))
        assert "made=" not in request(built).description
        dags = planned(replaced, deploy_type=DeployType.DAGS)
        assert "made=" not in request(dags).description


class TestPrebuilt:
    NAME = "app:1 (sha256:333333333333)"

    def test_an_image_alone_has_its_own_commit(self, found: Survey) -> None:
        head, first = head_of(found), first_of(found)
        made = request(prebuilt(found, Origin(commit=first, url="")))
        assert made.git
        assert made.git.commit_sha == first
        assert (made.git.branch, made.git.author_name) == ("", ""), "they are the head's"
        assert made.git.before_commit_sha == ""
        assert texts(made)[0] == f"Image {self.NAME}"
        assert f" built={first[:12]} of={first[:12]}" in made.description
        of_head = request(prebuilt(found, Origin(commit=head, url=""))).git
        assert of_head
        assert (of_head.branch, of_head.author_name) == ("main", "Ada Lovelace")
        assert of_head.commit_url == f"https://github.com/acme/etl/commit/{head}"

    def test_one_of_another_repository_names_that(self, found: Survey) -> None:
        base = Base(commits={Part.IMAGE: "b" * 40, Part.DAGS: "d" * 40}, source="deployed")
        elsewhere = Origin(commit="c" * 40, url="https://me:s3cr3t@github.com/acme/base.git")
        made = request(planned(prebuilt(found, elsewhere), base=base))
        assert made.git
        assert (made.git.account, made.git.repo, made.git.path) == ("acme", "base", "")
        assert made.git.before_commit_sha == "b" * 40
        assert "s3cr3t" not in repr(made)

    def test_one_of_a_project_below_names_its_path(self, repository: Repository) -> None:
        repository.write({f"etl/{name}": text for name, text in FILES.items()})
        repository.commit("a project below")
        repository.git("checkout", "--quiet", "--detach")
        found = look(repository, project="etl", **GITLAB)
        made = request(prebuilt(found, Origin(commit=repository.head, url=""))).git
        assert made
        assert (made.path, made.branch) == ("etl", "")
        url = "https://git.example.com/a/base.git"
        other = request(prebuilt(found, Origin(commit="c" * 40, url=url))).git
        assert other
        assert other.path == ""
        assert other.remote_url == url

    def test_one_of_this_repository_is_linked_where_the_ci_system_has_it(
        self, repository: Repository
    ) -> None:
        repository.git("remote", "set-url", "origin", "https://git.example.com/a/b.git")
        head = repository.head
        linked = f"https://git.example.com/a/b/-/commit/{head}"
        found = look(repository, **GITLAB)
        for made in (request(found), request(prebuilt(found, Origin(commit=head, url="")))):
            assert made.git
            assert made.git.commit_url == linked
        elsewhere = Origin(commit="c" * 40, url="https://other.example.com/a/base.git")
        unknown = request(prebuilt(found, elsewhere)).git
        assert unknown
        assert unknown.commit_url == "", "another host may be of another kind"
        repository.git("remote", "set-url", "origin", "https://other.example.com/a/b.git")
        moved = request(look(repository, **GITLAB)).git
        assert moved
        assert moved.commit_url == ""

    def test_one_of_nobody_knows_which_commit_has_none(self, found: Survey) -> None:
        made = request(prebuilt(found, None))
        assert made.git is None
        assert " built=elsewhere of=dirty" in made.description

    def test_dags_beside_it_are_of_the_checkout(self, found: Survey) -> None:
        first = first_of(found)
        made = request(prebuilt(found, Origin(commit=first, url=""), Part.DAGS))
        assert made.git
        assert made.git.commit_sha == head_of(found)
        assert texts(made)[0] == f"Load the orders ({head_of(found)[:7]}), image {self.NAME}"
        beside = prebuilt(found, Origin(commit=first, url=""), Part.DAGS)
        alone = request(planned(beside, deploy_type=DeployType.DAGS))
        assert texts(alone)[0] == f"Load the orders ({head_of(found)[:7]})"
        assert "built=" not in alone.description
        assert f" built={first[:12]} of={head_of(found)[:12]}" in made.description


class TestLabels:
    def test_name_the_commit_and_its_repository(self, repository: Repository) -> None:
        repository.write({"dags/b.py": "b = 1\n"})
        repository.commit_at("third", "2026-01-02T03:04:05+0100")
        head = look(repository).checkout.head
        found = image_labels(head, REMOTE, is_dirty=False)
        assert found == {
            "org.opencontainers.image.revision": repository.head,
            "org.opencontainers.image.created": "2026-01-02T02:04:05+00:00",
            "org.opencontainers.image.source": "https://github.com/acme/etl.git",
        }
        dirty = image_labels(head, None, is_dirty=True)
        assert dirty["org.opencontainers.image.revision"] == f"{repository.head}-dirty"
        assert "org.opencontainers.image.source" not in dirty
