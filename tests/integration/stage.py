"""A sandbox, a project and a deploy of ours, put together for tests; nothing is mocked."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from astro_ci.astro.upload import Uploader
from astro_ci.ci import dialect_for
from astro_ci.configuration.config import Config
from astro_ci.deploying.deploy import Tools, deploy
from astro_ci.model import DeployResult, Plan, Request
from astro_ci.reporting.console import Console
from astro_ci.sandbox import Sandbox
from astro_ci.web.session import Patience
from tests import forked
from tests.repository import Repository, fingerprint

FILES = {
    "Dockerfile": "FROM scratch\n",
    ".dockerignore": ".git\n",
    "requirements.txt": "",
    "packages.txt": "",
    "include/q.sql": "select 1\n",
    "dags/a.py": "a = 1  # an Airflow DAG\n",
    "dags/sub/b.py": "b = 1\n",
}


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a run of the command line left behind."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on standard output."""
        found: dict[str, Any] = json.loads(self.out)
        return found


@dataclass
class Stage:
    """One sandbox and one project."""

    astro: Sandbox
    project: Repository
    naps: list[float] = field(default_factory=list)

    @property
    def env(self) -> dict[str, str]:
        """What points a run at the sandbox."""
        return {
            "ASTRO_API_URL": self.astro.api_url,
            "ASTRO_API_TOKEN": self.astro.token,
            "ASTRO_CI_DEPLOYMENT_NAME": "production",
            "ASTRO_CI_PARSE": "false",  # the stand-ins for Astro Runtime have no Airflow
        }

    def command(self, *arguments: str, env: Mapping[str, str] | None = None) -> Run:
        """Run the command line, and see that no secret is in what it prints."""
        done = forked.run(
            arguments,
            cwd=self.project.root,
            env={**os.environ, **(self.env if env is None else env)},
        )
        run = Run(code=done.returncode, out=os.fsdecode(done.stdout), err=os.fsdecode(done.stderr))
        self.refuse_secrets(run.out + run.err)
        return run

    def deploy(
        self,
        *,
        env: Mapping[str, str] | None = None,
        on_plan: Callable[[Plan], None] = lambda plan: None,
        approve: Callable[[Plan], None] = lambda plan: None,
        **options: Any,
    ) -> DeployResult:
        """Deploy DAGs in process, with an impatient outside world."""
        said = io.StringIO()
        options = {
            "requested": Request.DAGS,
            "deployment_name": "production",
            "parse": False,
            **options,
        }
        tools = Tools(
            patience=Patience(sleep=self.naps.append, timeout_seconds=(2.0, 2.0)),
            uploader=Uploader(sleep=self.naps.append, timeout_seconds=(2.0, 2.0)),
        )
        try:
            return deploy(
                Config(project=self.project.root, **options),
                {**os.environ, **(env or self.env)},
                console=Console(said, dialect_for("none", env={}, out=said), is_live=False),
                on_plan=on_plan,
                approve=approve,
                tools=tools,
            )
        finally:
            self.refuse_secrets(said.getvalue())

    def refuse_secrets(self, text: str) -> None:
        """Fail when a secret was printed, workflow commands that mask it aside."""
        masks = ("::add-mask::", "##vso[task.setsecret")
        shown = "\n".join(line for line in text.splitlines() if not line.startswith(masks))
        for secret in (self.astro.token, self.astro.key_secret, "sig="):
            assert secret not in shown

    def state(self) -> tuple[Any, ...]:
        """What runs, and the checkout: what a failed deploy must not change."""
        deployment = self.astro.deployment("production")
        running = (deployment.image_tag, deployment.running_bundle_version, deployment.status)
        return (*running, fingerprint(self.project.root))

    def running_dags(self) -> dict[str, bytes]:
        """The files of the bundle that runs."""
        with tarfile.open(
            fileobj=io.BytesIO(self.astro.bundle("production")), errors="surrogateescape"
        ) as archive:
            files = [(m.name, archive.extractfile(m)) for m in archive if m.isfile()]
            return {name: file.read() for name, file in files if file}

    def checked_out_dags(self) -> dict[str, bytes]:
        """The files under dags/ in the checkout."""
        root = self.project.root
        found = (path for path in (root / "dags").rglob("*") if path.is_file())
        return {path.relative_to(root).as_posix(): path.read_bytes() for path in found}


def stage(directory: Path, astro: Sandbox) -> Stage:
    """Put a project beside a sandbox."""
    return Stage(astro, Repository.create(directory / "project", FILES))
