"""Other deploys to the same Deployment: when they are asked about, and what is said of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace

from astro_ci.astro.client import AstroClient
from astro_ci.ci import detect
from astro_ci.deploying.order import Behind, Known, Verdict
from astro_ci.deploying.rivals import Rivals, queue_hint
from astro_ci.git import GitRepo
from astro_ci.model import Deploy, DeployGit, Deployment, DeployType, Part, Request
from astro_ci.survey.survey import Survey
from tests.repository import Repository

REMOTE = "https://github.com/acme/airflow.git"
CI = replace(detect({}), concurrency_hint="Use a queue.")
HINT = ", and let deploys of one Deployment wait for each other. Use a queue."


class History:
    """Stands in for the client: what is deployed, and what runs."""

    def __init__(self, runs: Deployment, *deploys: Deploy) -> None:
        self.runs, self.deploys, self.looks = runs, deploys, 0

    def list_deploys(self, deployment_id: str) -> Iterator[Deploy]:
        assert deployment_id == "cl1"
        return iter(self.deploys)

    def get_deployment(self, deployment_id: str) -> Deployment:
        assert deployment_id == "cl1"
        self.looks += 1
        return self.runs


@pytest.fixture
def origin(tmp_path: Path) -> Repository:
    repository = Repository.create(tmp_path / "project", {"dags/a.py": "a"})
    repository.commit("second")
    return repository


def deployment(version: str) -> Deployment:
    return Deployment(
        id="cl1", name="prod", organization_id="o", workspace_id="w", status="HEALTHY",
        is_dag_deploy_enabled=True, image_tag="t0", desired_dag_tarball_version=version,
    )  # fmt: skip


def made(name: str, commit: str, *, kind: str = "DAG_ONLY", path: str = "") -> Deploy:
    git = DeployGit(provider="GITHUB", account="acme", repo="airflow", commit_sha=commit, path=path)
    return Deploy(
        id=name, type=kind, status="DEPLOYED", git=git, is_dag_deploy_enabled=True,
        image_tag=f"t{name}" if kind != "DAG_ONLY" else "t0", dag_tarball_version=f"v{name}",
    )  # fmt: skip


def rivals(
    origin: Repository,
    history: History,
    *,
    head: str = "",
    remote: str | None = REMOTE,
    project: str = "",
    requested: Request = Request.AUTO,
    allow_older: bool = False,
    shipping: Any = SimpleNamespace(prebuilt=None),  # noqa: B008 - nobody writes to it
) -> Rivals:
    checkout = SimpleNamespace(
        head=SimpleNamespace(sha=head or origin.head),
        ci=CI,
        remote_url=remote,
        layout=SimpleNamespace(project=project),
        repo=GitRepo.open(origin.root, os.environ),
    )
    plan: Any = SimpleNamespace(deploy_type=DeployType.DAGS, requested=requested)
    return Rivals(
        client=cast(AstroClient, history),
        survey=cast(
            Survey,
            SimpleNamespace(checkout=checkout, plan=plan, shipping=shipping),
        ),
        deployment=deployment("before"),
        known=Known(ids=frozenset({"old"}), deployed=frozenset({"old"}), oldest="old"),
        allow_older=allow_older,
    )


class TestStand:
    def test_alone(self, origin: Repository) -> None:
        """What runs is only looked at when somebody else was at it."""
        ours, old = made("us", origin.head), made("old", origin.head)
        begun = replace(made("x", origin.head), status="INITIALIZED")
        history = History(deployment("vus"), begun, ours, old, made("older", origin.head))
        assert rivals(origin, history).stand(ours) == Verdict()
        assert history.looks == 0

    def test_replaced_by_an_older_commit(self, origin: Repository) -> None:
        first = origin.git("rev-parse", "HEAD~1")
        ours, theirs = made("us", origin.head), made("a", first)
        history = History(deployment("va"), theirs, ours, made("old", first))
        found = rivals(origin, history).stand(ours)
        assert found == Verdict(replaced_by=theirs, behind=Behind(running=theirs, newest=ours))

    def test_replacing_a_newer_commit(self, origin: Repository) -> None:
        first, second = origin.git("rev-parse", "HEAD~1"), origin.head
        ours, theirs = made("us", first), made("a", second)
        history = History(deployment("vus"), theirs, ours, made("old", first))
        found = rivals(origin, history, head=first).stand(ours)
        assert found == Verdict(behind=Behind(running=ours, newest=theirs))
        meant = rivals(origin, history, head=first, allow_older=True).stand(ours)
        assert meant == Verdict(), "--allow-older"

    def test_an_image_counts_where_the_plan_compared_it(self, origin: Repository) -> None:
        first = origin.git("rev-parse", "HEAD~1")
        ours, image = made("us", origin.head), made("a", first, kind="IMAGE_ONLY")
        runs = replace(deployment("vus"), image_tag="ta")
        history = History(runs, image, ours, made("old", first))
        found = rivals(origin, history).stand(ours)
        assert found == Verdict(behind=Behind(running=image, newest=ours))
        asked = rivals(origin, history, requested=Request.DAGS).stand(ours)
        assert asked == Verdict()

    @pytest.mark.parametrize(
        "elsewhere",
        [{"remote": "https://github.com/acme/other.git"}, {"project": "another"}],
    )
    def test_another_projects_deploy_has_no_place_among_ours(
        self, origin: Repository, elsewhere: dict[str, str]
    ) -> None:
        first = origin.git("rev-parse", "HEAD~1")
        ours, theirs = made("us", origin.head), made("a", first)
        history = History(deployment("va"), theirs, ours, made("old", first))
        found = rivals(origin, history, **elsewhere).stand(ours)  # type: ignore[arg-type]
        assert found == Verdict(replaced_by=theirs)

    def test_without_a_remote_every_deploy_may_be_ours(self, origin: Repository) -> None:
        first = origin.git("rev-parse", "HEAD~1")
        ours, theirs = made("us", origin.head), made("a", first)
        history = History(deployment("va"), theirs, ours, made("old", first))
        found = rivals(origin, history, remote=None).stand(ours)
        assert found.behind == Behind(running=theirs, newest=ours)


class TestPrebuilt:
    """What ships from a prebuilt image has the image's commit, the rest the one checked out."""

    @staticmethod
    def shipping(commit: str | None, *parts: Part) -> SimpleNamespace:
        prebuilt = SimpleNamespace(commit_here=commit)
        return SimpleNamespace(prebuilt=prebuilt, parts=frozenset(parts))

    def test_an_image_of_an_older_commit_replaced_a_newer_one(self, origin: Repository) -> None:
        first = origin.git("rev-parse", "HEAD~1")
        ours = made("us", origin.head, kind="IMAGE_ONLY")
        theirs = made("a", origin.head, kind="IMAGE_ONLY")
        runs = replace(deployment("v0"), image_tag="tus")
        history = History(runs, ours, theirs, made("old", first))
        found = rivals(origin, history, shipping=self.shipping(first)).stand(ours)
        assert found.behind == Behind(running=ours, newest=theirs)
        built_here = rivals(origin, history, shipping=self.shipping(first, *Part)).stand(ours)
        assert built_here.behind is None
        unknown = rivals(origin, history, shipping=self.shipping(None)).stand(ours)
        assert unknown.behind is None

    def test_dags_beside_it_are_of_the_commit_that_is_checked_out(self, origin: Repository) -> None:
        first = origin.git("rev-parse", "HEAD~1")
        ours, theirs = made("us", origin.head, kind="IMAGE_AND_DAG"), made("a", first)
        runs = replace(deployment("va"), image_tag="tus")
        history = History(runs, theirs, ours, made("old", first))
        found = rivals(origin, history, shipping=self.shipping(first, Part.DAGS)).stand(ours)
        assert found.behind == Behind(running=theirs, newest=ours)


class TestFailure:
    def said(self, origin: Repository, running: Deploy, newest: Deploy) -> tuple[str, str]:
        ours = made("us", origin.head)
        found = rivals(origin, History(deployment("v"))).failure(
            Behind(running=running, newest=newest), ours
        )
        return found.message, found.hint

    def test_ours_was_replaced(self, origin: Repository) -> None:
        message, hint = self.said(origin, made("a", "a" * 40), made("us", origin.head))
        assert message == (
            f"deploy a replaced deploy us of commit {origin.head[:7]} with an older commit, "
            "for the second time"
        )
        assert hint == f"Run the job again{HINT}"

    def test_ours_replaced_another(self, origin: Repository) -> None:
        message, hint = self.said(origin, made("us", origin.head), made("b", "b" * 40))
        assert message == (
            "this deploy, us, replaced deploy b of commit bbbbbbb, which went live in the "
            "meantime, with an older commit"
        )
        assert hint == f"Run the job of commit bbbbbbb again{HINT}"

    def test_a_third_one_did(self, origin: Repository) -> None:
        message, _ = self.said(origin, made("a", "a" * 40), made("b", "b" * 40))
        assert message.startswith("deploy a replaced deploy b of commit bbbbbbb, which went live")


def test_the_remedy_is_in_the_words_of_the_ci_system() -> None:
    assert queue_hint("Do it", CI) == f"Do it{HINT}"
