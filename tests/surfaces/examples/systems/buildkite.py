"""How Buildkite reads its file."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from tests.surfaces.examples.system import DEPLOY, PLAN, Job, Secrets, System, bash, one_file


def read_buildkite(path: Path, job: str, secrets: Secrets) -> Job:
    """All commands are one script, after the upload has put its own variables into it."""
    file = yaml.safe_load(path.read_text())
    step = next(one for one in file["steps"] if one["label"].endswith(job))
    script = re.sub(
        r"\$\$|\$(?=\w|\{)\{?\w*\}?",
        lambda match: "$" if match[0] == "$$" else "",
        "\n".join(step["commands"]),
    )
    env = {**file.get("env", {}), **{name: secrets[name] for name in step["secrets"]}}
    return Job(processes=(bash(script, "-e"),), env=env)


SYSTEM = System(
    files=one_file("buildkite/pipeline.yml"),
    read=read_buildkite,
    says={
        PLAN: {
            "BUILDKITE": "true",
            "BUILDKITE_COMMIT": "{head}",
            "BUILDKITE_BRANCH": "feature/x",
            "BUILDKITE_PULL_REQUEST": "7",
            "BUILDKITE_PULL_REQUEST_BASE_BRANCH": "main",
        },
        DEPLOY: {
            "BUILDKITE": "true",
            "BUILDKITE_COMMIT": "{head}",
            "BUILDKITE_BRANCH": "main",
            "BUILDKITE_PULL_REQUEST": "false",
            "BUILDKITE_BUILD_URL": "https://buildkite.com/acme/flows/builds/5",
        },
    },
    queues=[
        ("buildkite/pipeline.yml", ("steps", 1, "concurrency"), 1),
        ("buildkite/pipeline.yml", ("steps", 1, "concurrency_group"), "astro-production"),
        ("buildkite/pipeline.yml", ("steps", 1, "concurrency_method"), "ordered"),
    ],
    only_main=[
        (
            "buildkite/pipeline.yml",
            ("steps", 1, "if"),
            'build.branch == "main" && build.pull_request.id == null',
        )
    ],
    schemas={"buildkite/pipeline.yml": "buildkite"},
)
