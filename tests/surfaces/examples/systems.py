"""How each CI system reads its file: the processes that a job starts, and their variables.

What a system does to the text of the file on the way is done here too: macros, escapes, secrets.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

EXAMPLES = Path(__file__).parents[3] / "examples"
PLAN, DEPLOY = "plan", "deploy"

Secrets = Mapping[str, str]
Variables = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a job starts, one process after the other until one fails."""

    processes: tuple[tuple[str, ...], ...]
    """Argument lists; the last argument of a shell is the script."""
    env: Variables = field(default_factory=dict)
    """From the file, with the secrets that it names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A CI system and its example."""

    files: Mapping[str, str]
    """Below examples/, by job."""
    read: Callable[[Path, str, Secrets], Job]
    says: Mapping[str, Variables]
    """The variables of a run, by job; `{head}` stands for the commit."""
    clone: tuple[str, ...] = ()
    """How its checkout clones."""

    def job(self, name: str, secrets: Secrets, *, examples: Path = EXAMPLES) -> Job:
        """Read a job of the example."""
        return self.read(examples / self.files[name], name, secrets)


def _one_file(path: str) -> dict[str, str]:
    return {PLAN: path, DEPLOY: path}


def _bash(script: str, *flags: str) -> tuple[str, ...]:
    return ("bash", "--noprofile", "--norc", *flags, "-c", script)


def _sh(script: str) -> tuple[str, ...]:
    return ("sh", "-e", "-c", script)


# --- Jenkins -------------------------------------------------------------------------------------


def read_jenkins(path: Path, job: str, secrets: Secrets) -> Job:
    """Take the stages whose `when` holds; the step `sh` starts a shell of its own."""
    text = re.sub(r"(?m)^\s*//.*\n", "", path.read_text())
    event = {PLAN: "changeRequest()", DEPLOY: "branch 'main'"}[job]
    processes: list[tuple[str, ...]] = []
    env = dict(_jenkins_environment(_block(text, "environment"), secrets))
    for _, stage in _jenkins_stages(text):
        if event in _block(stage, "when"):
            env |= _jenkins_environment(_block(stage, "environment"), secrets)
            steps = _block(stage, "steps")
            processes += [("sh", "-xe", "-c", s) for s in re.findall(r"sh '(.*)'", steps)]
    return Job(processes=tuple(processes), env=env)


def _jenkins_stages(text: str) -> Iterator[tuple[str, str]]:
    for match in re.finditer(r"stage\('(\w+)'\)", text):
        yield match[1], _block(text[match.end() - len(match[0]) :], re.escape(match[0]))


def _jenkins_environment(block: str, secrets: Secrets) -> dict[str, str]:
    plain = dict(re.findall(r"(\w+) = '(.*?)'", block))
    named = re.findall(r"(\w+) = credentials\('(\w+)'\)", block)
    return plain | {name: secrets[credential] for name, credential in named}


def _block(text: str, name: str) -> str:
    """What is between the braces of the first block of this name; empty without one."""
    match = re.search(rf"(?:^|\s){name} \{{", text)
    if match is None:
        return ""
    depth = 1
    for end in range(match.end(), len(text)):
        depth += {"{": 1, "}": -1}.get(text[end], 0)
        if depth == 0:
            return text[match.end() : end]
    raise AssertionError(f"{name} is not closed")


# --- CircleCI ------------------------------------------------------------------------------------


def read_circle(path: Path, job: str, secrets: Secrets) -> Job:
    """Expand the commands of the file; secrets come with the context of the workflow's job."""
    file = yaml.safe_load(path.read_text())
    found = file["jobs"][job]
    used = next(one[job] for one in file["workflows"]["astro"]["jobs"] if job in one)
    return Job(
        processes=tuple(
            _bash(script, "-eo", "pipefail") for script in _circle_runs(file, found["steps"])
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


# --- Azure Pipelines -----------------------------------------------------------------------------


def read_azure(path: Path, job: str, secrets: Secrets) -> Job:
    """Each `bash` is a process, without `set -e`; `$(NAME)` of an unknown name stays as it is."""
    file = yaml.safe_load(path.read_text())
    stage = next(one for one in file["stages"] if one["stage"] == job)
    steps = azure_steps(stage)
    assert "checkout" in steps[0], "a deployment job checks nothing out by itself"
    env = dict(file.get("variables", {}))
    for step in steps[1:]:
        for name, value in step.get("env", {}).items():
            env[name] = re.sub(r"\$\((\w+)\)", lambda m: secrets.get(m[1], m[0]), value)
    return Job(processes=tuple(_bash(step["bash"]) for step in steps[1:]), env=env)


def azure_steps(stage: Any) -> list[Any]:
    """The steps of the one job of a stage."""
    (job,) = stage["jobs"]
    if "deployment" in job:
        steps: list[Any] = job["strategy"]["runOnce"]["deploy"]["steps"]
        return steps
    found: list[Any] = job["steps"]
    return found


# --- Bitbucket, Buildkite ------------------------------------------------------------------------


def read_bitbucket(path: Path, job: str, secrets: Secrets) -> Job:
    """All lines are one script; every step has the repository's variables."""
    pipelines = yaml.safe_load(path.read_text())["pipelines"]
    (step,) = pipelines["branches"]["main"] if job == DEPLOY else pipelines["pull-requests"]["**"]
    return Job(processes=(_bash("\n".join(step["step"]["script"]), "-e"),), env=secrets)


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
    return Job(processes=(_bash(script, "-e"),), env=env)


# --- Drone, Woodpecker ---------------------------------------------------------------------------


def read_drone(path: Path, job: str, secrets: Secrets) -> Job:
    """Each pipeline is a document."""
    pipelines = yaml.safe_load_all(path.read_text())
    return _steps_of_drone(next(one for one in pipelines if one and one["name"] == job), secrets)


def read_woodpecker(path: Path, _job: str, secrets: Secrets) -> Job:
    """Each workflow is a file."""
    return _steps_of_drone(yaml.safe_load(path.read_text()), secrets)


def _steps_of_drone(pipeline: Any, secrets: Secrets) -> Job:
    (step,) = pipeline["steps"]
    env = {
        name: value if isinstance(value, str) else secrets.get(value["from_secret"], "")
        for name, value in step["environment"].items()
    }
    return Job(processes=(_sh("\n".join(step["commands"])),), env=env)


# --- AWS CodeBuild, a shell ----------------------------------------------------------------------


def read_codebuild(path: Path, _job: str, secrets: Secrets) -> Job:
    """Phases in their order; each stops at the first command that fails."""
    file = yaml.safe_load(path.read_text())
    phases = [file["phases"][name] for name in ("install", "build")]
    stored = {"/astro/api-token": secrets["ASTRO_API_TOKEN"]}
    named = file["env"]["parameter-store"].items()
    return Job(
        processes=tuple(_sh("\n".join(phase["commands"])) for phase in phases),
        env={**file["env"]["variables"], **{name: stored[path] for name, path in named}},
    )


def read_shell(path: Path, job: str, secrets: Secrets) -> Job:
    """Deploy is what it does when nothing else is asked for."""
    return Job(processes=((str(path), *([] if job == DEPLOY else [job])),), env=secrets)


def script_of(process: tuple[str, ...]) -> tuple[str, str]:
    """The shell, and what it reads; `exit on error` is written out, as linters do not see flags."""
    *words, script = process
    is_strict = any(re.fullmatch(r"-\w*e\w*", word) for word in words)
    return words[0], ("set -e\n" if is_strict else "") + script


def command_line(process: tuple[str, ...]) -> str:
    """How a process would be typed."""
    return shlex.join(process)


SYSTEMS = {
    "jenkins": System(
        files=_one_file("jenkins/Jenkinsfile"),
        read=read_jenkins,
        says={
            PLAN: {
                "JENKINS_URL": "https://ci.example.com/",
                "BUILD_URL": "https://ci.example.com/job/flows/job/PR-7/1/",
                "GIT_COMMIT": "{head}",
                "BRANCH_NAME": "PR-7",
                "CHANGE_ID": "7",
                "CHANGE_BRANCH": "feature/x",
                "CHANGE_TARGET": "main",
            },
            DEPLOY: {
                "JENKINS_URL": "https://ci.example.com/",
                "BUILD_URL": "https://ci.example.com/job/flows/job/main/5/",
                "GIT_COMMIT": "{head}",
                "GIT_BRANCH": "main",
                "BRANCH_NAME": "main",
                "GIT_URL": "https://github.com/acme/flows.git",
            },
        },
    ),
    "circleci": System(
        files=_one_file("circleci/.circleci/config.yml"),
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
    ),
    "azure-devops": System(
        files=_one_file("azure-devops/azure-pipelines.yml"),
        read=read_azure,
        says={
            PLAN: {
                "TF_BUILD": "True",
                "BUILD_REASON": "PullRequest",
                "BUILD_SOURCEBRANCH": "refs/pull/7/merge",
                "BUILD_SOURCEVERSION": "{head}",
                "SYSTEM_PULLREQUEST_PULLREQUESTID": "7",
                "SYSTEM_PULLREQUEST_SOURCECOMMITID": "{head}",
                "SYSTEM_PULLREQUEST_SOURCEBRANCH": "refs/heads/feature/x",
                "SYSTEM_PULLREQUEST_TARGETBRANCH": "refs/heads/main",
            },
            DEPLOY: {
                "TF_BUILD": "True",
                "BUILD_REASON": "IndividualCI",
                "BUILD_SOURCEBRANCH": "refs/heads/main",
                "BUILD_SOURCEVERSION": "{head}",
            },
        },
        clone=("--depth=1",),
    ),
    "bitbucket": System(
        files=_one_file("bitbucket/bitbucket-pipelines.yml"),
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
    ),
    "buildkite": System(
        files=_one_file("buildkite/pipeline.yml"),
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
    ),
    "drone": System(
        files=_one_file("drone/.drone.yml"),
        read=read_drone,
        says={
            PLAN: {
                "CI": "true",
                "DRONE": "true",
                "DRONE_BUILD_EVENT": "pull_request",
                "DRONE_COMMIT_SHA": "{head}",
                "DRONE_PULL_REQUEST": "7",
                "DRONE_SOURCE_BRANCH": "feature/x",
                "DRONE_TARGET_BRANCH": "main",
            },
            DEPLOY: {
                "CI": "true",
                "DRONE": "true",
                "DRONE_BUILD_EVENT": "push",
                "DRONE_COMMIT_SHA": "{head}",
                "DRONE_BRANCH": "main",
            },
        },
    ),
    "woodpecker": System(
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
    ),
    "aws-codebuild": System(
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
    ),
    "shell": System(
        files=_one_file("shell/deploy.sh"), read=read_shell, says={PLAN: {}, DEPLOY: {}}
    ),
}
