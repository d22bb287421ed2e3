"""How a deploy stands among others: one table of histories."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from astro_ci.deploying.order import Commits, Known, Verdict, stand
from astro_ci.model import Deploy, DeployGit, Deployment, Part
from astro_ci.planning.running import Ours

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


def test_uncommitted_files_ship_with_the_checked_out_commit() -> None:
    dirty = row("us", None)
    assert standing(dirty, row("a", 1), runs=deployment(version="va")) == ("a", "a<us")
    assert standing(dirty, row("a", 3), runs=RUNS_OURS) == ("", "us<a")


def test_recent_ends_with_the_oldest_known_deploy() -> None:
    rows = [row(name, 1) for name in "dcba"]
    assert Known(oldest="b").recent(rows) == rows[:3]
    assert Known().recent(rows) == rows
