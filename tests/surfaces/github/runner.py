"""Run a workflow with act, on this machine, against a sandbox."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from astro_ci.sandbox import Sandbox
from tests.repository import Repository

ROOT = Path(__file__).parents[3]
ACTION = "astro-ci/astro_ci"
REFERENCE = f"{ACTION}@v0"
WORKFLOW = ".github/workflows/deploy-to-astro.yml"
_SUMMARY = "summary"
_OUTPUT = "set-output"


@dataclass(frozen=True, kw_only=True)
class JobRun:
    """What act did, step by step."""

    code: int
    log: str
    lines: list[dict[str, Any]]

    def outputs(self, step: str) -> dict[str, str]:
        """The outputs of a step."""
        return {
            line["name"]: line["arg"]
            for line in self.lines
            if line.get("command") == _OUTPUT and line.get("stepID", [])[:1] == [step]
        }

    @property
    def summary(self) -> str:
        """What the job's page shows; the step that uses an action repeats that of the action."""
        found = [line["content"] for line in self.lines if line.get("command") == _SUMMARY]
        return "\n".join(dict.fromkeys(found))

    @property
    def said(self) -> list[str]:
        """The lines that steps printed, without the commands that the runner swallowed."""
        return [line["msg"].rstrip("\n") for line in self.lines if line.get("raw_output")]


@dataclass(kw_only=True)
class Runner:
    """A repository whose workflows run against a sandbox."""

    astro: Sandbox
    repository: Repository
    home: Path
    action: Path
    """A checkout of ours, as the reference in `uses:` would bring it."""
    env: dict[str, str] = field(default_factory=dict)
    """For the jobs, beside what the sandbox needs."""

    def run(
        self,
        event: str = "push",
        *,
        payload: Mapping[str, Any] | None = None,
        secrets: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> JobRun:
        """Run what the event starts. Without `secrets` there is the sandbox's token."""
        if secrets is None:
            secrets = {"ASTRO_API_TOKEN": self.astro.token}
        given = {"ASTRO_DEPLOYMENT_ID": self.deployment_id, **(variables or {})}
        event_file = self.home / "event.json"
        event_file.write_text(json.dumps(payload or {}))
        options = [
            *("--platform", "ubuntu-latest=-self-hosted", "--no-cache-server", "--json"),
            *("--eventpath", str(event_file), "--action-cache-path", str(self.home / "act")),
            *("--container-daemon-socket", "-"),
        ]
        options += ["--local-repository", f"{REFERENCE}={self.action}"]
        for name, value in given.items():
            options += ["--var", f"{name}={value}"]
        for name in secrets:
            options += ["--secret", name]
        done = subprocess.run(
            [_act(), event, *options],
            cwd=self.repository.root,
            env={
                **_inherited(),
                **secrets,
                "ASTRO_API_URL": self.astro.api_url,
                "HOME": str(self.home),
                **self.env,
                **(env or {}),
            },
            capture_output=True,
            check=False,
        )
        log = done.stdout.decode(errors="replace")
        parsed = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
        return JobRun(code=done.returncode, log=log + done.stderr.decode(), lines=parsed)

    @property
    def deployment_id(self) -> str:
        """The id of `production`."""
        return self.astro.deployment("production").id


def _act() -> str:
    return str(Path(sys.executable).parent / "act")


def _inherited() -> dict[str, str]:
    """The environment of a runner that has uv: no virtual environment of ours on PATH."""
    return {**os.environ, "PATH": path_without_ours()}


def path_without_ours() -> str:
    """PATH as it is outside of the virtual environment that runs the tests."""
    ours = str(Path(sys.executable).parent)
    return os.pathsep.join(part for part in os.environ["PATH"].split(os.pathsep) if part != ours)


def lines_to_write(workflow: str) -> int:
    """How many lines of a workflow are neither empty nor comments."""
    return sum(1 for line in workflow.splitlines() if line.strip() and line.strip()[0] != "#")
