"""How AWS CodeBuild reads its file."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.surfaces.examples.system import DEPLOY, PLAN, Job, Secrets, System, sh


def read_codebuild(path: Path, _job: str, secrets: Secrets) -> Job:
    """Phases in their order; each stops at the first command that fails."""
    file = yaml.safe_load(path.read_text())
    phases = [file["phases"][name] for name in ("install", "build")]
    stored = {"/astro/api-token": secrets["ASTRO_API_TOKEN"]}
    named = file["env"]["parameter-store"].items()
    return Job(
        processes=tuple(sh("\n".join(phase["commands"])) for phase in phases),
        env={**file["env"]["variables"], **{name: stored[path] for name, path in named}},
    )


SYSTEM = System(
    files={
        PLAN: "aws-codebuild/buildspec-plan.yml",
        DEPLOY: "aws-codebuild/buildspec.yml",
    },
    read=read_codebuild,
    says={
        PLAN: {
            "CODEBUILD_BUILD_ID": "flows-plan:b2a1",
            "CODEBUILD_RESOLVED_SOURCE_VERSION": "{head}",
            "CODEBUILD_WEBHOOK_EVENT": "PULL_REQUEST_UPDATED",
            "CODEBUILD_WEBHOOK_TRIGGER": "pr/7",
            "CODEBUILD_WEBHOOK_HEAD_REF": "refs/heads/feature/x",
            "CODEBUILD_WEBHOOK_BASE_REF": "refs/heads/main",
        },
        # Started by CodePipeline: nothing is said of the branch.
        DEPLOY: {
            "CODEBUILD_BUILD_ID": "astro-deploy:b2a1",
            "CODEBUILD_BUILD_ARN": "arn:aws:codebuild:eu-west-1:123456789012:"
            "build/astro-deploy:b2a1",
            "CODEBUILD_INITIATOR": "codepipeline/astro-production",
            "CODEBUILD_RESOLVED_SOURCE_VERSION": "{head}",
        },
    },
    queues=[("aws-codebuild/codepipeline.yml", ("pipeline", "executionMode"), "QUEUED")],
    only_main=[
        (
            "aws-codebuild/codepipeline.yml",
            ("pipeline", "stages", 0, "actions", 0, "configuration", "BranchName"),
            "main",
        )
    ],
    checkouts=[
        (
            "aws-codebuild/codepipeline.yml",
            ("pipeline", "stages", 0, "actions", 0, "configuration", "OutputArtifactFormat"),
            "CODEBUILD_CLONE_REF",
        )
    ],
)
