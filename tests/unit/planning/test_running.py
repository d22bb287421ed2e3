from __future__ import annotations

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from astro_ci.model import Deploy, DeployGit, Deployment, Part
from astro_ci.planning.marker import BUILT_ELSEWHERE, Note, describe
from astro_ci.planning.running import Ours, WhatRuns, commit_of, layout_of, what_runs

DIGESTS = {Part.DAGS: "d" * 16, Part.IMAGE: "1" * 16}
REPOSITORY = "github.com/acme/airflow"
OURS = Ours(repository=REPOSITORY, project="")
A, B, C, D = (letter * 40 for letter in "abcd")


def deployment(tag: str = "", version: str = "", *, dag_deploy: bool = True) -> Deployment:
    return Deployment(
        id="cl1", name="prod", organization_id="o", workspace_id="w", status="HEALTHY",
        is_dag_deploy_enabled=dag_deploy, image_tag=tag, desired_dag_tarball_version=version,
    )  # fmt: skip


def deploy(
    type_: str,
    commit: str | None = None,
    *,
    tag: str = "",
    version: str = "",
    status: str = "DEPLOYED",
    description: str = "",
    rollback: str = "",
    repo: str = "airflow",
    path: str = "",
    dag_deploy: bool = True,
) -> Deploy:
    git = commit and DeployGit(
        provider="GITHUB", account="acme", repo=repo, commit_sha=commit, path=path
    )
    return Deploy(
        id=f"{type_}-{tag}-{version}", type=type_, status=status, image_tag=tag,
        dag_tarball_version=version, description=description, rollback_from_id=rollback,
        git=git or None, is_dag_deploy_enabled=dag_deploy,
    )  # fmt: skip


def commits(runs: WhatRuns) -> tuple[str | None, str | None]:
    return runs[Part.IMAGE].commit, runs[Part.DAGS].commit


FULL_A = deploy("IMAGE_AND_DAG", A, tag="t1", version="v1")
DAGS_B = deploy("DAG_ONLY", B, tag="t1", version="v2")
FULL_C = deploy("IMAGE_AND_DAG", C, tag="t2", version="v3")

TABLE: list[tuple[str, Deployment, list[Deploy], tuple[str | None, str | None]]] = [
    ("one full deploy", deployment("t1", "v1"), [FULL_A], (A, A)),
    ("DAGs on top", deployment("t1", "v2"), [DAGS_B, FULL_A], (A, B)),
    ("a failed image deploy on top does not count", deployment("t1", "v2"),
     [deploy("IMAGE_AND_DAG", C, tag="t2", version="v3", status="FAILED"), DAGS_B, FULL_A], (A, B)),
    ("one that was never finalized does not count", deployment("t1", "v1"),
     [deploy("IMAGE_AND_DAG", C, tag="t2", status="INITIALIZED"), FULL_A], (A, A)),
    ("rolled back: what runs again counts, not what is newest", deployment("t1", "v1"),
     [deploy("IMAGE_AND_DAG", tag="t1", version="v1", rollback="x"), FULL_C, DAGS_B, FULL_A],
     (A, A)),
    ("a rollback whose original is gone speaks for itself", deployment("t1", "v1"),
     [deploy("IMAGE_AND_DAG", A, tag="t1", version="v1", rollback="x"), FULL_C], (A, A)),
    ("an image-only deploy carries the version but did not put it there", deployment("t9", "v1"),
     [deploy("IMAGE_ONLY", D, tag="t9", version="v1"), FULL_A], (D, A)),
    ("a DAG-only deploy carries the tag but did not put it there", deployment("t1", "v2"),
     [DAGS_B, FULL_A], (A, B)),
    ("another repository's DAGs", deployment("t1", "v2"),
     [deploy("DAG_ONLY", B, tag="t1", version="v2", repo="dags"), FULL_A], (A, None)),
    ("another project's image", deployment("t2", "v3"),
     [deploy("IMAGE_AND_DAG", C, tag="t2", version="v3", path="other/project")], (None, None)),
    ("a deploy without a commit", deployment("t1", "v1"),
     [deploy("IMAGE_AND_DAG", tag="t1", version="v1")], (None, None)),
    ("never deployed", deployment("", ""), [], (None, None)),
    ("a Runtime image that no deploy put there", deployment("13.1.0", ""), [], (None, None)),
    ("DAGs live in the image", deployment("t1", dag_deploy=False),
     [deploy("IMAGE_AND_DAG", A, tag="t1", dag_deploy=False)], (A, A)),
    ("DAG-only deploys were enabled since", deployment("t1", ""),
     [deploy("IMAGE_AND_DAG", A, tag="t1", dag_deploy=False)], (None, None)),
    ("DAG-only deploys were disabled since", deployment("t1", "", dag_deploy=False),
     [FULL_A], (None, None)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("state", "deploys", "expected"), [pytest.param(*row[1:], id=row[0]) for row in TABLE]
)
def test_what_runs(
    state: Deployment, deploys: list[Deploy], expected: tuple[str | None, str | None]
) -> None:
    runs = what_runs(state, deploys, OURS)
    assert commits(runs) == expected
    for side in runs.values():
        assert bool(side.commit or side.digest) != bool(side.unknown), "known, or a reason"


def test_each_reason_is_a_clause() -> None:
    state = deployment("t1", "v1")

    def why(*deploys: Deploy, repository: str | None = REPOSITORY) -> str:
        ours = Ours(repository=repository, project="")
        return what_runs(state, deploys, ours)[Part.IMAGE].unknown

    bare = deploy("IMAGE_AND_DAG", tag="t1", version="v1")
    assert why() == "nothing has been deployed yet"
    assert why(FULL_C) == "no deploy in the history brought the running image"
    assert why(deploy("DAG_ONLY", A, version="v1")) == "no deploy in the history brought an image"
    assert why(bare) == (
        "deploy IMAGE_AND_DAG-t1-v1, which brought the running image, does not say which commit "
        "it came from"
    )
    other = deploy("IMAGE_AND_DAG", A, tag="t1", repo="other")
    assert "another repository (github.com/acme/other)" in why(other)
    assert why(other, repository=None) == "", "without a remote, no deploy is another's"
    elsewhere = deploy("IMAGE_AND_DAG", A, tag="t1", path="sub")
    assert why(elsewhere).endswith("came from another project path (sub)")
    at_root = Ours(repository=REPOSITORY, project="sub")
    root = what_runs(state, [deploy("IMAGE_AND_DAG", A, tag="t1")], at_root)[Part.IMAGE]
    assert root.unknown.endswith("came from another project path (the repository root)")


@pytest.mark.parametrize("path", ["a/astro", "a/astro/", "./a/astro", "/a//astro/"])
def test_a_project_path_has_many_spellings(path: str) -> None:
    made = deploy("IMAGE_AND_DAG", A, tag="t1", version="v1", path=path)
    runs = what_runs(deployment("t1", "v1"), [made], Ours(repository=REPOSITORY, project="a/astro"))
    assert commits(runs) == (A, A)


def test_a_part_tells_which_deploy_brought_it() -> None:
    runs = what_runs(deployment("t1", "v2"), [DAGS_B, FULL_A], OURS)
    assert {part: side.deploy_id for part, side in runs.items()} == {
        Part.IMAGE: FULL_A.id,
        Part.DAGS: DAGS_B.id,
    }
    switched = what_runs(deployment("t1", dag_deploy=False), [FULL_A], OURS)[Part.IMAGE]
    assert switched.deploy_id == FULL_A.id
    assert switched.unknown == (
        f"DAG-only deploys were switched since deploy {FULL_A.id} brought the running image"
    )


def test_the_newest_deploy_that_brought_a_part_counts() -> None:
    """The same commit may have been deployed twice, under the same tag and version."""
    again = deploy("IMAGE_AND_DAG", B, tag="t1", version="v1")
    older = deploy("DAG_ONLY", D, tag="t1", version="v2")
    runs = what_runs(deployment("t1", "v2"), [again, FULL_A, older], OURS)
    assert commits(runs) == (B, D)


def test_what_is_known_of_a_commit() -> None:
    assert commit_of(deploy("DAG_ONLY", A.upper()), OURS, Part.DAGS) == (A, "")


def test_a_marker_speaks_even_without_a_commit() -> None:
    made = deploy("IMAGE_AND_DAG", tag="t1", version="v1", description=describe("x", DIGESTS, None))
    runs = what_runs(deployment("t1", "v1"), [made], OURS)
    assert {part: side.digest for part, side in runs.items()} == DIGESTS
    assert not any(side.unknown or side.is_assumed for side in runs.values())


def test_the_history_is_read_only_as_far_as_needed() -> None:
    def endless() -> Iterator[Deploy]:
        yield DAGS_B
        yield FULL_A
        raise AssertionError("read on")

    runs = what_runs(deployment("t1", "v2"), endless(), OURS)
    assert commits(runs) == (A, B)


def test_a_description_that_was_copied_is_not_believed() -> None:
    ours = deploy("IMAGE_AND_DAG", A, tag="t1", version="v1")
    copied = describe("x", DIGESTS, ours.git)
    theirs = deploy("DAG_ONLY", B, tag="t1", version="v2", description=copied)
    runs = what_runs(deployment("t1", "v2"), [theirs, FULL_A], OURS)
    assert (runs[Part.DAGS].digest, runs[Part.DAGS].commit) == (None, B)
    assert runs[Part.DAGS].is_assumed


def test_a_deployment_that_never_had_dags_has_no_commit_for_them() -> None:
    """A project without DAGs can be deployed with an empty bundle version."""
    runs = what_runs(deployment("t1", ""), [deploy("IMAGE_AND_DAG", A, tag="t1")], OURS)
    assert commits(runs) == (A, None)
    assert runs[Part.DAGS].unknown == "no deploy in the history brought the running DAGs"


def test_a_bundle_that_no_longer_counts_is_not_looked_for() -> None:
    """DAG-only deploys are disabled: the image alone tells, and nothing older is read."""

    def endless() -> Iterator[Deploy]:
        yield deploy("IMAGE_AND_DAG", A, tag="t1", dag_deploy=False)
        raise AssertionError("read on")

    runs = what_runs(deployment("t1", "v9", dag_deploy=False), endless(), OURS)
    assert commits(runs) == (A, A)


@pytest.mark.parametrize(
    ("type_", "commit", "notes", "is_nameless"),
    [
        ("IMAGE_AND_DAG", None, {}, True),
        ("IMAGE_AND_DAG", A, {}, False),
        ("IMAGE_AND_DAG", None, {Note.BUILT: BUILT_ELSEWHERE}, False),
        ("IMAGE_ONLY", None, {}, False),
    ],
)
def test_an_image_built_with_its_dags_from_a_dirty_checkout_may_be_ours(
    type_: str, commit: str | None, notes: dict[Note, str], is_nameless: bool
) -> None:
    named = deploy(type_, commit).git
    text = describe("", DIGESTS, named, notes)
    found = deploy(type_, commit, tag="t1", version="v1", description=text)
    runs = what_runs(deployment("t1", "v1"), [found], OURS)
    assert runs[Part.IMAGE].is_nameless is is_nameless


def test_the_image_of_another_client_is_not_taken_for_ours() -> None:
    found = deploy("IMAGE_AND_DAG", tag="t1", version="v1", description="by hand")
    runs = what_runs(deployment("t1", "v1"), [found], OURS)
    assert not runs[Part.IMAGE].is_nameless


# --- what the notes of a marker tell --------------------------------------------------------------


def noted(one: Deploy, notes: dict[Note, str] | None = None) -> Deploy:
    """The same deploy, made by astro-ci with these notes."""
    return replace(one, description=describe("a title", DIGESTS, one.git, notes or {}))


def layout(state: Deployment, *deploys: Deploy) -> str:
    return what_runs(state, deploys, OURS)[Part.DAGS].layout


AT_ROOT = {Note.LAYOUT: "root"}


def test_the_running_bundle_tells_its_layout() -> None:
    newer = noted(DAGS_B, AT_ROOT)
    assert layout(deployment("t1", "v2"), newer, noted(FULL_A)) == "root"
    assert layout(deployment("t1", "v1"), newer, noted(FULL_A)) == "prefixed", "rolled back"
    assert layout(deployment("t1", "v1"), newer, FULL_A) == "", "another client's"


def test_where_no_bundle_runs_the_last_one_since_the_image_tells_the_layout() -> None:
    """As after DAG-only deploys were switched: the next bundle is laid out as those before."""
    image = deploy("IMAGE_AND_DAG", A, tag="t1", dag_deploy=False)
    for state in (deployment("t1", ""), deployment("t1", "v2", dag_deploy=False)):
        assert layout(state, noted(DAGS_B, AT_ROOT), noted(image)) == "root"
        assert layout(state, noted(DAGS_B), noted(image)) == "prefixed"
        assert layout(state, noted(DAGS_B, AT_ROOT), noted(FULL_A)) == "root", "the newest"
        assert layout(state, DAGS_B, noted(image)) == "", "an image has no bundle"


@pytest.mark.parametrize(
    "other",
    [
        deploy("DAG_ONLY", B, tag="t1", version="v2", status="FAILED"),
        deploy("DAG_ONLY", B, tag="t1", version=""),
        deploy("IMAGE_ONLY", B, tag="t1", version="v2"),
    ],
)
def test_a_deploy_that_brought_no_bundle_tells_no_layout(other: Deploy) -> None:
    assert layout_of(noted(other, AT_ROOT)) == ""
    older = noted(deploy("DAG_ONLY", B, tag="t1", version="v0"))
    state = deployment("t7", "")
    assert layout(state, noted(other, AT_ROOT), older) == "prefixed"


@pytest.mark.parametrize("built", [A[:12], BUILT_ELSEWHERE, B[:12]])
def test_an_image_that_was_built_elsewhere_has_the_commit_that_built_it(built: str) -> None:
    one = noted(FULL_A, {Note.BUILT: built})
    image, dags = what_runs(deployment("t1", "v1"), [one], OURS).values()
    assert dags.commit == A, "the DAGs are the checkout's"
    assert image.digest == DIGESTS[Part.IMAGE]
    assert image.commit == (A if A.startswith(built) else None)
    assert not image.is_built
    expected = (A, "") if A.startswith(built) else (None, "has an image that was built elsewhere")
    assert commit_of(one, OURS, Part.IMAGE) == expected


def test_dags_within_an_image_that_was_built_elsewhere_are_of_its_commit() -> None:
    one = deploy("IMAGE_AND_DAG", A, tag="t1", dag_deploy=False)
    state = deployment("t1", dag_deploy=False)
    elsewhere = noted(one, {Note.BUILT: BUILT_ELSEWHERE})
    assert commits(what_runs(state, [elsewhere], OURS)) == (None, None)
    assert commits(what_runs(state, [noted(one)], OURS)) == (A, A)


def test_what_astro_ci_built_is_told_from_what_others_did() -> None:
    state = deployment("t1", "v1")
    assert what_runs(state, [noted(FULL_A)], OURS)[Part.IMAGE].is_built
    assert not what_runs(state, [FULL_A], OURS)[Part.IMAGE].is_built
