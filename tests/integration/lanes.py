"""Several jobs on one Deployment, each with a clone of its own, in threads of this process."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from astro_ci.astro.upload import Uploader
from astro_ci.ci import dialect_for
from astro_ci.configuration.config import Config
from astro_ci.deploying.deploy import Tools, deploy
from astro_ci.errors import AstroCIError
from astro_ci.model import DeployResult
from astro_ci.reporting.console import Console
from astro_ci.reporting.documents import error_document, result_document
from astro_ci.reporting.text import result_text
from astro_ci.sandbox import Sandbox
from astro_ci.web.session import Patience
from tests.replay.engine import QuickEngine
from tests.repository import Repository

LONGEST_PAUSE = 0.05
"""What a job sleeps at the most, in seconds, however long it wants to."""


@dataclass(frozen=True, kw_only=True)
class Done:
    """How a job ended, and what it said."""

    result: DeployResult | None = None
    error: AstroCIError | None = None
    said: str = ""

    @property
    def code(self) -> int:
        """The exit code."""
        return self.error.exit_code if self.error else 0

    @property
    def document(self) -> dict[str, Any]:
        """What `deploy --json` prints."""
        if self.error:
            return error_document(self.error, None, outcome=True)
        assert self.result
        return result_document(self.result)

    @property
    def text(self) -> str:
        """All that people read: the log, and the last line."""
        return f"{self.said}{self.error or result_text(self.result)}\n"  # type: ignore[arg-type]


@dataclass
class Lane:
    """A job with its checkout."""

    astro: Sandbox
    project: Repository
    engine: QuickEngine = field(default_factory=QuickEngine)
    variables: Mapping[str, str] = field(default_factory=dict)
    sleep: Callable[[float], None] = lambda seconds: doze(seconds)
    now: Callable[[], float] = time.monotonic
    timeout_seconds: tuple[float, float] = (5.0, 5.0)

    def deploy(self, name: str = "production", **options: Any) -> Done:
        """Run the job to its end."""
        out = io.StringIO()
        env = {
            "ASTRO_API_URL": self.astro.api_url,
            "ASTRO_API_TOKEN": self.astro.token,
            "PATH": os.environ["PATH"],
            **self.variables,
        }
        tools = Tools(
            patience=Patience(sleep=self.sleep, timeout_seconds=self.timeout_seconds),
            uploader=Uploader(sleep=self.sleep, timeout_seconds=self.timeout_seconds),
            connect_engine=lambda _env: self.engine.engine(),
            now=self.now,
        )
        try:
            result = deploy(
                Config(
                    project=self.project.root,
                    # By the id, which lets a deploy ask for more at once than by the name.
                    deployment_id=self._id_of(name),
                    **{"parse": False, **options},
                ),
                env,
                console=Console(out, dialect_for("none", env={}, out=out), is_live=False),
                tools=tools,
            )
        except AstroCIError as error:
            return Done(error=error, said=out.getvalue())
        return Done(result=result, said=out.getvalue())

    def _id_of(self, name: str) -> str:
        return next(str(one["id"]) for one in self.astro.deployments if one["name"] == name)

    def start(self, **options: Any) -> Callable[[], Done]:
        """Begin the job; what is returned waits for its end."""
        pool = ThreadPoolExecutor(1)
        future = pool.submit(self.deploy, **options)
        pool.shutdown(wait=False)
        return lambda: future.result(60)


def doze(seconds: float) -> None:
    """Sleep, but not for long."""
    time.sleep(min(seconds, LONGEST_PAUSE))


@dataclass
class Yard:
    """An origin with one commit after the other, and a lane for each."""

    astro: Sandbox
    directory: Path
    origin: Repository

    @classmethod
    def create(cls, directory: Path, astro: Sandbox, files: Mapping[str, str]) -> Yard:
        """Make the origin, with its first commit."""
        origin = Repository.create(directory / "origin", dict(files))
        origin.git("config", "uploadpack.allowAnySHA1InWant", "true")
        return cls(astro, directory, origin)

    def commit(self, files: Mapping[str, str]) -> str:
        """Commit on top of the newest commit."""
        self.origin.write(dict(files))
        return self.origin.commit(f"change {', '.join(files)}")

    def lane(self, commit: str, *options: str, **variables: str) -> Lane:
        """Check a commit out, in a clone that knows nothing newer than that commit."""
        root = self.directory / f"lane-{len(list(self.directory.iterdir()))}"
        branch = f"at-{commit}"
        self.origin.git("branch", "--force", branch, commit)
        Repository(self.directory).git(
            *("clone", "--quiet", "--single-branch", "--branch", branch, *options),
            *(f"file://{self.origin.root}", str(root)),
        )
        self.origin.git("branch", "--delete", "--force", branch)
        return Lane(self.astro, Repository(root), variables=variables)
