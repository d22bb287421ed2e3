from __future__ import annotations

from collections.abc import Iterator

import pytest

from astro_ci.model import Deploy, Deployment, Part
from astro_ci.planning.history import read_history

IMAGE, DAGS = Part.IMAGE, Part.DAGS


def deployment(
    status: str = "HEALTHY", *, dag_deploys: bool = True, live: str = "v2"
) -> Deployment:
    return Deployment(
        id="cl1", name="prod", organization_id="o", workspace_id="w", status=status,
        is_dag_deploy_enabled=dag_deploys, image_tag="t1", dag_tarball_version=live,
        desired_dag_tarball_version="v2",
    )  # fmt: skip


def deploy(kind: str = "DAG_ONLY", status: str = "DEPLOYED", **values: str) -> Deploy:
    return Deploy(id="d", type=kind, status=status, **values)  # type: ignore[arg-type]


FULL = deploy("IMAGE_AND_DAG", image_tag="t1", dag_tarball_version="v1")
DAG = deploy(image_tag="t1", dag_tarball_version="v2")
FAILED = deploy("IMAGE_AND_DAG", "FAILED", image_tag="t1", dag_tarball_version="v2")
BACK = deploy("IMAGE_AND_DAG", image_tag="t1", dag_tarball_version="v2", rollback_from_id="x")


@pytest.mark.parametrize(
    ("shown", "deploys", "live"),
    [
        (deployment(), [FAILED, DAG, FULL], [(), (DAGS,), (IMAGE,)]),
        (deployment(live="v1"), [DAG, FULL], [(), (IMAGE, DAGS)]),
        (deployment(), [BACK, DAG, FULL], [(IMAGE, DAGS), (), ()]),
        (deployment(), [FULL, DAG, DAG], [(IMAGE,), (DAGS,), ()]),
        (deployment("HIBERNATING"), [DAG, FULL], [(), ()]),
        (deployment(live=""), [DAG, FULL], [(), (IMAGE,)]),
        (deployment(dag_deploys=False, live=""), [FULL, FULL], [(IMAGE, DAGS), ()]),
    ],
    ids=[
        "both",
        "rolling out",
        "rolled back",
        "out of order",
        "asleep",
        "no bundle",
        "in the image",
    ],
)
def test_what_is_live(shown: Deployment, deploys: list[Deploy], live: list[tuple[Part]]) -> None:
    rows = list(read_history(shown, deploys))
    assert [row.live for row in rows] == live
    assert [row.deploy for row in rows] == deploys


def test_a_row_is_given_before_the_next_deploy_is_read() -> None:
    def endless() -> Iterator[Deploy]:
        while True:
            yield DAG

    rows = read_history(deployment(), endless())
    assert next(rows).live == (DAGS,)
    assert next(rows).live == ()
