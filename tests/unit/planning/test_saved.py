"""A saved plan holds, or says in one sentence what has changed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from astro_ci import __version__
from astro_ci.errors import AstroCIError, ConfigurationError, OutdatedPlanError
from astro_ci.model import (
    Base,
    Deployment,
    DeployType,
    FastPlan,
    Origin,
    Part,
    Plan,
    PrebuiltImage,
    Request,
)
from astro_ci.planning.read_saved import read_saved_plans
from astro_ci.planning.saved import SavedPlans
from astro_ci.reporting.documents import as_json, plan_document
from tests.unit.reporting.samples import PLAN as SAMPLE

DIGESTS = {Part.IMAGE: "1" * 16, Part.DAGS: "2" * 16}
IMAGE = PrebuiltImage(reference="etl:1", digest=f"sha256:{'3' * 64}", commit="")
assert SAMPLE.deployment
RUNNING = replace(SAMPLE.deployment, image_tag="t1", desired_dag_tarball_version="v1")
PLAN = replace(
    SAMPLE,
    digests=DIGESTS,
    deployment=RUNNING,
    origin=Origin(repository="github.com/acme/etl", project="etl"),
)


def saved(plan: Plan = PLAN, **changes: Any) -> SavedPlans:
    """What `plan --json` prints, read again."""
    document = {**plan_document(plan), **changes}
    return read_saved_plans(as_json(document).encode(), "plan.json", __version__)


def on(**changes: Any) -> Deployment:
    return replace(RUNNING, **changes)


def test_the_same_plan_holds() -> None:
    saved().check(PLAN)
    saved(replace(PLAN, image=IMAGE)).check(replace(PLAN, image=IMAGE))


HEAD = f"commit {'a' * 7} was planned, and {'c' * 7} is checked out"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"head": "c" * 40}, HEAD),
        ({"digests": {**DIGESTS, Part.DAGS: "4" * 16}}, "changed since (dags)"),
        ({"digests": dict.fromkeys(Part, "4" * 16)}, "changed since (image, dags)"),
        ({"image": IMAGE}, f"no prebuilt image was planned, and the deploy has the image {'sha'}"),
        ({"bundle_layout": "root"}, "the layout of the DAG bundle was prefixed, and is root"),
        ({"deployment": on(image_tag="t2")}, "image t1 ran, and now image t2"),
        ({"deployment": on(image_tag="")}, "image t1 ran, and now no image"),
        (
            {"deployment": on(desired_dag_tarball_version="v2")},
            "DAG bundle v1 ran, and now DAG bundle v2",
        ),
        (
            {"deployment": on(is_dag_deploy_enabled=False)},
            "DAG-only deploys have been disabled since",
        ),
        (
            {"deployment": on(astro_runtime_version="13.2.0")},
            "Astro Runtime 13.1.0 ran, and now 13.2.0",
        ),
        (
            {"deploy_type": DeployType.IMAGE_AND_DAGS},
            "dags was planned, and now the plan is image-and-dags: only DAGs changed",
        ),
        ({"base": Base(commits=dict.fromkeys(Part, "d" * 40), source="ref")}, "now the plan is"),
    ],
)
def test_what_has_changed_is_told(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(OutdatedPlanError) as caught:
        saved().check(replace(PLAN, **changes))
    assert caught.value.message.startswith("the saved plan of prod no longer holds: ")
    assert message in caught.value.message
    assert "Nothing was deployed." in caught.value.hint
    assert caught.value.exit_code == 11


def test_where_nothing_is_left_to_deploy_only_the_checkout_counts() -> None:
    nothing = replace(PLAN, deploy_type=DeployType.NONE, deployment=on(image_tag="t2"))
    saved().check(nothing)
    with pytest.raises(OutdatedPlanError, match="is checked out"):
        saved().check(replace(nothing, head="c" * 40))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"requested": Request.DAGS}, "made with --type auto, and this deploy has --type dags"),
        ({"deployment": on(id="cl9", name="dev")}, "is for prod from the project etl, and this"),
        ({"origin": Origin(repository="github.com/acme/etl")}, "and this run deploys to prod"),
        (
            {"origin": Origin(repository="github.com/eve/etl", project="etl")},
            "for the repository github.com/acme/etl, and this is github.com/eve/etl",
        ),
        ({"deployment": None}, "cannot be compared without credentials"),
    ],
)
def test_a_plan_for_something_else_is_no_plan(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        saved().check(replace(PLAN, **changes))
    assert message in caught.value.message


def test_a_clone_without_a_remote_is_compared_by_the_rest() -> None:
    saved().check(replace(PLAN, origin=Origin(project="etl")))
    saved(replace(PLAN, origin=Origin(project="etl"))).check(PLAN)


def test_of_several_the_plan_of_the_deployment_counts() -> None:
    other = replace(PLAN, deployment=on(id="cl9", name="dev"), head="c" * 40)
    failed = {"schema": 1, "error": {"message": "no such Deployment"}}
    documents = [plan_document(PLAN), plan_document(other), failed]
    raw = as_json({"schema": 1, "deploy_type": "dags", "deployments": documents}).encode()
    found = read_saved_plans(raw, "plan.json", __version__)
    found.check(PLAN)
    found.check(other)
    with pytest.raises(ConfigurationError, match=r"is for prod .*, dev .*, and this run"):
        found.check(replace(PLAN, deployment=on(id="cl8")))


def test_a_plan_that_failed_later_is_no_plan() -> None:
    with pytest.raises(ConfigurationError, match="is of a run that failed: no space"):
        saved(error={"message": "no space"}).check(PLAN)


@pytest.mark.parametrize("key", ["head", "digests", "deployment", "running", "source", "base"])
@pytest.mark.parametrize("value", [None, 7, "text", [], {}, {"id": 1}, ["x"]])
def test_a_forged_value_is_an_error_of_ours(key: str, value: Any) -> None:
    document = {**plan_document(PLAN), key: value}
    with pytest.raises(AstroCIError):
        read_saved_plans(json.dumps(document).encode(), "plan.json", __version__).check(PLAN)


def test_words_of_a_stranger_are_cut_and_cleaned() -> None:
    forged = saved(head="\x1b[2J" + "x" * 10_000)
    with pytest.raises(OutdatedPlanError) as caught:
        forged.check(PLAN)
    assert "\x1b" not in caught.value.message
    assert len(caught.value.message) < 300


WRITE = "Write the file with `astro-ci plan --out FILE`, and pass it on unchanged."
CORRECT = "Correct what made the plan fail, and make a new one."
VERSIONS = "Use the same version of astro-ci in both jobs, and make a new plan."


@pytest.mark.parametrize(
    ("raw", "why", "hint"),
    [
        (b" \n", "is empty", WRITE),
        (b"<html>", "is cut off, or is no JSON document: Expecting value: line 1 column 1 (char 0)",
         WRITE),
        (b"{}", "is no plan of astro-ci", WRITE),
        (b'{"schema": "1"}',
         "is no plan of astro-ci: Expected `int | null`, got `str` - at `$.schema`", WRITE),
        (b'{"deploy_type": "dags"}', "is no plan of astro-ci", WRITE),
        (b'{"schema": 1, "error": {"message": "no token"}}',
         "is of a run that failed: no token", CORRECT),
        (b'{"schema": 1, "deploy_type": "dags", "outcome": "deployed"}',
         "is what a deploy printed, and not a plan", WRITE),
        (b'{"schema": 1, "deployments": []}', "has no Deployment",
         "Plan for the Deployments that are deployed to."),
        (b'{"schema": 1, "deploy_type": "dags", "version": "0.0.1"}',
         f"was written by astro-ci 0.0.1, and this is {__version__}", VERSIONS),
        (b'{"schema": 2, "deploy_type": "dags"}',
         f"was written by another astro-ci, and this is {__version__}", VERSIONS),
    ],
)  # fmt: skip
def test_what_is_no_plan_says_why(raw: bytes, why: str, hint: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_saved_plans(raw, "plan.json", __version__)
    assert caught.value.message == f"the plan file plan.json {why}"
    assert caught.value.hint == hint


OPTIONS = "Give `plan` and `deploy` the same options. Nothing was deployed."
AGAIN = "Make a new plan, have it approved, and deploy with the new one. Nothing was deployed."


@pytest.mark.parametrize(
    ("changes", "message", "hint"),
    [
        ({"requested": Request.DAGS},
         "the saved plan of prod was made with --type auto, and this deploy has --type dags",
         OPTIONS),
        ({"head": "c" * 40}, f"the saved plan of prod no longer holds: {HEAD}", AGAIN),
        ({"deploy_type": DeployType.IMAGE_AND_DAGS},
         "the saved plan of prod no longer holds: dags was planned, and now the plan is "
         f"image-and-dags: {PLAN.reason}",
         f"{OPTIONS} If they are the same, make a new plan and have it approved."),
        ({"deployment": on(id="cl9", name="dev")},
         "the saved plan is for prod from the project etl, and this run deploys to dev from the "
         "project etl",
         "Name the same Deployment and project in both jobs, or pass on its own plan."),
        ({"origin": Origin(repository="github.com/acme/etl")},
         "the saved plan is for prod from the project etl, and this run deploys to prod",
         "Name the same Deployment and project in both jobs, or pass on its own plan."),
        ({"origin": Origin(repository="github.com/eve/etl", project="etl")},
         "the saved plan is for the repository github.com/acme/etl, and this is "
         "github.com/eve/etl",
         "Pass on the plan of this repository."),
        ({"deployment": None}, "a saved plan cannot be compared without credentials", ""),
        ({"deployment": on(is_dag_deploy_enabled=False)},
         "the saved plan of prod no longer holds: DAG-only deploys have been disabled since",
         AGAIN),
    ],
)  # fmt: skip
def test_the_whole_refusal(changes: dict[str, Any], message: str, hint: str) -> None:
    with pytest.raises(AstroCIError) as caught:
        saved().check(replace(PLAN, **changes))
    assert (caught.value.message, caught.value.hint) == (message, hint)


FAST, BUILT = FastPlan(mode="auto"), FastPlan(mode="auto", reasons=("a package changed", "more"))
VERIFY = FastPlan(mode="verify")


@pytest.mark.parametrize(
    ("planned", "found", "kind", "message", "hint"),
    [
        (FAST, FAST, None, "", ""),
        (BUILT, replace(BUILT, reasons=("another reason",)), None, "", ""),
        (VERIFY, replace(VERIFY, reasons=("x",)), None, "", ""),
        (None, FAST, ConfigurationError, "was made with --fast off, and this deploy has --fast "
         "auto", OPTIONS),
        (FAST, None, ConfigurationError, "was made with --fast auto, and this deploy has --fast "
         "off", OPTIONS),
        (FAST, VERIFY, ConfigurationError, "was made with --fast auto, and this deploy has --fast "
         "verify", OPTIONS),
        (FAST, BUILT, OutdatedPlanError, "no longer holds: the image was to be made without a "
         "build, and has to be built: a package changed", AGAIN),
        (BUILT, FAST, OutdatedPlanError, "no longer holds: the image was to be built, and can now "
         "be made without a build", AGAIN),
    ],
)  # fmt: skip
def test_the_image_is_made_as_was_planned(
    planned: FastPlan | None,
    found: FastPlan | None,
    kind: type[AstroCIError] | None,
    message: str,
    hint: str,
) -> None:
    plan = saved(replace(PLAN, fast=planned))
    if kind is None:
        plan.check(replace(PLAN, fast=found))
        return
    with pytest.raises(kind) as caught:
        plan.check(replace(PLAN, fast=found))
    assert caught.value.message == f"the saved plan of prod {message}"
    assert caught.value.hint == hint


def test_a_switch_that_was_made_the_other_way_is_told_as_well() -> None:
    disabled = replace(PLAN, deployment=on(is_dag_deploy_enabled=False))
    with pytest.raises(OutdatedPlanError, match="DAG-only deploys have been enabled since"):
        saved(disabled).check(PLAN)


@pytest.mark.parametrize("lacking", ["deployment", "running"])
def test_what_is_not_known_is_not_compared(lacking: str) -> None:
    """A plan that was made without credentials, then or now, says nothing of what runs."""
    (then,) = saved(PLAN, **{lacking: None}).plans
    then.check(PLAN)
    (then,) = saved().plans
    now = replace(PLAN, deployment=None)
    then.check(now)
    with pytest.raises(OutdatedPlanError) as caught:
        then.check(replace(now, head="c" * 40))
    assert caught.value.message == f"the saved plan of the Deployment no longer holds: {HEAD}"


def test_the_image_that_was_planned_is_named() -> None:
    with pytest.raises(OutdatedPlanError) as caught:
        saved(replace(PLAN, image=IMAGE)).check(PLAN)
    assert caught.value.message == (
        "the saved plan of prod no longer holds: the image sha256:333333333333 was planned, and "
        "the deploy has no prebuilt image"
    )


def test_a_plan_of_the_repository_root_names_no_project() -> None:
    at_root = replace(PLAN, origin=Origin(repository="github.com/acme/etl"))
    with pytest.raises(ConfigurationError) as caught:
        saved(at_root).check(replace(at_root, deployment=on(id="cl9", name="dev")))
    assert caught.value.message == "the saved plan is for prod, and this run deploys to dev"


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ({"schema": 1, "deployments": [7]}, "Expected `object`, got `int`"),
        ({**plan_document(PLAN), "head": 7}, "Expected `str`, got `int` - at `$.head`"),
    ],
)
def test_a_value_of_the_wrong_kind_is_told_with_the_file(document: Any, why: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_saved_plans(as_json(document).encode(), "plan.json", __version__)
    assert caught.value.message == f"the plan file plan.json is no plan of astro-ci: {why}"


def test_a_plan_without_credentials_does_not_say_what_ran() -> None:
    with pytest.raises(ConfigurationError) as caught:
        saved(replace(PLAN, deployment=None)).check(PLAN)
    assert caught.value.message == (
        "the saved plan was made without credentials, so it does not say what ran"
    )
    assert caught.value.hint == (
        "Give the job that plans a token of Astro; one that may only read will do."
    )


def test_a_plan_that_failed_says_so_with_what_to_do() -> None:
    with pytest.raises(ConfigurationError) as caught:
        saved(error={"message": "no space"}).check(PLAN)
    assert caught.value.message == "the saved plan of prod is of a run that failed: no space"
    assert caught.value.hint == CORRECT
