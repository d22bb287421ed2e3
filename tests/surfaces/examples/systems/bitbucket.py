"""How Bitbucket reads its file."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.surfaces.examples.system import DEPLOY, PLAN, Job, Secrets, System, bash, one_file


def read_bitbucket(path: Path, job: str, secrets: Secrets) -> Job:
    """All lines are one script; every step has the repository's variables."""
    pipelines = yaml.safe_load(path.read_text())["pipelines"]
    (step,) = pipelines["branches"]["main"] if job == DEPLOY else pipelines["pull-requests"]["**"]
    return Job(processes=(bash("\n".join(step["step"]["script"]), "-e"),), env=secrets)


SYSTEM = System(
    files=one_file("bitbucket/bitbucket-pipelines.yml"),
    read=read_bitbucket,
    says={
        PLAN: {
            "CI": "true",
            "BITBUCKET_BUILD_NUMBER": "5",
            "BITBUCKET_COMMIT": "{head}",
            "BITBUCKET_BRANCH": "feature/x",
            "BITBUCKET_PR_ID": "7",
            "BITBUCKET_PR_DESTINATION_BRANCH": "main",
        },
        DEPLOY: {
            "CI": "true",
            "BITBUCKET_BUILD_NUMBER": "6",
            "BITBUCKET_COMMIT": "{head}",
            "BITBUCKET_BRANCH": "main",
            "BITBUCKET_REPO_FULL_NAME": "acme/flows",
        },
    },
    clone=("--depth=50",),
    queues=[
        (
            "bitbucket/bitbucket-pipelines.yml",
            ("pipelines", "branches", "main", 0, "step", "concurrency-group"),
            "astro-production",
        )
    ],
    schemas={"bitbucket/bitbucket-pipelines.yml": "bitbucket-pipelines"},
)
