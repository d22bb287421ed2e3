"""How Jenkins reads its file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tests.surfaces.examples.system import DEPLOY, PLAN, Job, Secrets, System, one_file


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


SYSTEM = System(
    files=one_file("jenkins/Jenkinsfile"),
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
    queues=[("jenkins/Jenkinsfile", (), "disableConcurrentBuilds()")],
    only_main=[("jenkins/Jenkinsfile", (), "when { branch 'main' }")],
)
