"""AWS CodeBuild. Source: its user guide, "Environment variables in build environments"."""

from __future__ import annotations

from msgspec.structs import replace

from astro_ci.ci import values
from astro_ci.ci.context import RunFacts
from astro_ci.ci.lookup import Lookup
from astro_ci.ci.system import CISystem, Pipeline
from astro_ci.text import Regex

_ARN = Regex(
    r"arn:aws:codebuild:(?P<region>[a-z0-9-]+):(?P<account>[0-9]+):"
    r"build/(?P<project>[A-Za-z0-9_-]+):(?P<build>[A-Za-z0-9-]+)"
)


def read(env: Lookup) -> RunFacts:
    """Collect what the variables say; most are only there when a webhook started the build."""
    common = RunFacts(
        event=env.first(values.word, "CODEBUILD_WEBHOOK_EVENT"),
        head=env.first(values.sha, "CODEBUILD_RESOLVED_SOURCE_VERSION"),
        run_url=env.first(values.web_url, "CODEBUILD_PUBLIC_BUILD_URL")
        or env.first(_console_url, "CODEBUILD_BUILD_ARN"),
        repository_url=env.first(values.repository_url, "CODEBUILD_SOURCE_REPO_URL"),
    )
    number = env.first(_pull_request, "CODEBUILD_WEBHOOK_TRIGGER", "CODEBUILD_SOURCE_VERSION")
    if number:
        return replace(
            common,
            branch=env.first(values.branch_ref, "CODEBUILD_WEBHOOK_HEAD_REF"),
            pull_request=number,
            base_branch=env.first(values.branch_ref, "CODEBUILD_WEBHOOK_BASE_REF"),
        )
    branch = env.first(values.branch_ref, "CODEBUILD_WEBHOOK_HEAD_REF") or env.first(
        _trigger_branch, "CODEBUILD_WEBHOOK_TRIGGER"
    )
    return replace(
        common,
        branch=branch,
        tag=env.first(values.tag_ref, "CODEBUILD_WEBHOOK_HEAD_REF")
        or env.first(_trigger_tag, "CODEBUILD_WEBHOOK_TRIGGER"),
        before=env.first(values.sha, "CODEBUILD_WEBHOOK_PREV_COMMIT") if branch else None,
    )


def _trigger_branch(raw: str) -> str | None:
    return values.branch(_after("branch/", raw))


def _trigger_tag(raw: str) -> str | None:
    return values.tag(_after("tag/", raw))


def _pull_request(raw: str) -> str | None:
    return values.number(_after("pr/", raw))


def _after(prefix: str, raw: str) -> str:
    """Return the text after a prefix such as `branch/`; empty with another prefix."""
    text = raw.strip()
    return text.removeprefix(prefix) if text.startswith(prefix) else ""


def _console_url(raw: str) -> str | None:
    match = _ARN.fullmatch(raw.strip())
    if match is None:
        return None
    return (
        f"https://{match['region']}.console.aws.amazon.com/codesuite/codebuild/{match['account']}"
        f"/projects/{match['project']}/build/{match['project']}%3A{match['build']}/"
    )


SYSTEM = CISystem(
    key="codebuild",
    name="AWS CodeBuild",
    turn=60,  # it hosts other systems' runners
    marks={"CODEBUILD_BUILD_ARN": "", "CODEBUILD_BUILD_ID": ""},
    read=read,
    history_hint="set the source's git clone depth to Full; under CodePipeline choose a full clone",
    credentials_hint=(
        "Store ASTRO_API_TOKEN in Secrets Manager or Parameter Store, and name it in the buildspec "
        "under env: secrets-manager: or env: parameter-store:."
    ),
    variable_hint=(
        "Set the variable ASTRO_DEPLOYMENT_ID in the buildspec under env: variables:, or in the "
        "environment variables of the project."
    ),
    engine_hint="Switch on the privileged mode in the environment of the project.",
    concurrency_hint="Start the build from a CodePipeline with executionMode QUEUED.",
    files=("buildspec.yml",),
    pipeline=Pipeline(
        path="buildspec.yml",
        markers=("buildspec.yml",),
        host=r"^git-codecommit\..*\.amazonaws\.com$",
        rank=10,
    ),
)
