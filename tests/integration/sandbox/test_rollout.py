"""The rollout clock: what is desired at once, and live when its time has come."""

from __future__ import annotations

import time

from astro_ci.sandbox import Sandbox
from tests.integration.sandbox.support import Client, Clock


def test_a_version_is_desired_at_once_and_live_later(api: Client, clock: Clock) -> None:
    version = api.deploy_dags(b"dags")["dagTarballVersion"]

    during = api.deployment()
    assert (during["status"], during["desiredDagTarballVersion"]) == ("DEPLOYING", version)
    assert "dagTarballVersion" not in during
    clock.advance(59)
    assert api.deployment()["status"] == "DEPLOYING"
    clock.advance(2)
    after = api.deployment()
    assert (after["status"], after["dagTarballVersion"]) == ("HEALTHY", version)


def test_a_later_deploy_starts_the_clock_again(api: Client, clock: Clock) -> None:
    first = api.deploy_dags(b"1")["dagTarballVersion"]
    clock.advance(61)
    api.deploy_dags(b"2")
    clock.advance(50)

    third = api.deploy_dags(b"3")["dagTarballVersion"]

    clock.advance(50)
    during = api.deployment()
    assert (during["status"], during["dagTarballVersion"]) == ("DEPLOYING", first)
    clock.advance(11)
    assert api.deployment()["dagTarballVersion"] == third


def test_a_rollout_that_nobody_watched_ends_before_the_next(api: Client, clock: Clock) -> None:
    first = api.deploy_dags(b"1")["dagTarballVersion"]
    clock.advance(61)
    api.deploy_dags(b"2")
    assert api.deployment()["dagTarballVersion"] == first


def test_a_failed_rollout_leaves_the_old_bundle_live(
    api: Client, astro: Sandbox, clock: Clock
) -> None:
    first = api.deploy_dags(b"1")["dagTarballVersion"]
    clock.advance(61)
    astro.fail_next_rollout("production")

    deploy = api.deploy_dags(b"2")

    assert deploy["status"] == "DEPLOYED"
    assert api.deployment()["status"] == "DEPLOYING"
    clock.advance(61)
    broken = api.deployment()
    assert (broken["status"], broken["dagTarballVersion"]) == ("UNHEALTHY", first)
    assert broken["desiredDagTarballVersion"] == deploy["dagTarballVersion"]
    third = api.deploy_dags(b"3")["dagTarballVersion"]
    clock.advance(61)
    mended = api.deployment()
    assert (mended["status"], mended["dagTarballVersion"]) == ("HEALTHY", third)


def test_a_failed_deploy_changes_nothing(api: Client, astro: Sandbox) -> None:
    first = api.deploy_dags(b"1")["dagTarballVersion"]
    astro.fail_next_deploy("production")

    failed = api.deploy_dags(b"2")

    assert failed["status"] == "FAILED"
    assert api.deployment()["desiredDagTarballVersion"] == first
    assert api.deploy_dags(b"3")["status"] == "DEPLOYED"


def test_the_default_clock_is_the_real_one() -> None:
    with Sandbox(rollout_seconds=0.2) as astro:
        client = Client(astro, None)
        client.deploy_dags(b"dags")
        assert astro.deployment("production").status == "DEPLOYING"
        time.sleep(0.25)
        done = astro.deployment("production")
        assert done.status == "HEALTHY"
        assert done.dag_tarball_version == done.desired_dag_tarball_version != ""
        client.close()
