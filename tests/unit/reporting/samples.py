"""A Plan and a result, for the tests of what is told of them."""

from __future__ import annotations

from msgspec.structs import replace

from astro_ci.configuration.choice import Target
from astro_ci.configuration.config import Config
from astro_ci.errors import DeployFailedError
from astro_ci.model import (
    NO_PARTS,
    Base,
    Change,
    Content,
    Deployment,
    DeployResult,
    DeployType,
    Part,
    Plan,
    Repository,
    Request,
    Status,
)
from astro_ci.reporting.report import Report
from astro_ci.reporting.target_result import TargetResult
from astro_ci.reporting.verb import DEPLOY

DAGS, IMAGE, NOTHING = frozenset({Part.DAGS}), frozenset({Part.IMAGE}), NO_PARTS
PLAN = Plan(
    deploy_type=DeployType.DAGS,
    requested=Request.AUTO,
    reason="only DAGs changed",
    head="a" * 40,
    dirty=True,
    base=Base(commits={Part.IMAGE: "b" * 40, Part.DAGS: None}, source="deployed"),
    content=Content(parts={Part.IMAGE: "same", Part.DAGS: "different"}),
    changes=[Change(path="dags/\udcff\n.py", status=Status.ADDED, parts=DAGS, because="x")],
    deployment=Deployment(
        id="cl1", name="prod", organization_id="o", workspace_id="w", status="HEALTHY",
        is_dag_deploy_enabled=True, astro_runtime_version="13.1.0",
    ),
    assumptions=["so it is"],
    title="Load the orders",
    repository=Repository(page="https://github.com/acme/etl", kind="github"),
)  # fmt: skip
RESULT = DeployResult(
    outcome="deployed",
    plan=PLAN,
    deploy_id="cl2",
    url="http://x",
    bundle_version="v",
    phases={"survey": 0.4, "upload": 0.25},
)


def target(name: str) -> Target:
    """A Deployment of the file."""
    return Target(config=Config(deployment_name=name), settings={}, entry=name)


def several(plan: Plan) -> Report:
    """A run for three Deployments, of which each ended in another way."""
    failed = DeployFailedError("Astro reports that it failed", hint="Look at the logs.")
    skipped = replace(RESULT, outcome="skipped", plan=replace(plan, deploy_type=DeployType.NONE))
    results = [
        TargetResult(target=target("prod"), deploy_result=replace(RESULT, plan=plan)),
        TargetResult(target=target("dev"), deploy_result=skipped),
        TargetResult(target=target("old"), plan=plan, error=failed),
    ]
    return Report(verb=DEPLOY, results=results)
