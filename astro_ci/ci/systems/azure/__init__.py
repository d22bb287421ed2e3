"""Azure Pipelines. Source: learn.microsoft.com/azure/devops/pipelines/build/variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TextIO
from urllib.parse import quote

from msgspec.structs import replace

from astro_ci.ci import values
from astro_ci.ci.context import RunFacts
from astro_ci.ci.lookup import Lookup, Sourced
from astro_ci.ci.system import CISystem, Pipeline
from astro_ci.text import Regex

if TYPE_CHECKING:
    from astro_ci.ci.dialects.base import Dialect


# Source: learn.microsoft.com/azure/devops/organizations/settings/naming-restrictions.
_NOT_IN_A_PROJECT = Regex(r"[\\/:*?\"'<>|;#${},+=\[\]\x00-\x1f]")


def read(env: Lookup) -> RunFacts:
    """Collect what the variables say; there is no previous commit."""
    common = RunFacts(
        event=env.first(values.word, "BUILD_REASON"),
        run_url=_run_url(env),
        repository_url=env.first(values.repository_url, "BUILD_REPOSITORY_URI"),
    )
    if env.says("BUILD_REASON", "pullrequest") or env.text("SYSTEM_PULLREQUEST_PULLREQUESTID"):
        return _pull_request(env, common)
    return replace(
        common,
        head=env.first(values.sha, "BUILD_SOURCEVERSION"),
        # Never BUILD_SOURCEBRANCHNAME: it is the last part of the path only.
        branch=env.first(values.branch, "BUILD_SOURCEBRANCH"),
        tag=env.first(values.tag_ref, "BUILD_SOURCEBRANCH"),
    )


def _pull_request(env: Lookup, common: RunFacts) -> RunFacts:
    prefix = "SYSTEM_PULLREQUEST_"
    fork = f"{prefix}ISFORK"
    return replace(
        common,
        # BUILD_SOURCEVERSION is a synthetic merge here.
        head=env.first(values.sha, f"{prefix}SOURCECOMMITID"),
        branch=env.first(values.branch, f"{prefix}SOURCEBRANCH"),
        # The number is GitHub's, where the id is Azure's own; Azure Repos has the id only.
        pull_request=env.first(
            values.number, f"{prefix}PULLREQUESTNUMBER", f"{prefix}PULLREQUESTID"
        ),
        base_branch=env.first(values.branch, f"{prefix}TARGETBRANCH"),
        is_fork_pull_request=Sourced(env.says(fork, "true"), fork) if env.get(fork) else None,
    )


def _run_url(env: Lookup) -> Sourced[str] | None:
    project = env.first(_project, "SYSTEM_TEAMPROJECT")
    build = env.first(values.number, "BUILD_BUILDID")
    if project is None or build is None:
        return None
    collection = env.text("SYSTEM_COLLECTIONURI").rstrip("/")
    page = f"{collection}/{project.value}/_build/results?buildId={build.value}"
    job = env.first(values.word, "SYSTEM_JOBID")
    url = values.web_url(f"{page}&j={job.value}" if job else page)
    return Sourced(url, build.source) if url else None


def _project(raw: str) -> str | None:
    """Return a project's name as in a URL; the names may have spaces."""
    name = values.non_empty(raw)
    if name is None or _NOT_IN_A_PROJECT.search(name):
        return None
    return quote(name, safe="", errors="replace")


def speak(out: TextIO, env: Mapping[str, str]) -> Dialect:
    """Open the dialect of its log."""
    from astro_ci.ci.systems.azure.dialect import AzureDialect

    return AzureDialect(out, env)


SYSTEM = CISystem(
    key="azure",
    name="Azure Pipelines",
    marks={"TF_BUILD": "true"},
    read=read,
    history_hint="set fetchDepth: 0 on the checkout step",
    credentials_hint=(
        "Create the secret variable ASTRO_API_TOKEN, and map it to the step: "
        "env: ASTRO_API_TOKEN: $(ASTRO_API_TOKEN)"
    ),
    variable_hint=(
        "Create the variable ASTRO_DEPLOYMENT_ID under Pipelines > this pipeline > Variables; "
        "steps get a variable that is not secret without an entry in env."
    ),
    engine_hint="Run the job on an agent that has a Docker Engine, such as vmImage: ubuntu-latest.",
    concurrency_hint=(
        "Set lockBehavior: sequential on the stage, and give the environment of its deployment "
        "job the check Exclusive lock."
    ),
    speak=speak,
    files=("azure-pipelines.yml", ".azure-pipelines/**"),
    pipeline=Pipeline(
        path="azure-pipelines.yml",
        markers=("azure-pipelines.yml", ".azure-pipelines/*"),
        host=r"(^|\.)(dev\.azure\.com|visualstudio\.com)$",
        rank=5,
        has_a_meaning_for=("${{",),
    ),
)
