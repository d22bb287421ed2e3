from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

import pytest

from astro_ci.astro.client import AstroClient
from astro_ci.deploying.rollout import Rollout, Waiter
from astro_ci.errors import (
    DeployFailedError,
    DeployTimeoutError,
    UnavailableError,
)
from astro_ci.model import Deploy, Deployment


def deployment(status: str = "HEALTHY", **values: str) -> Deployment:
    return Deployment(
        id="cl1", name="prod", organization_id="o", workspace_id="w", status=status,
        is_dag_deploy_enabled=True, **{"desired_dag_tarball_version": "v2", **values},  # type: ignore[arg-type]
    )  # fmt: skip


def deploy(status: str = "DEPLOYED", id_: str = "d1") -> Deploy:
    return Deploy(id=id_, type="DAG_ONLY", status=status)


LIVE = deployment(dag_tarball_version="v2", image_tag="t2")
ROLLING = deployment("DEPLOYING", dag_tarball_version="v1", image_tag="t2")
UNHEALTHY = deployment("UNHEALTHY", dag_tarball_version="v1", status_reason="CrashLoopBackOff")
DOWN = UnavailableError("no answer")


@dataclass
class Astro:
    """What the API says, look after look; the last answer is repeated."""

    looks: Sequence[Deployment | UnavailableError]
    deploys: list[Deploy] = field(default_factory=lambda: [deploy()])

    def within(self, seconds: float) -> Astro:
        return self

    def get_deployment(self, deployment_id: str) -> Deployment:
        look, *rest = self.looks
        self.looks = rest or [look]
        if isinstance(look, UnavailableError):
            raise look
        return look

    def get_deploy(self, deployment_id: str, deploy_id: str) -> Deploy:
        return self.deploys.pop(0) if len(self.deploys) > 1 else self.deploys[0]

    def list_deploys(self, deployment_id: str) -> Iterator[Deploy]:
        return iter(self.deploys)


class Clock:
    """Time passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.time = 0.0
        self.pauses: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.time += seconds


def wait(
    astro: Astro,
    *,
    seconds: float = 600,
    before: Deployment | None = None,
    bundle: str | None = "v2",
    image: str | None = None,
) -> tuple[Clock, list[str]]:
    clock, said = Clock(), list[str]()
    rollout = Rollout(
        deployment=before or deployment(dag_tarball_version="v1"),
        deploy=deploy(),
        bundle_version=bundle,
        image_tag=image,
    )
    waiter = Waiter(
        wait_seconds=seconds, sleep=clock.sleep, now=lambda: clock.time, on_change=said.append
    )
    waiter.wait(cast(AstroClient, astro), rollout)
    return clock, said


class TestWaiter:
    def test_looks_at_once(self) -> None:
        assert wait(Astro([LIVE]))[0].pauses == []

    def test_waits_longer_and_longer(self) -> None:
        clock, said = wait(Astro([ROLLING] * 9 + [LIVE]))
        assert clock.pauses[:3] == [1.0, 1.5, 2.25]
        assert max(clock.pauses) == 10.0
        assert said == ["Deployment DEPLOYING; bundle version not yet v2"], "said once"

    @pytest.mark.parametrize(
        ("look", "bundle", "image"),
        [
            (deployment(dag_tarball_version="v1"), "v2", None),
            (deployment("DEPLOYING", dag_tarball_version="v2"), "v2", None),
            (deployment(dag_tarball_version="v2", image_tag="t1"), "v2", "t2"),
            (deployment("UNKNOWN", dag_tarball_version="v2", image_tag="t2"), "v2", "t2"),
        ],
    )
    def test_a_healthy_deployment_is_not_yet_this_deploy(
        self, look: Deployment, bundle: str, image: str | None
    ) -> None:
        clock, _ = wait(Astro([look, look, LIVE], [deploy()]), bundle=bundle, image=image)
        assert len(clock.pauses) == 2

    def test_one_asleep_is_never_called_live(self) -> None:
        asleep = deployment("HIBERNATING", dag_tarball_version="v1")
        astro = Astro([ROLLING, asleep])
        with pytest.raises(DeployTimeoutError) as caught:
            wait(astro)
        assert str(caught.value) == (
            "deploy d1 was accepted, but is not live: the Deployment is hibernating, and runs the "
            "deploy when it wakes up"
        )
        assert caught.value.hint.startswith("Wake the Deployment up in Astro.")
        assert "--no-wait" in caught.value.hint

    def test_one_asleep_that_has_not_taken_it_in_is_waited_for(self) -> None:
        before = deployment("HIBERNATING", desired_dag_tarball_version="v1")
        clock, _ = wait(Astro([before, before, LIVE]))
        assert len(clock.pauses) == 2

    def test_the_time_is_up(self) -> None:
        with pytest.raises(
            DeployTimeoutError, match=r"d1 was accepted.*after 60 seconds"
        ) as caught:
            wait(Astro([ROLLING]), seconds=60)
        assert "bundle version not yet v2" in str(caught.value)
        assert "--wait-time" in caught.value.hint

    def test_a_failed_deploy_ends_it_at_once(self) -> None:
        with pytest.raises(DeployFailedError, match="deploy d1 failed"):
            wait(Astro([ROLLING], [deploy("FAILED")]))

    def test_turning_unhealthy_is_a_failure_when_it_lasts(self) -> None:
        with pytest.raises(DeployFailedError, match=r"turned UNHEALTHY .* CrashLoopBackOff"):
            wait(Astro([UNHEALTHY]))

    def test_for_a_moment_it_is_none(self) -> None:
        wait(Astro([UNHEALTHY, UNHEALTHY, ROLLING, UNHEALTHY, LIVE]))

    def test_one_that_was_ill_before_may_be_cured(self) -> None:
        clock, _ = wait(Astro([UNHEALTHY] * 20 + [LIVE]), before=UNHEALTHY)
        assert clock.time > 60

    def test_silence_is_waited_out(self) -> None:
        _, said = wait(Astro([DOWN, ROLLING, DOWN, LIVE]))
        assert said[0] == "Astro does not answer: no answer"

    def test_one_that_was_replaced_already_is_done(self) -> None:
        moved_on = deployment(
            "DEPLOYING", dag_tarball_version="v1", desired_dag_tarball_version="v3"
        )
        astro = Astro([moved_on], [deploy(), deploy(id_="d2"), deploy()])
        _, said = wait(astro)
        assert said == ["deploy d2 has already replaced this deploy"]

    def test_one_that_was_replaced_by_one_that_was_created_before(self) -> None:
        other = Deploy(id="d0", type="DAG_ONLY", status="DEPLOYED", dag_tarball_version="v3")
        moved_on = deployment(dag_tarball_version="v3", desired_dag_tarball_version="v3")
        old = deployment(dag_tarball_version="v1", desired_dag_tarball_version="v1")
        _, said = wait(Astro([moved_on], [deploy(), deploy(), other]), before=old)
        assert said == ["deploy d0 has already replaced this deploy"]

    def test_one_that_is_yet_to_be_taken_in_is_waited_for(self) -> None:
        first = Deploy(id="d0", type="DAG_ONLY", status="DEPLOYED", dag_tarball_version="v1")
        old = deployment(dag_tarball_version="v1", desired_dag_tarball_version="v1")
        clock, _ = wait(Astro([old, old, LIVE], [*[deploy()] * 5, first]), before=old)
        assert len(clock.pauses) == 2
