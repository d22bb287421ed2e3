"""Travis CI. Source: docs.travis-ci.com/user/environment-variables."""

from __future__ import annotations

from msgspec.structs import replace

from astro_ci.ci import values
from astro_ci.ci.context import RunFacts
from astro_ci.ci.lookup import Lookup, Sourced
from astro_ci.ci.system import CISystem


def read(env: Lookup) -> RunFacts:
    """Collect what the variables say."""
    common = RunFacts(
        event=env.first(values.word, "TRAVIS_EVENT_TYPE"),
        run_url=env.first(values.web_url, "TRAVIS_JOB_WEB_URL", "TRAVIS_BUILD_WEB_URL"),
        repository_url=env.first(_github_url, "TRAVIS_REPO_SLUG"),
    )
    number = env.first(values.number, "TRAVIS_PULL_REQUEST")
    if number:
        return replace(
            common,
            # TRAVIS_COMMIT is a synthetic merge and TRAVIS_BRANCH the target here.
            head=env.first(values.sha, "TRAVIS_PULL_REQUEST_SHA"),
            branch=env.first(values.branch, "TRAVIS_PULL_REQUEST_BRANCH"),
            pull_request=number,
            base_branch=env.first(values.branch, "TRAVIS_BRANCH"),
            base_sha=env.first(_range_start, "TRAVIS_COMMIT_RANGE"),
            is_fork_pull_request=_is_fork(env),
        )
    head = env.first(values.sha, "TRAVIS_COMMIT")
    tag = env.first(values.tag, "TRAVIS_TAG")
    if tag:
        return replace(common, head=head, tag=tag)
    is_push = env.says("TRAVIS_EVENT_TYPE", "push")
    return replace(
        common,
        head=head,
        branch=env.first(values.branch, "TRAVIS_BRANCH"),
        before=env.first(_range_start, "TRAVIS_COMMIT_RANGE") if is_push else None,
    )


def _is_fork(env: Lookup) -> Sourced[bool] | None:
    ours = env.text("TRAVIS_REPO_SLUG").lower()
    name = "TRAVIS_PULL_REQUEST_SLUG"
    return Sourced(env.text(name).lower() != ours, name) if ours and env.get(name) else None


def _range_start(raw: str) -> str | None:
    """The left side of `a...b`; there is none on the first push of a branch."""
    start, dots, _ = raw.partition("...")
    return values.sha(start) if dots else None


def _github_url(raw: str) -> str | None:
    slug = values.slug(raw)
    return f"https://github.com/{slug}" if slug else None


SYSTEM = CISystem(
    key="travis",
    name="Travis CI",
    marks={"TRAVIS": "true"},
    read=read,
    history_hint="set git: depth: false",
    credentials_hint="Add the environment variable ASTRO_API_TOKEN in the repository's settings.",
    variable_hint="Add the environment variable ASTRO_DEPLOYMENT_ID in the repository's settings.",
    engine_hint="Give the job the service docker: services: docker.",
    concurrency_hint="Limit the concurrent jobs of the repository to 1 in its settings.",
    files=(".travis.yml",),
)
