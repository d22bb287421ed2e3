"""How CircleCI reads its file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.surfaces.examples.system import DEPLOY, PLAN, Job, Secrets, System, bash, one_file


def read_circle(path: Path, job: str, secrets: Secrets) -> Job:
    """Expand the commands of the file; secrets come with the context of the workflow's job."""
    file = yaml.safe_load(path.read_text())
    found = file["jobs"][job]
    used = next(one[job] for one in file["workflows"]["astro"]["jobs"] if job in one)
    return Job(
        processes=tuple(
            bash(script, "-eo", "pipefail") for script in _circle_runs(file, found["steps"])
        ),
        env={
            **file["executors"][found["executor"]].get("environment", {}),
            **(secrets if used.get("context") == "astro" else {}),
        },
    )


def _circle_runs(file: Any, steps: list[Any]) -> Iterator[str]:
    for step in steps:
        if step in ("checkout", "setup_remote_docker"):
            continue
        if isinstance(step, str):
            yield from _circle_runs(file, file["commands"][step]["steps"])
        else:
            run = step["run"]
            yield run if isinstance(run, str) else run["command"]


SYSTEM = System(
    files=one_file("circleci/.circleci/config.yml"),
    read=read_circle,
    says={
        PLAN: {
            "CI": "true",
            "CIRCLECI": "true",
            "CIRCLE_SHA1": "{head}",
            "CIRCLE_BRANCH": "feature/x",
            "CIRCLE_PULL_REQUEST": "https://github.com/acme/flows/pull/7",
        },
        DEPLOY: {
            "CI": "true",
            "CIRCLECI": "true",
            "CIRCLE_SHA1": "{head}",
            "CIRCLE_BRANCH": "main",
            "CIRCLE_BUILD_URL": "https://circleci.com/gh/acme/flows/5",
            "CIRCLE_REPOSITORY_URL": "git@github.com:acme/flows.git",
        },
    },
    clone=("--filter=blob:none",),
    queues=[
        (
            "circleci/.circleci/config.yml",
            ("workflows", "astro", "jobs", 1, "deploy", "serial-group"),
            "astro-production",
        )
    ],
    only_main=[
        (
            "circleci/.circleci/config.yml",
            ("workflows", "astro", "jobs", 1, "deploy", "filters", "branches"),
            {"only": "main"},
        )
    ],
    schemas={"circleci/.circleci/config.yml": "circle-ci"},
)
