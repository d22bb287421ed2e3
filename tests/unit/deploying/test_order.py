"""How a deploy stands among others: one table of histories."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from astro_ci.astro.client import FIRST_PAGE
from astro_ci.ci.context import CIContext
from astro_ci.deploying.order import Commits, IsNewer, Known, Verdict, order_of, stand
from astro_ci.git import GitRepo
from astro_ci.model import Deploy, DeployGit, Deployment, Part
from astro_ci.planning.marker import BUILT_ELSEWHERE, Note, describe
from astro_ci.planning.running import Ours
from tests.repository import Repository

BOTH = tuple(Part)


def deployment(tag: str = "t0", version: str = "v0", *, dag_deploy: bool = True) -> Deployment:
    return Deployment(
        id="cl1", name="prod", organization_id="o", workspace_id="w", status="HEALTHY",
        is_dag_deploy_enabled=dag_deploy, image_tag=tag, desired_dag_tarball_version=version,
    )  # fmt: skip


def row(
    name: str,
    commit: int | None,
    *,
    kind: str = "DAG_ONLY",
    status: str = "DEPLOYED",
    rollback: str = "",
    tag: str = "",
    version: str = "",
    repo: str = "airflow",
) -> Deploy:
    """A deploy called x brings image tx and bundle vx; commits are numbers, newer ones larger."""
    git = commit is not None and DeployGit(
        provider="GITHUB", account="acme", repo=repo, commit_sha=str(commit)
    )
    return Deploy(
        id=name, type=kind, status=status, rollback_from_id=rollback, git=git or None,
        image_tag=tag or (f"t{name}" if kind != "DAG_ONLY" else "t0"),
        dag_tarball_version=version or (f"v{name}" if kind != "IMAGE_ONLY" else "v0"),
    )  # fmt: skip


def standing(
    ours: Deploy,
    *others: Deploy,
    runs: Deployment,
    brought: Sequence[Part] = (Part.DAGS,),
    claimed: Sequence[Part] = BOTH,
    known: Known | None = None,
    head: int = 2,
) -> tuple[str, str]:
    """Who replaced ours, and `running<newest` where an older commit runs."""
    found: Verdict = stand(
        ours,
        runs,
        [*others, ours],
        known or Known(),
        brought=brought,
        claimed=claimed,
        commits=Commits(
            heads=dict.fromkeys(Part, str(head)),
            ours=Ours(repository="github.com/acme/airflow", project=""),
            is_newer=lambda commit, other: int(commit) > int(other),
        ),
    )
    behind = f"{found.behind.running.id}<{found.behind.newest.id}" if found.behind else ""
    return (found.replaced_by.id if found.replaced_by else "", behind)


OURS = row("us", 2)
RUNS_OURS = deployment(version="vus")
FULL = "IMAGE_AND_DAG"


@pytest.mark.parametrize(
    ("others", "runs", "expected"),
    [
        ([], RUNS_OURS, ("", "")),
        ([row("a", 1)], deployment(version="va"), ("a", "a<us")),
        ([row("a", 3)], deployment(version="va"), ("a", "")),
        ([row("a", 2)], deployment(version="va"), ("a", "")),
        ([row("a", None)], deployment(version="va"), ("a", "")),
        ([row("a", 1, repo="other")], deployment(version="va"), ("a", "")),
        ([row("a", 1, rollback="z")], deployment(version="va"), ("a", "")),
        ([row("a", 3)], RUNS_OURS, ("", "us<a")),
        ([row("a", 1)], RUNS_OURS, ("", "")),
        ([row("a", 3, status="INITIALIZED")], RUNS_OURS, ("", "")),
        ([row("a", 3, status="FAILED")], RUNS_OURS, ("", "")),
        ([row("a", 3, kind="IMAGE_ONLY")], deployment("ta", "vus"), ("", "")),
        ([row("a", 1), row("b", 3)], deployment(version="va"), ("a", "a<b")),
        ([row("b", 3), row("a", 1), row("c", 4)], deployment(version="va"), ("a", "a<c")),
        ([row("a", 1), row("b", 3)], deployment(version="vb"), ("b", "")),
        # The image that our plan found to be right was replaced by an older one.
        ([row("a", 1, kind="IMAGE_ONLY")], deployment("ta", "vus"), ("", "a<us")),
        # What runs is from before, as when Astro has yet to take ours in.
        ([row("a", 3)], deployment(version="v0"), ("", "")),
    ],
    ids=[
        "alone", "older", "newer", "same-commit", "no-commit", "other-repository", "rollback",
        "we-replaced-a-newer-one", "we-replaced-an-older-one", "unfinished", "failed",
        "newer-image-beside-us", "a-third-one-is-newest", "several-newer", "replaced-by-the-newest",
        "older-image-under-us", "not-taken-in-yet",
    ],
)  # fmt: skip
def test_table(others: list[Deploy], runs: Deployment, expected: tuple[str, str]) -> None:
    assert standing(OURS, *others, runs=runs) == expected


def test_who_asked_for_dags_has_no_say_in_the_image() -> None:
    image = row("a", 1, kind="IMAGE_ONLY")
    runs = deployment("ta", "vus")
    assert standing(OURS, image, runs=runs, claimed=(Part.DAGS,)) == ("", "")


def test_the_dags_in_the_image() -> None:
    """Without DAG-only deploys, one image is both parts."""
    ours, other = row("us", 2, kind=FULL), row("a", 1, kind=FULL)
    runs = deployment("ta", "", dag_deploy=False)
    assert standing(ours, other, runs=runs, brought=BOTH) == ("a", "a<us")


def test_what_went_live_before_ours_was_begun_is_history() -> None:
    """Somebody went back from it on purpose."""
    known = Known(ids=frozenset({"a"}), deployed=frozenset({"a"}), oldest="a")
    assert standing(OURS, row("a", 3), runs=RUNS_OURS, known=known) == ("", "")
    unfinished = Known(ids=frozenset({"a"}), oldest="a")
    assert standing(OURS, row("a", 3), runs=RUNS_OURS, known=unfinished) == ("", "us<a")


def test_of_two_that_are_as_new_ours_is_the_newest() -> None:
    """The sentence is then about our own deploy."""
    others = row("a", 1), row("b", 2)
    for order in (others, others[::-1]):
        assert standing(OURS, *order, runs=deployment(version="va")) == ("a", "a<us")


def test_what_runs_from_before_is_nobodys_victory() -> None:
    """Ours and another went live, and Astro has yet to take in either."""
    known = Known(ids=frozenset({"old"}), deployed=frozenset({"old"}), oldest="old")
    runs = deployment(version="vold")
    found = standing(OURS, row("a", 3), row("old", 1), runs=runs, known=known)
    assert found == ("", "")


def test_uncommitted_files_ship_with_the_checked_out_commit() -> None:
    dirty = row("us", None)
    assert standing(dirty, row("a", 1), runs=deployment(version="va")) == ("a", "a<us")
    assert standing(dirty, row("a", 3), runs=RUNS_OURS) == ("", "us<a")


def test_recent_ends_with_the_oldest_known_deploy() -> None:
    rows = [row(name, 1) for name in "dcba"]
    assert Known(oldest="b").recent(rows) == rows[:3]
    assert Known().recent(rows) == rows


def test_an_image_that_was_built_elsewhere_is_of_no_commit_and_the_dags_beside_it_are() -> None:
    ours = Ours(repository="github.com/acme/airflow", project="")
    commits = Commits(
        heads=dict.fromkeys(Part, "2"), ours=ours, is_newer=lambda commit, other: False
    )
    both = row("a", int("1" * 40), kind=FULL)
    noted = describe(
        "a text", dict.fromkeys(Part, "0" * 16), both.git, {Note.BUILT: BUILT_ELSEWHERE}
    )
    both = replace(both, description=noted, is_dag_deploy_enabled=True)
    assert commits.of(both, Part.IMAGE, ours="us") is None
    assert commits.of(both, Part.DAGS, ours="us") == "1" * 40


class TestKnown:
    def test_goes_down_to_the_last_deploy_of_the_page(self) -> None:
        known = Known.of([row(f"d{n}", n) for n in range(FIRST_PAGE)])
        assert known.ids == {f"d{n}" for n in range(FIRST_PAGE)}
        assert known.oldest == f"d{FIRST_PAGE - 1}"

    def test_tells_what_was_deployed_from_what_was_begun(self) -> None:
        begun = row("begun", 2, status="INITIALIZED")
        known = Known.of([begun, row("done", 1), row("no", 1, status="FAILED")])
        assert known == Known(
            ids=frozenset({"begun", "done", "no"}), deployed=frozenset({"done"}), oldest="no"
        )

    def test_of_a_deployment_without_deploys(self) -> None:
        assert Known.of([]) == Known()


class TestOrder:
    """Git is asked, with commits that the clone has, lacks, or cannot have."""

    @pytest.fixture
    def origin(self, tmp_path: Path) -> Repository:
        return Repository.create(tmp_path / "origin", {"dags/a.py": "a"})

    @staticmethod
    def order(
        repository: Repository, ours: str, *, allow_older: bool = False, **ci: Any
    ) -> IsNewer:
        repo = GitRepo.open(repository.root, os.environ)
        context = CIContext(
            system="x", key="none", history_hint="", secret_hint="", concurrency_hint="", **ci
        )
        return order_of(repo, context, ours, allow_older=allow_older)

    def test_a_descendant_is_newer(self, origin: Repository) -> None:
        old, new = origin.head, origin.commit("second")
        is_newer = self.order(origin, old)
        assert is_newer(new, old)
        assert not is_newer(old, new)
        assert not is_newer(new, new)

    def test_commits_that_the_clone_lacks_are_fetched(
        self, origin: Repository, tmp_path: Path
    ) -> None:
        old, middle, new = origin.head, origin.commit("second"), origin.commit("third")
        clone = origin.clone(tmp_path / "clone", "--depth=1")
        is_newer = self.order(clone, new)
        assert is_newer(middle, old)
        assert not is_newer(old, middle)

    def test_what_cannot_be_had_is_not_newer(self, origin: Repository) -> None:
        head = origin.head
        is_newer = self.order(origin, head)
        assert not is_newer("f" * 40, head)
        assert not is_newer(head, "f" * 40)

    def test_nothing_is_newer_than_what_is_deployed_on_purpose(self, origin: Repository) -> None:
        old, new = origin.head, origin.commit("second")
        newest = origin.commit("third")
        is_newer = self.order(origin, old, allow_older=True)
        assert not is_newer(new, old)
        assert is_newer(newest, new), "this is about the checked-out commit alone"

    @pytest.mark.parametrize(
        ("ci", "expected"),
        [
            ({"head": True}, False),
            ({}, False),
            ({"head": False}, True),
            ({"head": True, "before_is_previous_run": True}, True),
            ({"head": True, "before": None}, True),
        ],
    )
    def test_a_push_that_moved_the_branch_back(
        self, origin: Repository, ci: dict[str, Any], expected: bool
    ) -> None:
        """The branch was at the newer commit, and the push is the wish for the older one."""
        old, new = origin.head, origin.commit("second")
        newest = origin.commit("third")
        said = {"before": new, **ci}
        if "head" in ci:
            said["head"] = old if ci["head"] else new
        is_newer = self.order(origin, old, **said)
        assert is_newer(new, old) is expected
        assert is_newer(newest, old), "who came in between is no part of that wish"
