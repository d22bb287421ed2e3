from __future__ import annotations

from typing import Any

import pytest

from astro_ci.deployments.settings import differences, update_request
from astro_ci.errors import ApiError

SHOWN: dict[str, Any] = {
    "id": "cl1",
    "type": "STANDARD",
    "name": "production",
    "executor": "CELERY",
    "isDagDeployEnabled": True,
    "status": "HEALTHY",
    "environmentVariables": [
        {"key": "OPEN", "value": "1", "isSecret": False, "updatedAt": "then"},
        {"key": "SHUT", "value": "", "isSecret": True, "updatedAt": "then"},
    ],
    "workerQueues": [{"id": "q1", "name": "default", "podCpu": "1", "podMemory": "2Gi", "new": 1}],
}


def test_a_secret_is_sent_without_a_value_and_keeps_its_own() -> None:
    assert update_request(SHOWN, enable=False)["environmentVariables"] == [
        {"key": "OPEN", "value": "1", "isSecret": False},
        {"key": "SHUT", "isSecret": True},
    ]


def test_what_is_not_known_here_is_sent_back() -> None:
    body = update_request({**SHOWN, "tomorrow": {"a": [1]}}, enable=False)
    assert body["tomorrow"] == {"a": [1]}
    assert body["workerQueues"] == [{"id": "q1", "name": "default", "new": 1}]


def test_identities_are_never_pinned() -> None:
    shown = {**SHOWN, "effectiveWorkloadIdentity": "platform's"}
    assert not [key for key in update_request(shown, enable=False) if "dentity" in key]


@pytest.mark.parametrize("queues", [[], SHOWN["workerQueues"]])
def test_no_worker_queues_for_the_executor_that_has_none(queues: list[Any]) -> None:
    shown = {**SHOWN, "executor": "KUBERNETES", "workerQueues": queues}
    assert "workerQueues" not in update_request(shown, enable=False)
    assert "workerQueues" not in update_request({**SHOWN, "workerQueues": []}, enable=False)


def test_the_scheduler_of_a_hybrid_deployment() -> None:
    shown = {
        **SHOWN, "type": "HYBRID", "schedulerAu": 12, "schedulerReplicas": 2,
        "taskPodNodePoolId": "pool", "schedulerSize": "SMALL",
    }  # fmt: skip
    body = update_request(shown, enable=True)
    assert body["scheduler"] == {"au": 12, "replicas": 2}
    assert body["taskPodNodePoolId"] == "pool"
    assert "schedulerSize" not in body


def test_remote_execution_goes_back_without_its_url() -> None:
    remote = {"enabled": True, "allowedIpAddressRanges": [], "remoteApiUrl": "https://x"}
    body = update_request({**SHOWN, "remoteExecution": remote}, enable=True)
    assert body["remoteExecution"] == {"enabled": True, "allowedIpAddressRanges": []}


@pytest.mark.parametrize("is_active", [True, False])
def test_an_override_goes_back_while_it_is_active(is_active: bool) -> None:
    override = {"isActive": is_active, "isHibernating": True}
    spec = {"hibernationSpec": {"schedules": [], "override": override}}
    body = update_request({**SHOWN, "scalingSpec": spec}, enable=True)
    sent = body["scalingSpec"]["hibernationSpec"]
    assert sent.get("override") == ({"isHibernating": True} if is_active else None)


@pytest.mark.parametrize("kind", [None, "LUNAR"])
def test_a_type_that_is_not_known_is_refused(kind: str | None) -> None:
    with pytest.raises(ApiError, match="astro-ci does not know Deployments of the type") as caught:
        update_request({**SHOWN, "type": kind}, enable=True)
    assert caught.value.hint == "Switch DAG-only deploys in the Deployment's settings in Astro."


class TestDifferences:
    def test_what_is_no_setting_is_none(self) -> None:
        after = {**SHOWN, "status": "DEPLOYING", "isDagDeployEnabled": False, "updatedAt": "now"}
        after["environmentVariables"] = [
            {**one, "updatedAt": "now"} for one in reversed(SHOWN["environmentVariables"])
        ]
        assert differences(SHOWN, after) == []

    def test_empty_and_missing_are_the_same(self) -> None:
        assert differences({**SHOWN, "contactEmails": []}, {**SHOWN, "description": ""}) == []

    def test_both_values_are_told(self) -> None:
        after = {
            **SHOWN,
            "executor": "ASTRO",
            "workerQueues": [{**SHOWN["workerQueues"][0], "new": 2}],
        }
        assert [*map(str, differences(SHOWN, after))] == [
            "executor was 'CELERY' and is now 'ASTRO'",
            "workerQueues[default].new was 1 and is now 2",
        ]

    def test_the_value_of_a_variable_is_not(self) -> None:
        first = {**SHOWN["environmentVariables"][0], "value": "hunter2"}
        new = {"key": "NEW", "value": "hunter3", "isSecret": False}
        after = {**SHOWN, "environmentVariables": [first, new]}
        assert [*map(str, differences(SHOWN, after))] == [
            "environmentVariables[NEW] is new",
            "environmentVariables[OPEN].value changed",
            "environmentVariables[SHUT] is gone",
        ]
