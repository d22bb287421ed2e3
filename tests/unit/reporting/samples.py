"""A Plan and a result, for the tests of what is told of them."""

from __future__ import annotations

from astro_ci.model import (
    Base,
    Change,
    Content,
    Deployment,
    DeployResult,
    DeployType,
    Plan,
    Request,
    Status,
)

PLAN = Plan(
    deploy_type=DeployType.DAGS,
    requested=Request.AUTO,
    reason="only DAGs changed",
    head="a" * 40,
    dirty=True,
    base=Base(image="b" * 40, dags=None, source="deployed"),
    content=Content(image="same", dags="different"),
    changes=[Change(path="dags/\udcff\n.py", status=Status.ADDED, affects="dags", because="x")],
    deployment=Deployment(
        id="cl1", name="prod", organization_id="o", workspace_id="w", status="HEALTHY",
        is_dag_deploy_enabled=True, astro_runtime_version="13.1.0",
    ),
    assumptions=["so it is"],
)  # fmt: skip
RESULT = DeployResult(
    outcome="deployed", plan=PLAN, deploy_id="cl2", url="http://x", bundle_version="v"
)
