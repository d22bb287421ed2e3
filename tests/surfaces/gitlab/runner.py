"""Run a pipeline with gitlab-ci-local, on this machine, against a sandbox."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from astro_ci.sandbox import Sandbox
from tests.repository import Repository

ROOT = Path(__file__).parents[3]
TEMPLATES = ROOT / "gitlab-templates"
COMMAND = ROOT / "tests/surfaces/node/node_modules/.bin/gitlab-ci-local"
PIPELINE = ".gitlab-ci.yml"
PROJECT_URL = "https://gitlab.example.com/data/airflow"
_MERGE_REQUEST = {
    "CI_PIPELINE_SOURCE": "merge_request_event",
    "CI_MERGE_REQUEST_IID": "7",
    "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "feature",
    "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
}


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """What gitlab-ci-local did."""

    code: int
    log: str
    state: Path

    @property
    def passed(self) -> list[str]:
        """The jobs that ran and passed."""
        return sorted(re.findall(r"^ PASS  (\S+)", self.log, re.MULTILINE))

    def said(self, job: str) -> str:
        """What a job printed, its commands aside."""
        lines = re.findall(rf"^{re.escape(job)}\s+> (.*)$", self.log, re.MULTILINE)
        return "\n".join(lines)

    def expanded(self) -> dict[str, Any]:
        """The pipeline with its includes, inputs and `extends` resolved."""
        text = (self.state / "expanded-gitlab-ci.yml").read_text()
        found: dict[str, Any] = yaml.safe_load(text)
        return found

    def outputs(self, job: str) -> dict[str, str]:
        """The variables of the job's dotenv report, as the runner collected it."""
        (report,) = (self.state / "artifacts" / job / ".gitlab-ci-reports/dotenv").iterdir()
        lines = report.read_text().splitlines()
        return dict(line.removeprefix("ASTRO_RESULT_").split("=", 1) for line in lines)


@dataclass(kw_only=True)
class Runner:
    """A repository whose pipelines run against a sandbox."""

    astro: Sandbox
    repository: Repository
    wheel: Path
    home: Path
    variables: dict[str, str] = field(default_factory=dict)
    """Those of the project's settings, beside what points at the sandbox."""

    def run(self, *, token: bool = True, variables: Mapping[str, str] | None = None) -> Pipeline:
        """Run the pipeline of a push to the branch that is checked out."""
        self._pretend_it_was_cloned()
        settings = {
            "GITLAB_CI": "true",
            "ASTRO_API_URL": self.astro.api_url,
            "ASTRO_DEPLOYMENT_ID": self.deployment_id,
            **self.variables,
            **(variables or {}),
        }
        if token:
            settings["ASTRO_API_TOKEN"] = self.astro.token
        options = [word for pair in settings.items() for word in ("--variable", "=".join(pair))]
        state = self.home / "state"
        done = subprocess.run(
            [
                str(COMMAND),
                *(
                    "--force-shell-executor",
                    "--shell-isolation",
                    "--no-color",
                    "--max-job-name-padding",
                    "0",
                ),
                *("--state-dir", os.path.relpath(state, self.repository.root)),
                *("--home", str(self.home)),
                *options,
            ],
            cwd=self.repository.root,
            env={**_inherited(), "HOME": str(self.home)},
            capture_output=True,
            check=False,
        )
        # The runner's copy of the report; GitLab keeps it elsewhere.
        (self.repository.root / "astro-ci.env").unlink(missing_ok=True)
        log = done.stdout.decode(errors="replace") + done.stderr.decode(errors="replace")
        return Pipeline(code=done.returncode, log=log, state=state)

    def run_merge_request(
        self, *, token: bool, variables: Mapping[str, str] | None = None
    ) -> Pipeline:
        """Run the pipeline of a merge request into `main` from what is checked out."""
        base = self.repository.git("merge-base", "main", "HEAD")
        facts = {**_MERGE_REQUEST, "CI_MERGE_REQUEST_DIFF_BASE_SHA": base}
        return self.run(token=token, variables={**facts, **(variables or {})})

    def running_dags(self) -> set[str]:
        """The names in the bundle that `production` runs."""
        with tarfile.open(fileobj=io.BytesIO(self.astro.bundle("production"))) as archive:
            return set(archive.getnames())

    @property
    def deployment_id(self) -> str:
        """The id of `production`."""
        return self.astro.deployment("production").id

    def _pretend_it_was_cloned(self) -> None:
        git = self.repository.git
        if not git("remote"):
            git("remote", "add", "origin", f"{PROJECT_URL}.git")
        git("update-ref", "refs/remotes/origin/main", "main")
        git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")


def _inherited() -> dict[str, str]:
    """The environment of a runner whose Python has our dependencies, and needs no index."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PIP_NO_DEPS": "1", "PIP_NO_INDEX": "1"}
