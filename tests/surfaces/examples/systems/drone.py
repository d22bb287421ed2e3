"""How Drone reads its file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tests.surfaces.examples.system import DEPLOY, PLAN, Job, Secrets, System, one_file, sh


def read_drone(path: Path, job: str, secrets: Secrets) -> Job:
    """Each pipeline is a document."""
    pipelines = yaml.safe_load_all(path.read_text())
    return steps_of(next(one for one in pipelines if one and one["name"] == job), secrets)


def steps_of(pipeline: Any, secrets: Secrets) -> Job:
    """Make a job of the one step that a pipeline has."""
    (step,) = pipeline["steps"]
    env = {
        name: value if isinstance(value, str) else secrets.get(value["from_secret"], "")
        for name, value in step["environment"].items()
    }
    return Job(processes=(sh("\n".join(step["commands"])),), env=env)


SYSTEM = System(
    files=one_file("drone/.drone.yml"),
    read=read_drone,
    says={
        PLAN: {
            "CI": "true",
            "DRONE": "true",
            "DRONE_BUILD_EVENT": "pull_request",
            "DRONE_COMMIT_SHA": "{head}",
            "DRONE_PULL_REQUEST": "7",
            "DRONE_SOURCE_BRANCH": "feature/x",
            "DRONE_TARGET_BRANCH": "main",
        },
        DEPLOY: {
            "CI": "true",
            "DRONE": "true",
            "DRONE_BUILD_EVENT": "push",
            "DRONE_COMMIT_SHA": "{head}",
            "DRONE_BRANCH": "main",
        },
    },
    queues=[("drone/.drone.yml", (0, "concurrency", "limit"), 1)],
    only_main=[("drone/.drone.yml", (0, "trigger"), {"branch": ["main"], "event": ["push"]})],
    schemas={"drone/.drone.yml": "drone-ci"},
)
