"""How Azure Pipelines reads its file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from tests.surfaces.examples.system import DEPLOY, PLAN, Job, Secrets, System, bash, one_file


def read_azure(path: Path, job: str, secrets: Secrets) -> Job:
    """Each `bash` is a process, without `set -e`; `$(NAME)` of an unknown name stays as it is."""
    file = yaml.safe_load(path.read_text())
    stage = next(one for one in file["stages"] if one["stage"] == job)
    steps = azure_steps(stage)
    assert "checkout" in steps[0], "a deployment job checks nothing out by itself"
    env = dict(file.get("variables", {}))
    for step in steps[1:]:
        for name, value in step.get("env", {}).items():
            env[name] = re.sub(r"\$\((\w+)\)", lambda m: secrets.get(m[1], m[0]), value)
    return Job(processes=tuple(bash(step["bash"]) for step in steps[1:]), env=env)


def azure_steps(stage: Any) -> list[Any]:
    """The steps of the one job of a stage."""
    (job,) = stage["jobs"]
    if "deployment" in job:
        steps: list[Any] = job["strategy"]["runOnce"]["deploy"]["steps"]
        return steps
    found: list[Any] = job["steps"]
    return found


SYSTEM = System(
    files=one_file("azure-devops/azure-pipelines.yml"),
    read=read_azure,
    says={
        PLAN: {
            "TF_BUILD": "True",
            "BUILD_REASON": "PullRequest",
            "BUILD_SOURCEBRANCH": "refs/pull/7/merge",
            "BUILD_SOURCEVERSION": "{head}",
            "SYSTEM_PULLREQUEST_PULLREQUESTID": "7",
            "SYSTEM_PULLREQUEST_SOURCECOMMITID": "{head}",
            "SYSTEM_PULLREQUEST_SOURCEBRANCH": "refs/heads/feature/x",
            "SYSTEM_PULLREQUEST_TARGETBRANCH": "refs/heads/main",
        },
        DEPLOY: {
            "TF_BUILD": "True",
            "BUILD_REASON": "IndividualCI",
            "BUILD_SOURCEBRANCH": "refs/heads/main",
            "BUILD_SOURCEVERSION": "{head}",
        },
    },
    clone=("--depth=1",),
    queues=[
        ("azure-devops/azure-pipelines.yml", ("stages", 1, "lockBehavior"), "sequential"),
        (
            "azure-devops/azure-pipelines.yml",
            ("stages", 1, "jobs", 0, "environment"),
            "astro-production",
        ),
    ],
    only_main=[
        (
            "azure-devops/azure-pipelines.yml",
            ("stages", 1, "condition"),
            "eq(variables['Build.SourceBranch'], 'refs/heads/main')",
        )
    ],
    checkouts=[
        *(
            ("azure-devops/azure-pipelines.yml", (*place, "persistCredentials"), "true")
            for place in (
                ("stages", 0, "jobs", 0, "steps", 0),
                ("stages", 1, "jobs", 0, "strategy", "runOnce", "deploy", "steps", 0),
            )
        )
    ],
    schemas={"azure-devops/azure-pipelines.yml": "azure-pipelines"},
)
