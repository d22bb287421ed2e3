"""A Plan and a result, for the tests of what is told of them."""

from __future__ import annotations

from astro_ci.model import (
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

DAGS, IMAGE = frozenset({Part.DAGS}), frozenset({Part.IMAGE})
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
