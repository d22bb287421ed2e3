"""What runs, and what is assumed of it: from Astro's answers and the clone."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from astro_ci.astro.client import DeploysPage
from astro_ci.ci import CIContext, detect
from astro_ci.configuration.config import Config
from astro_ci.deployments.find import Astro
from astro_ci.errors import AuthenticationError, UnavailableError
from astro_ci.model import Deploy, DeployGit, Deployment, Part
from astro_ci.planning.running import Running
from astro_ci.survey.asking import Connected
from astro_ci.survey.bases import Bases
from astro_ci.survey.checkout import Checkout, open_checkout
from astro_ci.survey.standing import Standing, find_standing
from tests.repository import Repository

REMOTE = "https://github.com/acme/etl.git"
FILES = {"p/Dockerfile": "FROM scratch\n", "p/dags/a.py": "a = 1\n"}
CI = detect({})


@pytest.fixture(scope="module")
def kept() -> list[Repository]:
    """What the first test makes for all: only within a test is the environment clean."""
    return []


@pytest.fixture
def repository(kept: list[Repository], tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A checkout that nobody changes."""
    if not kept:
        found = Repository.create(tmp_path_factory.mktemp("standing") / "checkout", FILES)
        found.git("remote", "add", "origin", REMOTE)
        kept.append(found)
    return kept[0]


def opened(repository: Repository, ci: CIContext = CI) -> Checkout:
    return open_checkout(Config(project=repository.root / "p"), {"PATH": os.environ["PATH"]}, ci)


def deployment(**values: Any) -> Deployment:
    return Deployment(
        id="cl1", name="prod", organization_id="o", workspace_id="w", status="HEALTHY",
        **{"is_dag_deploy_enabled": True, "image_tag": "t1", "desired_dag_tarball_version": "v1",
           "astro_runtime_version": "13.1.0", **values},
    )  # fmt: skip


def deploy(name: str, commit: str, *, repo: str = "etl", path: str = "p") -> Deploy:
    git = DeployGit(provider="GITHUB", account="acme", repo=repo, commit_sha=commit, path=path)
    return Deploy(
        id=name, type="IMAGE_AND_DAG", status="DEPLOYED", git=git, image_tag="t1",
        dag_tarball_version="v1", is_dag_deploy_enabled=True,
    )  # fmt: skip


class History:
    """Stands in for the client: the first page that was read, and what a later read gives."""

    def __init__(self, *later: Deploy) -> None:
        self.later, self.reads = later, 0

    def list_deploys(
        self, deployment_id: str, *, newest: DeploysPage | None = None
    ) -> Iterator[Deploy]:
        assert deployment_id == "cl1"
        if newest is None:
            self.reads += 1
        return iter(self.later if newest is None else newest.deploys)


def connected(history: History, *newest: Deploy, **values: Any) -> Connected:
    return Connected(
        astro=cast(Astro, SimpleNamespace(client=history)),
        deployment=deployment(**values),
        newest=DeploysPage(deploys=newest, total_count=len(newest)),
    )


def asked(answer: Connected | Exception | None) -> Future[Connected | None]:
    future: Future[Connected | None] = Future()
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
    return future


def stand(
    checkout: Checkout, answer: Connected | Exception | None, *, needed: bool = True, **options: Any
) -> Standing:
    return find_standing(Config(**options), checkout, asked(answer), needs_credentials=needed)


class TestWithCredentials:
    def test_the_running_deploys_are_found(self, repository: Repository) -> None:
        history = History()
        head = repository.head
        found = stand(opened(repository), connected(history, deploy("d1", head)))
        assert found.connected
        assert {part: (one.deploy_id, one.commit) for part, one in found.runs.items()} == (
            dict.fromkeys(Part, ("d1", head))
        )
        assert found.bases.source == "deployed"
        assert found.bases.commits == dict.fromkeys(Part, head)
        assert history.reads == 0, "the page that was read holds all"
        assert not found.has_digests

    def test_a_deploy_that_went_live_meanwhile_is_read_again(self, repository: Repository) -> None:
        history = History(deploy("d2", repository.head))
        old = deploy("d1", repository.head)
        before = connected(history, old, desired_dag_tarball_version="v2", image_tag="t2")
        found = stand(opened(repository), before)
        assert history.reads == 1
        assert found.runs[Part.DAGS].deploy_id is None, "d2 brought neither"
        live = connected(history, desired_dag_tarball_version="v1")
        again = stand(opened(repository), live)
        assert again.runs[Part.DAGS].deploy_id == "d2"

    def test_other_projects_and_repositories_are_not_ours(self, repository: Repository) -> None:
        for other in (
            deploy("d1", repository.head, path="q"),
            deploy("d1", repository.head, repo="ml"),
        ):
            found = stand(opened(repository), connected(History(), other))
            assert found.runs[Part.DAGS].commit is None
            assert found.bases.source == "none"

    def test_without_a_remote_any_repository_may_be_ours(self, tmp_path: Path) -> None:
        lone = Repository.create(tmp_path / "lone", FILES)
        found = stand(opened(lone), connected(History(), deploy("d1", lone.head, repo="ml")))
        assert found.runs[Part.DAGS].commit == lone.head

    def test_an_error_of_astro_is_one_of_the_survey(self, repository: Repository) -> None:
        with pytest.raises(UnavailableError, match="no answer"):
            stand(opened(repository), UnavailableError("no answer"))


class TestWithoutCredentials:
    def test_they_are_asked_for_where_they_are_needed(self, repository: Repository) -> None:
        github = detect({"GITHUB_ACTIONS": "true"})
        with pytest.raises(AuthenticationError, match="no credentials were found") as caught:
            stand(opened(repository, github), None)
        assert (caught.value.hint or "").endswith(f"API Tokens. {github.secret_hint}")

    def test_nothing_is_known(self, repository: Repository) -> None:
        found = stand(opened(repository), None, needed=False)
        assert found.connected is None
        assert found.runs == dict.fromkeys(Part, Running())
        assert found.is_dag_deploy_enabled
        assert found.assumptions == (
            "no credentials, so what runs is not known",
            "DAG-only deploys are enabled on the Deployment",
        )

    def test_what_the_base_assumes_is_said_as_well(self, repository: Repository) -> None:
        lost = detect({"ASTRO_CI_BASE": "f" * 40})
        found = stand(opened(repository, lost), None, needed=False)
        assert found.assumptions == (
            "no credentials, so what runs is not known",
            f"ASTRO_CI_BASE is ignored: {'f' * 40} is not in this clone",
            "DAG-only deploys are enabled on the Deployment",
        )


class TestAssumptions:
    NOTE = (
        "deploy d1 by another client put dags/ in front of the files of its DAG bundle (if not, "
        "use --bundle-layout root)"
    )
    EXACTLY = "deploy d1 by another client contained exactly commit {}"

    def of(
        self, repository: Repository, *, options: Mapping[str, Any] | None = None, **values: Any
    ) -> tuple[str, ...]:
        history = connected(History(), deploy("d1", repository.head), **values)
        return stand(opened(repository), history, **(options or {})).assumptions

    def test_the_layout_of_another_clients_bundle(self, repository: Repository) -> None:
        exactly = self.EXACTLY.format(repository.head[:7])
        assert self.of(repository) == (exactly,), "Airflow 2 knows one layout"
        three: dict[str, Any] = {"astro_runtime_version": "3.0-1"}
        assert self.of(repository, **three) == (exactly, self.NOTE)
        told = {"bundle_layout": "root"}
        assert self.of(repository, options=told, **three) == (exactly,)
        assert self.of(repository, astro_runtime_version="") == (exactly,)

    def test_of_no_bundle_nothing_is_assumed(self, repository: Repository) -> None:
        three: dict[str, Any] = {"astro_runtime_version": "3.0-1"}
        nothing = connected(History(), **three)
        assert stand(opened(repository), nothing).assumptions == ()
        switched = self.of(repository, is_dag_deploy_enabled=False, **three)
        assert self.NOTE not in switched

    def test_a_base_that_was_named(self, repository: Repository) -> None:
        exactly = self.EXACTLY.format(repository.head[:7])
        named = self.of(repository, options={"base": "HEAD"})
        assert named == ("what runs is assumed to be --base HEAD",)
        assert self.of(repository, options={"base": "deployed"}) == (exactly,)


class TestLayout:
    @pytest.mark.parametrize(
        ("configured", "running", "expected"),
        [
            ("", "", "prefixed"), ("", "root", "root"), ("prefixed", "root", "prefixed"),
            ("root", "", "root"), ("", "prefixed", "prefixed"),
        ],
    )  # fmt: skip
    def test_is_that_of_the_options_or_of_what_runs(
        self, configured: str, running: str, expected: str
    ) -> None:
        runs = {Part.IMAGE: Running(layout="root"), Part.DAGS: Running(layout=running)}
        found = Standing(connected=None, runs=runs, bases=Bases.none("a test"), assumptions=())
        assert found.layout(Config(bundle_layout=configured)) == expected

    def test_digests_and_the_switch(self) -> None:
        runs = {Part.IMAGE: Running(), Part.DAGS: Running(digest="d" * 16)}
        found = Standing(
            connected=connected(History(), is_dag_deploy_enabled=False),
            runs=runs, bases=Bases.none("a test"), assumptions=(),
        )  # fmt: skip
        assert found.has_digests
        assert not found.is_dag_deploy_enabled
