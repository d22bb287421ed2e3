"""Jenkins: its git plugin, multibranch pipelines, and the plugins that build pull requests.

Sources: the README files of the git, GitHub Branch Source, ghprb and GitLab plugins.
"""

from __future__ import annotations

from msgspec.structs import replace

from astro_ci.ci import values
from astro_ci.ci.context import RunFacts
from astro_ci.ci.lookup import Lookup, Sourced
from astro_ci.ci.system import CISystem, Pipeline
from astro_ci.text import Regex

_REMOTE = Regex(r"^(?:refs/remotes/)?(?:origin|upstream)/")


def read(env: Lookup) -> RunFacts:
    """Collect what the variables say; a scripted pipeline's checkout sets none of git's."""
    common = RunFacts(
        event=env.first(values.word, "gitlabActionType"),
        run_url=env.first(values.web_url, "BUILD_URL"),
        repository_url=env.first(values.repository_url, "GIT_URL", "GIT_URL_1"),
    )
    # The GitLab plugin sets the target branch and its like on a push too, but no number.
    number = env.first(values.number, "CHANGE_ID", "ghprbPullId", "gitlabMergeRequestIid")
    if number:
        return _pull_request(env, replace(common, pull_request=number))
    head = env.first(values.sha, "GIT_COMMIT")
    tag = env.first(values.tag, "TAG_NAME")
    if tag:
        return replace(common, head=head, tag=tag)
    previous = env.first(values.sha, "GIT_PREVIOUS_SUCCESSFUL_COMMIT", "GIT_PREVIOUS_COMMIT")
    return replace(
        common,
        head=head,
        branch=env.first(values.branch, "BRANCH_NAME", "GIT_LOCAL_BRANCH")
        or env.first(_remote_branch, "GIT_BRANCH"),
        before=previous or env.first(values.sha, "gitlabBefore"),
        before_is_previous_run=previous and Sourced(True, previous.source),
    )


def _pull_request(env: Lookup, common: RunFacts) -> RunFacts:
    head = env.first(values.sha, "ghprbActualCommit", "gitlabMergeRequestLastCommit")
    # A multibranch job that builds both names them PR-7-head and PR-7-merge; PR-7 may be either.
    if head is None and env.text("BRANCH_NAME").endswith("-head"):
        head = env.first(values.sha, "GIT_COMMIT")
    return replace(
        common,
        head=head,
        branch=env.first(values.branch, "CHANGE_BRANCH", "ghprbSourceBranch", "gitlabSourceBranch"),
        base_branch=env.first(
            values.branch, "CHANGE_TARGET", "ghprbTargetBranch", "gitlabTargetBranch"
        ),
        is_fork_pull_request=Sourced(True, "CHANGE_FORK") if env.text("CHANGE_FORK") else None,
    )


def _remote_branch(raw: str) -> str | None:
    """The branch in `origin/x` or `refs/remotes/origin/x`; the remote may be called `upstream`."""
    name = _REMOTE.sub("", raw.strip())
    return None if name == "detached" else values.branch(name)


SYSTEM = CISystem(
    key="jenkins",
    name="Jenkins",
    turn=80,  # its variable may be set on a whole machine
    marks={"JENKINS_URL": ""},
    read=read,
    history_hint="turn off the shallow clone in the job's advanced clone behaviours",
    credentials_hint=(
        "Create the secret text ASTRO_API_TOKEN under Manage Jenkins > Credentials, and bind it: "
        "environment { ASTRO_API_TOKEN = credentials('ASTRO_API_TOKEN') }."
    ),
    variable_hint=(
        "Set the variable ASTRO_DEPLOYMENT_ID in the Jenkinsfile: "
        "environment { ASTRO_DEPLOYMENT_ID = 'ID' }."
    ),
    engine_hint="Run the stage on an agent that has a Docker Engine.",
    concurrency_hint="Add disableConcurrentBuilds() to the options of the pipeline.",
    # It names the commit of whichever repository a job checked out first.
    names_own_checkout=False,
    files=("Jenkinsfile",),
    pipeline=Pipeline(
        path="Jenkinsfile",
        markers=("Jenkinsfile",),
        language="groovy",
        rank=3,
    ),
)
