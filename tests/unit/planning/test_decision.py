"""The decision as a table: one row per rule, and the properties that hold for every row."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from astro_ci.configuration.config import Config
from astro_ci.errors import ConfigurationError, ProjectError
from astro_ci.model import (
    Base,
    BaseSource,
    Change,
    Content,
    Deployment,
    DeployType,
    Part,
    PrebuiltImage,
    Request,
    Status,
)
from astro_ci.planning.comparison import Comparison
from astro_ci.planning.decision import Facts, make_plan
from astro_ci.planning.guards import DagFiles

BASE, HEAD, NEWER = "b" * 40, "c" * 40, "e" * 40
SHIPPED = {Part.DAGS: "d" * 16, Part.IMAGE: "1" * 16}
OTHER = "0" * 16

NONE, DAGS = DeployType.NONE, DeployType.DAGS
FULL, IMAGE = DeployType.IMAGE_AND_DAGS, DeployType.IMAGE


def change(path: str, *parts: Part) -> Change:
    found = frozenset(parts)
    return Change(path=path, status=Status.MODIFIED, parts=found, because="a test")


DAG_CHANGE, IMAGE_CHANGE = change("dags/a.py", Part.DAGS), change("requirements.txt", Part.IMAGE)
BOTH_CHANGE = change("dags/lib/x.py", Part.DAGS, Part.IMAGE)
README = change("README.md")
UNKNOWN = Comparison(unknown="nothing has been deployed yet")


def compared(*changes: Change, digest: str | None = None, newer: str | None = None) -> Comparison:
    return Comparison(base=BASE, changes=changes, digest=digest, newer=newer)


def facts(image: Comparison, dags: Comparison | None = None, *, enabled: bool = True) -> Facts:
    return Facts(
        head=HEAD,
        uncommitted={},
        source="deployed",
        compared={Part.IMAGE: image, Part.DAGS: dags or image},
        digests=SHIPPED,
        dag_files=DagFiles(shipped=2, dag_files=2, before=2),
        dag_deploy_enabled=enabled,
    )


def on(deployment: Deployment, known: Facts) -> Facts:
    return replace(known, deployment=deployment)


def deployment(status: str = "HEALTHY") -> Deployment:
    return Deployment(
        id="cl1", name="prod", organization_id="o", workspace_id="w", status=status,
        is_dag_deploy_enabled=True,
    )  # fmt: skip


def unhealthy(image: Comparison) -> Facts:
    return on(deployment("UNHEALTHY"), facts(image))


AUTO = Config()
TABLE: list[tuple[str, Facts, Config, DeployType, str]] = [
    # auto, DAG-only deploys enabled
    ("nothing changed", facts(compared()), AUTO, NONE, "already running (from bbbbbbb)"),
    ("only a readme changed", facts(compared(README)), AUTO, NONE, "already running"),
    ("a DAG changed", facts(compared(DAG_CHANGE)), AUTO, DAGS,
     "only DAGs changed since bbbbbbb: dags/a.py"),
    ("an image file changed", facts(compared(IMAGE_CHANGE)), AUTO, FULL,
     "the image changed since bbbbbbb: requirements.txt"),
    ("both changed", facts(compared(IMAGE_CHANGE, DAG_CHANGE)), AUTO, FULL, "the image changed"),
    ("the image is behind, the DAGs are not", facts(compared(IMAGE_CHANGE), compared()), AUTO, FULL,
     "the image changed"),
    ("a DAG change that the image's base does not see", facts(compared(), compared(DAG_CHANGE)),
     AUTO, DAGS, "only DAGs changed"),
    ("a DAG change since the image's base that runs already",
     facts(compared(DAG_CHANGE), compared()), AUTO, NONE, "already running"),
    # auto, disabled
    ("disabled, nothing changed", facts(compared(), enabled=False), AUTO, NONE, "already running"),
    ("disabled, a DAG changed", facts(compared(DAG_CHANGE), enabled=False), AUTO, FULL,
     "DAG-only deploys are disabled"),
    ("disabled, the image changed", facts(compared(IMAGE_CHANGE), enabled=False), AUTO, FULL,
     "the image changed"),
    # nothing to compare with
    ("no base", facts(UNKNOWN), AUTO, FULL, "compare with: nothing has been deployed yet"),
    ("no base for the image", facts(UNKNOWN, compared()), AUTO, FULL,
     "the image counts as changed, as nothing has been deployed yet; the DAGs are unchanged"),
    ("no base for the image, and other DAGs", facts(UNKNOWN, compared(DAG_CHANGE)), AUTO, FULL,
     "the image counts as changed, as nothing has been deployed yet; the DAGs have changed"),
    ("no base for the DAGs", facts(compared(), UNKNOWN), AUTO, FULL,
     "the DAGs count as changed, as nothing has been deployed yet; the image is unchanged"),
    ("no base, disabled", facts(UNKNOWN, enabled=False), AUTO, FULL, "to compare with"),
    # content
    ("equal content, whatever git says",
     facts(compared(IMAGE_CHANGE, digest=SHIPPED[Part.IMAGE]),
           compared(digest=SHIPPED[Part.DAGS])), AUTO, NONE,
     "already running"),
    ("different image inputs that git does not see", facts(compared(digest=OTHER), compared()),
     AUTO, FULL, "the image's inputs differ from the running"),
    ("different DAGs that git does not see", facts(compared(), compared(digest=OTHER)), AUTO, DAGS,
     "the DAGs differ from the running ones"),
    ("known by content alone", facts(
        Comparison(digest=SHIPPED[Part.IMAGE]), Comparison(digest=SHIPPED[Part.DAGS])), AUTO, NONE,
     "already running"),
    ("different content without a base", facts(
        Comparison(digest=SHIPPED[Part.IMAGE]), Comparison(digest=OTHER)), AUTO, DAGS,
     "the DAGs differ from the running ones"),
    ("a file of both parts", facts(compared(BOTH_CHANGE)), AUTO, FULL,
     "the image changed since bbbbbbb: dags/lib/x.py"),
    ("a file of both parts, whose image runs already", facts(compared(), compared(BOTH_CHANGE)),
     AUTO, DAGS, "only DAGs changed since bbbbbbb: dags/lib/x.py (affects the DAGs)"),
    ("a DAG comes first in the reason", facts(compared(), compared(BOTH_CHANGE, DAG_CHANGE)),
     AUTO, DAGS, "dags/a.py and 1 more (under the DAGs directory)"),
    # explicit requests are obeyed
    ("dags, unchanged", facts(compared()), Config(requested=Request.DAGS), DAGS, "--type dags"),
    ("dags, though the image changed", facts(compared(IMAGE_CHANGE)),
     Config(requested=Request.DAGS), DAGS, "--type dags"),
    ("image", facts(compared()), Config(requested=Request.IMAGE), IMAGE, "--type image"),
    ("image-and-dags, disabled", facts(compared(), enabled=False),
     Config(requested=Request.IMAGE_AND_DAGS), FULL, "--type image-and-dags"),
    ("dags, --skip-unchanged", facts(compared(IMAGE_CHANGE)),
     Config(requested=Request.DAGS, skip_unchanged=True), NONE, "--skip-unchanged"),
    ("dags changed, --skip-unchanged", facts(compared(DAG_CHANGE)),
     Config(requested=Request.DAGS, skip_unchanged=True), DAGS, "--type dags"),
    ("unknown is not unchanged", facts(UNKNOWN),
     Config(requested=Request.DAGS, skip_unchanged=True), DAGS, "--type dags"),
    ("redeploy", facts(compared()), Config(redeploy=True), FULL, "--redeploy"),
    ("what runs is unhealthy, so that it has to come again", unhealthy(compared()), AUTO, FULL,
     "the Deployment is UNHEALTHY, so everything is deployed"),
    ("unhealthy, and a DAG changed", unhealthy(compared(DAG_CHANGE)), AUTO, FULL, "is UNHEALTHY"),
    ("unhealthy, --skip-unchanged", unhealthy(compared()),
     Config(requested=Request.DAGS, skip_unchanged=True), DAGS, "--type dags"),
    ("redeploy adds nothing to a change", facts(compared(DAG_CHANGE)), Config(redeploy=True), DAGS,
     "only DAGs changed"),
    # the stale guard
    ("a newer commit runs", facts(compared(DAG_CHANGE, newer=NEWER)), AUTO, NONE,
     "eeeeeee came after ccccccc"),
    ("a newer image runs", facts(compared(IMAGE_CHANGE, newer=NEWER), compared()), AUTO, NONE,
     "a newer commit is already running"),
    ("a newer image does not stop older DAGs from moving on",
     facts(compared(newer=NEWER), compared(DAG_CHANGE)), AUTO, DAGS, "only DAGs changed"),
    ("explicit requests are guarded too", facts(compared(newer=NEWER)),
     Config(requested=Request.DAGS), NONE, "a newer commit is already running"),
    ("--allow-older", facts(compared(DAG_CHANGE, newer=NEWER)), Config(allow_older=True), DAGS,
     "only DAGs changed"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("known", "options", "expected", "reason"), [pytest.param(*row[1:], id=row[0]) for row in TABLE]
)
def test_decision(known: Facts, options: Config, expected: DeployType, reason: str) -> None:
    plan = make_plan(known, options)
    assert plan.deploy_type is expected
    assert reason in plan.reason
    assert "\n" not in plan.reason


@pytest.mark.parametrize("requested", [Request.DAGS, Request.IMAGE])
def test_dags_and_image_need_dag_only_deploys(requested: Request) -> None:
    disabled = facts(compared(), enabled=False)
    for known, name in ((disabled, "the Deployment"), (on(deployment(), disabled), "prod")):
        with pytest.raises(ConfigurationError) as caught:
            make_plan(known, Config(requested=requested))
        assert caught.value.message == (
            f"--type {requested} needs DAG-only deploys, which are disabled on {name}"
        )
        assert caught.value.hint == (
            "Deploy with --type image-and-dags, or enable DAG-only deploys on the Deployment."
        )


def test_a_plan_tells_what_it_was_made_from() -> None:
    image = Comparison(base=BASE, changes=(IMAGE_CHANGE,))
    dags = Comparison(base=NEWER, changes=(DAG_CHANGE,))
    known = replace(
        on(deployment(), facts(image, dags)),
        uncommitted={
            "dags/a.py": frozenset({Part.DAGS}),
            "requirements.txt": frozenset({Part.IMAGE}),
            "README.md": frozenset(),
        },
        source="event",
        assumptions=("a guess",),
    )
    plan = make_plan(known, Config(requested=Request.IMAGE))
    assert (plan.deploy_type, plan.requested) == (IMAGE, Request.IMAGE)
    assert plan.reason == "--type image was requested"
    assert (plan.head, plan.dirty) == (HEAD, True)
    assert plan.uncommitted == ["requirements.txt"]
    assert plan.base == Base(commits={Part.IMAGE: BASE, Part.DAGS: NEWER}, source="event")
    assert plan.content == Content(parts={Part.IMAGE: "different", Part.DAGS: "different"})
    assert plan.changes == [DAG_CHANGE, IMAGE_CHANGE]
    assert plan.deployment == deployment()
    assert plan.assumptions == ("a guess",)
    assert not make_plan(facts(image, dags), AUTO).dirty


PREBUILT = PrebuiltImage(reference="app:1", digest=f"sha256:{'a' * 64}", commit=BASE)
SAME_IMAGE = Comparison(digest=SHIPPED[Part.IMAGE])


def prebuilt(image: Comparison, dags: Comparison, *, enabled: bool = True) -> Facts:
    return replace(facts(image, dags, enabled=enabled), image=PREBUILT)


@pytest.mark.parametrize(
    ("known", "config", "expected", "reason"),
    [
        (prebuilt(SAME_IMAGE, compared()), AUTO, NONE,
         "the image app:1 (sha256:aaaaaaaaaaaa) and the checked-out DAGs are already running"),
        (prebuilt(Comparison(digest=OTHER), compared()), AUTO, FULL,
         "the image app:1 (sha256:aaaaaaaaaaaa) is not the running one"),
        (prebuilt(SAME_IMAGE, compared(DAG_CHANGE)), AUTO, DAGS, "only DAGs changed"),
        (prebuilt(Comparison(unknown="nobody knows"), compared()), AUTO, FULL, "nobody knows"),
        (prebuilt(SAME_IMAGE, SAME_IMAGE), Config(requested=Request.IMAGE, skip_unchanged=True),
         NONE, "--skip-unchanged: the image app:1 (sha256:aaaaaaaaaaaa) is already running"),
        (prebuilt(SAME_IMAGE, compared()),
         Config(requested=Request.IMAGE_AND_DAGS, skip_unchanged=True), NONE,
         "--skip-unchanged: the image app:1 (sha256:aaaaaaaaaaaa) and the checked-out DAGs are"),
        (prebuilt(Comparison(digest=SHIPPED[Part.IMAGE], newer=NEWER), compared()),
         Config(requested=Request.IMAGE), NONE, "eeeeeee came after bbbbbbb"),
    ],
)  # fmt: skip
def test_a_prebuilt_image_is_compared_by_its_content(
    known: Facts, config: Config, expected: DeployType, reason: str
) -> None:
    plan = make_plan(known, config)
    assert plan.deploy_type is expected
    assert reason in plan.reason
    assert plan.image == PREBUILT


def test_a_prebuilt_image_without_dags_is_a_wipe_where_they_ship_in_it() -> None:
    empty = DagFiles(shipped=0, dag_files=0, before=None)
    known = replace(prebuilt(UNKNOWN, UNKNOWN, enabled=False), dag_files=empty)
    with pytest.raises(ProjectError) as caught:
        make_plan(known, AUTO)
    assert caught.value.message == (
        "the image app:1 holds no DAG file under dags/, where a Deployment without DAG-only "
        "deploys has its DAGs: deploying it removes every DAG from the Deployment"
    )
    assert caught.value.hint == (
        "Build the image with the DAGs in it, or enable DAG-only deploys on the Deployment; to "
        "deploy anyway, use --allow-shrink."
    )
    beside = replace(prebuilt(UNKNOWN, UNKNOWN), dag_files=empty)
    with pytest.raises(ProjectError, match="the deploy would contain no DAG file"):
        make_plan(beside, AUTO)
    assert make_plan(known, Config(allow_shrink=True)).deploy_type is FULL
    assert make_plan(replace(known, dag_files=None), AUTO).deploy_type is FULL, "not known"


@pytest.mark.parametrize(
    ("dags", "config", "expected", "reason"),
    [
        (compared(), AUTO, NONE, "the checked-out DAGs are already running (from bbbbbbb)"),
        (Comparison(digest=SHIPPED[Part.DAGS]), AUTO, NONE,
         "the checked-out DAGs are already running"),
        (compared(DAG_CHANGE), AUTO, DAGS,
         "only DAGs changed since bbbbbbb: dags/a.py (under the DAGs directory)"),
        (UNKNOWN, AUTO, DAGS,
         "all DAGs, as there is nothing to compare with: nothing has been deployed yet"),
        (compared(), Config(redeploy=True), DAGS, "nothing changed, but --redeploy was requested"),
    ],
)  # fmt: skip
def test_a_project_of_nothing_but_dags_plans_no_image(
    dags: Comparison, config: Config, expected: DeployType, reason: str
) -> None:
    known = replace(facts(Comparison(digest=OTHER), dags), has_image=False)
    plan = make_plan(known, config)
    assert plan.deploy_type is expected
    assert plan.reason == reason


@pytest.mark.parametrize("name", ["prod", "the Deployment"])
def test_a_project_of_nothing_but_dags_needs_dag_only_deploys(name: str) -> None:
    known = replace(facts(compared(DAG_CHANGE), enabled=False), has_image=False)
    with pytest.raises(ConfigurationError) as caught:
        make_plan(on(deployment(), known) if name == "prod" else known, AUTO)
    assert caught.value.message == (
        f"the project has no Dockerfile, and DAG-only deploys are disabled on {name}: only an "
        "image could bring the DAGs there"
    )
    assert caught.value.hint == (
        "Enable DAG-only deploys on the Deployment, or add a Dockerfile that starts FROM an Astro "
        "Runtime image."
    )


def test_a_change_of_the_layout_alone_is_a_reason() -> None:
    dags = replace(compared(digest=OTHER), layout="prefixed")
    known = replace(facts(compared(), dags), bundle_layout="root")
    plan = make_plan(known, AUTO)
    assert plan.deploy_type is DAGS
    assert plan.reason == "the DAG bundle's layout changes from prefixed to root"
    assert plan.bundle_layout == "root"


def test_nothing_is_said_to_run_on_a_deployment_that_hibernates() -> None:
    asleep = replace(deployment(), status="HIBERNATING")
    plan = make_plan(on(asleep, facts(compared())), AUTO)
    assert plan.deploy_type is NONE
    assert "is already deployed; the Deployment hibernates" in plan.reason
    assert "running" not in plan.reason


def test_content_is_same_or_different_or_unknown() -> None:
    """A part whose content was not digested is not the one that runs, whatever that is."""
    ran = facts(compared(digest=SHIPPED[Part.IMAGE]), compared(digest=""))
    assert make_plan(ran, AUTO).content == Content(
        parts={Part.IMAGE: "same", Part.DAGS: "different"}
    )
    undigested = replace(ran, digests={})
    assert make_plan(undigested, AUTO).content.parts[Part.IMAGE] == "different"
    assert make_plan(facts(UNKNOWN), AUTO).content == Content(
        parts={Part.IMAGE: "unknown", Part.DAGS: "unknown"}
    )


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        (facts(compared(IMAGE_CHANGE)),
         "the image changed since bbbbbbb: requirements.txt (in the image)"),
        (facts(compared(DAG_CHANGE)),
         "only DAGs changed since bbbbbbb: dags/a.py (under the DAGs directory)"),
        (facts(compared()), "the checked-out version is already running (from bbbbbbb)"),
        (facts(compared(), Comparison(base=NEWER, changes=())),
         "the checked-out version is already running (from bbbbbbb, eeeeeee)"),
        (facts(Comparison(digest=SHIPPED[Part.IMAGE]), Comparison(digest=SHIPPED[Part.DAGS])),
         "the checked-out version is already running"),
        (replace(facts(compared()), source="ref"), "no deployed file has changed since bbbbbbb"),
        (unhealthy(compared()), "the Deployment is UNHEALTHY, so everything is deployed"),
        (facts(compared(newer=NEWER), compared(DAG_CHANGE, newer=NEWER)),
         "a newer commit is already running: eeeeeee came after ccccccc (to go back to it on "
         "purpose, use --allow-older, or roll back to an earlier deploy in Astro)"),
    ],
)  # fmt: skip
def test_the_whole_sentence(known: Facts, reason: str) -> None:
    assert make_plan(known, AUTO).reason == reason


def test_a_deploy_on_request_alone_says_so() -> None:
    plan = make_plan(facts(compared()), Config(redeploy=True))
    assert (plan.deploy_type, plan.reason) == (
        FULL,
        "nothing changed, but --redeploy was requested",
    )


class TestWipeGuard:
    def plan(self, known: Facts, files: DagFiles, options: Config = AUTO) -> DeployType:
        return make_plan(replace(known, dag_files=files), options).deploy_type

    def test_names_the_line_of_dockerignore(self) -> None:
        files = DagFiles(shipped=0, dag_files=0, before=None, left_out_by="dags/")
        with pytest.raises(ProjectError, match=r"with the line `dags/`") as caught:
            self.plan(facts(UNKNOWN), files)
        assert caught.value.hint.startswith("Remove this line from .dockerignore")
        assert self.plan(facts(UNKNOWN), files, Config(allow_shrink=True)) is FULL

    def test_refuses_a_deploy_without_dags(self) -> None:
        files = DagFiles(shipped=3, dag_files=0, before=None)
        with pytest.raises(ProjectError) as caught:
            self.plan(facts(UNKNOWN), files)
        assert caught.value.message == (
            "the deploy would contain no DAG file (.py, .zip or .yaml that .airflowignore does not "
            "exclude), and would remove every DAG from the Deployment"
        )
        assert caught.value.hint == (
            "Check --project, --dags-path and .airflowignore, and that the step that generates "
            "DAGs ran. To leave the running DAGs as they are, deploy the image alone with --image; "
            "to deploy anyway, use --allow-shrink."
        )

    def test_refuses_to_lose_more_than_half(self) -> None:
        known = facts(compared(DAG_CHANGE))
        assert self.plan(known, DagFiles(shipped=5, dag_files=5, before=10)) is DAGS
        with pytest.raises(
            ProjectError, match=r"would contain 4 files .* half of the 10"
        ) as caught:
            self.plan(known, DagFiles(shipped=4, dag_files=4, before=10))
        assert (
            caught.value.hint == "If the files were removed on purpose, deploy with --allow-shrink."
        )

    def test_can_be_lifted(self) -> None:
        files = DagFiles(shipped=0, dag_files=0, before=10)
        assert self.plan(facts(compared(DAG_CHANGE)), files, Config(allow_shrink=True)) is DAGS

    def test_redeploy_does_not_lift_it(self) -> None:
        with pytest.raises(ProjectError):
            self.plan(
                facts(compared()), DagFiles(shipped=0, dag_files=0, before=1), Config(redeploy=True)
            )

    def test_an_image_alone_wipes_nothing(self) -> None:
        files = DagFiles(shipped=0, dag_files=0, before=10)
        assert self.plan(facts(compared()), files, Config(requested=Request.IMAGE)) is IMAGE

    def test_nothing_to_deploy_wipes_nothing(self) -> None:
        files = DagFiles(shipped=0, dag_files=0, before=0)
        assert self.plan(facts(compared()), files) is NONE


def test_changes_are_each_sides_own() -> None:
    old_dag = change("dags/old.py", Part.DAGS)
    known = facts(compared(IMAGE_CHANGE, old_dag, README), compared(DAG_CHANGE, README))
    assert make_plan(known, AUTO).changes == [README, DAG_CHANGE, IMAGE_CHANGE]


def test_a_reason_holds_one_line_whatever_files_are_called() -> None:
    odd = change("dags/a\n::error::b\x1b[31m\udcff.py", Part.DAGS)
    reason = make_plan(facts(compared(odd)), AUTO).reason
    assert reason.isprintable()


# --- what holds for every history -----------------------------------------------------------------

CHANGES = st.lists(
    st.sampled_from([DAG_CHANGE, IMAGE_CHANGE, README, change("dags/b.py", Part.DAGS)]), unique=True
)
SIDES = st.builds(
    lambda changes, known, newer: compared(*changes, newer=newer) if known else UNKNOWN,
    CHANGES,
    st.booleans(),
    st.sampled_from([None, None, NEWER]),
)
FACTS = st.builds(facts, SIDES, SIDES, enabled=st.booleans())


@given(FACTS)
def test_an_image_change_is_never_only_dags_or_nothing(known: Facts) -> None:
    if known.compared[Part.IMAGE].counted(Part.IMAGE):
        assert make_plan(known, Config(allow_older=True)).deploy_type is FULL


@given(FACTS)
def test_an_unknown_base_is_never_anything_but_a_full_deploy(known: Facts) -> None:
    if UNKNOWN in known.compared.values():
        assert make_plan(known, Config(allow_older=True)).deploy_type is FULL


@given(FACTS, st.randoms(use_true_random=False))
def test_the_order_of_changes_does_not_matter(known: Facts, order: random.Random) -> None:
    def shuffled(side: Comparison) -> Comparison:
        changes = list(side.changes or ())
        order.shuffle(changes)
        return replace(side, changes=None if side.changes is None else changes)

    compared = {part: shuffled(side) for part, side in known.compared.items()}
    again = make_plan(replace(known, compared=compared), AUTO)
    plan = make_plan(known, AUTO)
    assert (again.deploy_type, again.changes) == (plan.deploy_type, plan.changes)


@given(FACTS)
def test_none_means_that_both_sides_are_the_same_or_newer(known: Facts) -> None:
    plan = make_plan(known, AUTO)
    if plan.deploy_type is NONE and "newer" not in plan.reason:
        assert (plan.content.image, plan.content.dags) == ("same", "same")


@pytest.mark.parametrize("source", ["event", "ref"])
def test_without_the_history_nobody_says_what_runs(source: BaseSource) -> None:
    plan = make_plan(replace(facts(compared()), source=source), AUTO)
    assert plan.reason == "no deployed file has changed since bbbbbbb"
