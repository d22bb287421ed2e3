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

    patience: list[float] = field(default_factory=list)
    """How long each look may take."""

    def within(self, seconds: float) -> Astro:
        self.patience.append(seconds)
        return self

    def get_deployment(self, deployment_id: str) -> Deployment:
        assert deployment_id == "cl1"
        look, *rest = self.looks
        self.looks = rest or [look]
        if isinstance(look, UnavailableError):
            raise look
        return look

    def get_deploy(self, deployment_id: str, deploy_id: str) -> Deploy:
        assert (deployment_id, deploy_id) == ("cl1", "d1")
        return self.deploys.pop(0) if len(self.deploys) > 1 else self.deploys[0]

    def list_deploys(self, deployment_id: str) -> Iterator[Deploy]:
        assert deployment_id == "cl1"
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
        assert caught.value.hint == (
            "Wake the Deployment up in Astro. To deploy to a hibernating Deployment without "
            "waiting, use --no-wait."
        )

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
        assert caught.value.hint == (
            "Look at the Deployment in Astro, as the deploy may still go live; to wait longer, use "
            "--wait-time."
        )

    def test_all_of_the_time_is_used_and_no_look_takes_longer(self) -> None:
        astro, clock = Astro([ROLLING]), Clock()
        rollout = Rollout(
            deployment=deployment(), deploy=deploy(), bundle_version="v2", image_tag=None
        )
        waiter = Waiter(
            wait_seconds=5, sleep=clock.sleep, now=lambda: clock.time, on_change=lambda _: None
        )
        with pytest.raises(DeployTimeoutError):
            waiter.wait(cast(AstroClient, astro), rollout)
        assert clock.pauses == [1.0, 1.5, 2.25, 0.25]
        assert astro.patience == [5.0, 4.0, 2.5, 1.0, 1.0]

    def test_what_is_waited_for_is_told(self) -> None:
        looks = [
            deployment("DEPLOYING", dag_tarball_version="v2"),
            deployment("DEPLOYING", dag_tarball_version="v1", image_tag="t1"),
            deployment("UNKNOWN", dag_tarball_version="v2", image_tag="t2", status_reason="why"),
            LIVE,
        ]
        _, said = wait(Astro(looks), image="t2")
        assert said == [
            "Deployment DEPLOYING; image tag none, not yet t2",
            "Deployment DEPLOYING; image tag t1, not yet t2; bundle version not yet v2",
            "Deployment UNKNOWN (why)",
        ]

    def test_a_failed_deploy_ends_it_at_once(self) -> None:
        with pytest.raises(DeployFailedError) as caught:
            wait(Astro([ROLLING], [deploy("FAILED")]))
        assert caught.value.message == "Astro reports that deploy d1 failed"
        assert caught.value.hint == (
            "Look at the Deployment's logs in Astro, and run the job again."
        )

    def test_turning_unhealthy_is_a_failure_when_it_lasts(self) -> None:
        said = "the Deployment turned UNHEALTHY after deploy d1"
        with pytest.raises(DeployFailedError) as caught:
            wait(Astro([UNHEALTHY]))
        assert caught.value.message == f"{said}: CrashLoopBackOff"
        assert caught.value.hint == (
            "Look at the Deployment's logs in Astro; to restore the previous version, roll back to "
            "the previous deploy in Astro."
        )
        with pytest.raises(DeployFailedError) as caught:
            wait(Astro([deployment("UNHEALTHY", dag_tarball_version="v1")]))
        assert caught.value.message == said

    @pytest.mark.parametrize(("seconds", "most"), [(600, 30.0), (16, 8.0), (3, 1.5)])
    def test_it_has_half_a_minute_or_half_of_the_time(self, seconds: float, most: float) -> None:
        looks, clock = Astro([ROLLING, UNHEALTHY]), Clock()
        began = list[float]()

        def heard(text: str) -> None:
            if "UNHEALTHY" in text:
                began.append(clock.time)

        rollout = Rollout(
            deployment=deployment(), deploy=deploy(), bundle_version="v2", image_tag=None
        )
        waiter = Waiter(
            wait_seconds=seconds, sleep=clock.sleep, now=lambda: clock.time, on_change=heard
        )
        with pytest.raises(DeployFailedError):
            waiter.wait(cast(AstroClient, looks), rollout)
        lasted = clock.time - began[0]
        assert most <= lasted
        assert lasted - clock.pauses[-1] < most, "one look earlier was too early"

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

    def test_one_whose_image_was_replaced_is_done(self) -> None:
        other = Deploy(id="d0", type="IMAGE_ONLY", status="DEPLOYED", image_tag="t3")
        moved_on = deployment(dag_tarball_version="v1", image_tag="t3")
        astro = Astro([moved_on], [deploy(), deploy(), other])
        _, said = wait(astro, bundle=None, image="t2")
        assert said == ["deploy d0 has already replaced this deploy"]

    @pytest.mark.parametrize("kind", ["another's bundle", "nothing", "ours"])
    def test_one_that_was_replaced_by_nobody_knows_whom_is_waited_for(self, kind: str) -> None:
        """What runs is neither what ran before nor what a deploy of the history brought."""
        other = {
            "another's bundle": Deploy(
                id="d0", type="DAG_ONLY", status="DEPLOYED", dag_tarball_version="v9"
            ),
            "nothing": Deploy(id="d0", type="DAG_ONLY", status="DEPLOYED"),
            "ours": deploy(),
        }[kind]
        strange = deployment(dag_tarball_version="v3", desired_dag_tarball_version="v3")
        old = deployment(dag_tarball_version="v1", desired_dag_tarball_version="v1")
        looks = Astro([strange, LIVE], [deploy(), deploy(), other])
        clock, said = wait(looks, before=old)
        assert len(clock.pauses) == 1
        assert said == ["Deployment HEALTHY; bundle version not yet v2"]

    def test_one_that_is_not_finalized_yet_is_not_replaced(self) -> None:
        moved_on = deployment(dag_tarball_version="v3", desired_dag_tarball_version="v3")
        looks = Astro([moved_on, LIVE], [deploy("INITIALIZED"), deploy()])
        assert len(wait(looks)[0].pauses) == 1
        newer = deploy(id_="d2")
        clock, said = wait(Astro([moved_on, LIVE], [deploy("INITIALIZED"), newer, deploy()]))
        assert len(clock.pauses) == 1
        assert said == ["Deployment HEALTHY; bundle version not yet v2"]

    def test_one_that_is_rolling_out_is_not_replaced_by_a_newer_image(self) -> None:
        """The Deployment still wants this deploy's bundle."""
        image = Deploy(id="d2", type="IMAGE_ONLY", status="DEPLOYED", image_tag="t2")
        clock, said = wait(Astro([ROLLING, LIVE], [deploy(), image, deploy()]))
        assert len(clock.pauses) == 1
        assert said == ["Deployment DEPLOYING; bundle version not yet v2"]
