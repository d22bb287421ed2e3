"""GitHub Actions, and what Gitea and Forgejo took over from it.

Sources: docs.github.com "Variables reference", "Events that trigger workflows", "Contexts".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TextIO

from msgspec.structs import replace

from astro_ci.ci import values
from astro_ci.ci.context import RunFacts
from astro_ci.ci.lookup import FIRST, Lookup, Sourced
from astro_ci.ci.system import CISystem, Pipeline

if TYPE_CHECKING:
    from astro_ci.ci.comments.place import Place
    from astro_ci.ci.dialects.base import Dialect


def read(env: Lookup) -> RunFacts:
    """Collect what the variables and the event document say."""
    facts = _read_event(env)
    run = _run_url(facts, env.first(values.number, "GITHUB_RUN_ID"))
    attempt = env.first(values.number, "GITHUB_RUN_ATTEMPT")
    if run and attempt:
        run = Sourced(f"{run.value}/attempts/{attempt.value}", run.source)
    return replace(facts, run_url=run)


def read_by_number(env: Lookup) -> RunFacts:
    """Collect the same on Gitea or Forgejo, whose pages name a run by its number, not its id."""
    facts = _read_event(env)
    return replace(facts, run_url=_run_url(facts, env.first(values.number, "GITHUB_RUN_NUMBER")))


def _read_event(env: Lookup) -> RunFacts:
    """Everything but the run's own URL, whose form differs between the three systems."""
    event = env.json("GITHUB_EVENT_PATH")
    kind = env.text("GITHUB_EVENT_NAME")
    facts = RunFacts(
        event=env.first(values.word, "GITHUB_EVENT_NAME"),
        repository_url=_repository(env),
    )
    if kind.startswith("pull_request"):
        return _pull_request(env, event, facts)
    if kind == "merge_group":
        facts = replace(
            facts,
            base_branch=event.first(values.branch, "merge_group.base_ref"),
            base_sha=event.first(values.sha, "merge_group.base_sha"),
        )
    if kind == "workflow_run" and event.first(values.sha, "workflow_run.head_sha"):
        return _workflow_run(event, facts)
    branch = _branch(env)
    return replace(
        facts,
        head=env.first(values.sha, "GITHUB_SHA"),
        branch=branch,
        tag=_tag(env),
        # Only a push has moved a branch; a moved tag's previous commit is no base for anything.
        before=event.first(values.sha, "before") if kind == "push" and branch else None,
    )


def _pull_request(env: Lookup, event: Lookup, facts: RunFacts) -> RunFacts:
    # GITHUB_SHA is a synthetic merge (pull_request) or the base branch (pull_request_target).
    head = event.first(values.sha, "pull_request.head.sha")
    branch = env.first(values.branch, "GITHUB_HEAD_REF") or event.first(
        values.branch, "pull_request.head.ref"
    )
    if event.says("pull_request.merged", "true"):
        # The run is on the base branch, at the commit that the merge made.
        head = event.first(values.sha, "pull_request.merge_commit_sha")
        branch = event.first(values.branch, "pull_request.base.ref")
    return replace(
        facts,
        head=head,
        branch=branch,
        pull_request=event.first(values.number, "number", "pull_request.number")
        or env.first(_number_in_ref, "GITHUB_REF"),
        base_branch=env.first(values.branch, "GITHUB_BASE_REF")
        or event.first(values.branch, "pull_request.base.ref"),
        base_sha=event.first(values.sha, "pull_request.base.sha"),
        is_fork_pull_request=_differs(
            event, "pull_request.base.repo.full_name", "pull_request.head.repo.full_name"
        ),
    )


def _workflow_run(event: Lookup, facts: RunFacts) -> RunFacts:
    """After another workflow, which was about this commit; the variables name the newest one."""
    facts = replace(
        facts,
        head=event.first(values.sha, "workflow_run.head_sha"),
        branch=event.first(values.branch, "workflow_run.head_branch"),
    )
    if not event.text("workflow_run.event").startswith("pull_request"):
        return facts
    its = f"workflow_run.pull_requests.{FIRST}."  # those of forks are left out
    base, head = "repository.full_name", "workflow_run.head_repository.full_name"
    return replace(
        facts,
        pull_request=event.first(values.number, f"{its}number"),
        base_branch=event.first(values.branch, f"{its}base.ref", "repository.default_branch"),
        base_sha=event.first(values.sha, f"{its}base.sha"),
        is_fork_pull_request=_differs(event, base, head),
    )


def _differs(event: Lookup, base: str, head: str) -> Sourced[bool] | None:
    # A deleted fork has no repository any more. `.fork` would not do: ours may be a fork itself.
    name = event.text(base).lower()
    return Sourced(event.text(head).lower() != name, event.prefix + head) if name else None


def _number_in_ref(raw: str) -> str | None:
    return values.number(raw.removeprefix("refs/pull/").partition("/")[0])


def _branch(env: Lookup) -> Sourced[str] | None:
    if env.text("GITHUB_REF"):
        return env.first(values.branch_ref, "GITHUB_REF")
    is_branch = env.says("GITHUB_REF_TYPE", "branch")
    return env.first(values.branch, "GITHUB_REF_NAME") if is_branch else None


def _tag(env: Lookup) -> Sourced[str] | None:
    if env.text("GITHUB_REF"):
        return env.first(values.tag_ref, "GITHUB_REF")
    is_tag = env.says("GITHUB_REF_TYPE", "tag")
    return env.first(values.tag, "GITHUB_REF_NAME") if is_tag else None


def _repository(env: Lookup) -> Sourced[str] | None:
    slug = env.first(values.slug, "GITHUB_REPOSITORY")
    if slug is None:
        return None
    url = values.repository_url(f"{env.text('GITHUB_SERVER_URL').rstrip('/')}/{slug.value}")
    return Sourced(url, slug.source) if url else None


def _run_url(facts: RunFacts, run: Sourced[str] | None) -> Sourced[str] | None:
    """The page of the run with this id or number."""
    if run is None or facts.repository_url is None:
        return None
    page = values.web_url(f"{facts.repository_url.value}/actions/runs/{run.value}")
    return Sourced(page, run.source) if page else None


def find_comments(number: str, env: Mapping[str, str]) -> Place:
    """Find the comments of a pull request. Raises CommentError."""
    from astro_ci.ci.systems.github.comments import place

    return place(number, env)


def speak(out: TextIO, env: Mapping[str, str]) -> Dialect:
    """Open the dialect of its log."""
    from astro_ci.ci.systems.github.dialect import GitHubDialect

    return GitHubDialect(out, env)


_TO_THE_STEP = (
    "pass it to the step: with: deployment-id: ${{ vars.ASTRO_DEPLOYMENT_ID }} to the action, env: "
    "ASTRO_DEPLOYMENT_ID: ${{ vars.ASTRO_DEPLOYMENT_ID }} to a command."
)

SYSTEM = CISystem(
    key="github",
    name="GitHub Actions",
    turn=40,  # early, as most runs are its
    marks={"GITHUB_ACTIONS": "true"},
    read=read,
    history_hint="set fetch-depth: 0 on actions/checkout",
    credentials_hint=(
        "Create the secret ASTRO_API_TOKEN under Settings > Secrets and variables > Actions, and "
        "pass it to the step: env: ASTRO_API_TOKEN: ${{ secrets.ASTRO_API_TOKEN }}."
    ),
    variable_hint=(
        "Create the variable ASTRO_DEPLOYMENT_ID under Settings > Secrets and variables > Actions "
        f"> Variables, and {_TO_THE_STEP}"
    ),
    engine_hint="Run the job on a runner that has a Docker Engine, such as ubuntu-latest.",
    concurrency_hint="Give the job a concurrency group with cancel-in-progress: false.",
    switch_hint="add {stem}: true to the inputs of the deploy action, or {flag} to the command",
    takes_forge_token=True,
    speak=speak,
    comments=find_comments,
    files=(".github/**",),
    pipeline=Pipeline(
        path=".github/workflows/deploy-to-astro.yml",
        markers=(".github/workflows/*.yml", ".github/workflows/*.yaml"),
        host=r"(^|[.-])github\.",
        rank=1,
        # A branch filter is a pattern, in which + repeats.
        escape=lambda branch: branch.replace("+", r"\+"),
    ),
)

LIKENESS = replace(
    SYSTEM,
    turn=30,  # before GitHub, whose variables are set as well
    read=read_by_number,
    credentials_hint=(
        "Create the secret ASTRO_API_TOKEN under Settings > Actions > Secrets, and pass it to the "
        "step: env: ASTRO_API_TOKEN: ${{ secrets.ASTRO_API_TOKEN }}."
    ),
    variable_hint=(
        "Create the variable ASTRO_DEPLOYMENT_ID under Settings > Actions > Variables, and "
        f"{_TO_THE_STEP}"
    ),
    pipeline=None,
)
"""What Gitea and Forgejo have in common. Each replaces its key, name, marks and files."""
