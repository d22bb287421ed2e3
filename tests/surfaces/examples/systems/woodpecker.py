"""How Woodpecker reads its file."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.surfaces.examples.system import DEPLOY, PLAN, Job, Secrets, System
from tests.surfaces.examples.systems.drone import steps_of


def read_woodpecker(path: Path, _job: str, secrets: Secrets) -> Job:
    """Each workflow is a file."""
    return steps_of(yaml.safe_load(path.read_text()), secrets)


SYSTEM = System(
    files={
        PLAN: "woodpecker/.woodpecker/plan.yaml",
        DEPLOY: "woodpecker/.woodpecker/deploy.yaml",
    },
    read=read_woodpecker,
    says={
        PLAN: {
            "CI": "woodpecker",
            "CI_PIPELINE_EVENT": "pull_request",
            "CI_COMMIT_SHA": "{head}",
            "CI_COMMIT_PULL_REQUEST": "7",
            "CI_COMMIT_SOURCE_BRANCH": "feature/x",
            "CI_COMMIT_TARGET_BRANCH": "main",
        },
        DEPLOY: {
            "CI": "woodpecker",
            "CI_PIPELINE_EVENT": "push",
            "CI_COMMIT_SHA": "{head}",
            "CI_COMMIT_BRANCH": "main",
        },
    },
    queues=[
        (
            "woodpecker/.woodpecker/deploy.yaml",
            ("concurrency",),
            {"limit": 1, "group": "astro-production"},
        )
    ],
    only_main=[
        ("woodpecker/.woodpecker/deploy.yaml", ("when",), [{"event": "push", "branch": "main"}])
    ],
    checkouts=[
        *(
            (
                f"woodpecker/.woodpecker/{name}.yaml",
                ("clone", "git", "settings"),
                {"partial": False, "depth": 0},
            )
            for name in (PLAN, DEPLOY)
        )
    ],
    schemas={
        "woodpecker/.woodpecker/deploy.yaml": "woodpecker-ci",
        "woodpecker/.woodpecker/plan.yaml": "woodpecker-ci",
    },
)
