"""A job of a CI system whose every exit is kept: streams, files, comments, history, commands."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from astro_ci.sandbox import Sandbox
from tests.canary.secrets import Canaries
from tests.integration.forge import TOKEN as FORGE_TOKEN
from tests.integration.forge import Forge
from tests.integration.stage import FILES
from tests.repository import Repository

DIALECTS = ("github", "gitlab", "azure", "buildkite", "teamcity", "plain")
_MASKS = ("::add-mask::", "##vso[task.setsecret]")
_WRAPPER = """#!{python}
import os, sys
with open({log!r}, "a") as log:
    log.write(repr(sys.argv[1:]) + "\\n")
os.execv({real!r}, [{real!r}, *sys.argv[1:]])
"""
_AGENT = """#!{python}
import sys
if sys.argv[1] != "redactor":
    with open({log!r}, "a") as log:
        log.write(repr(sys.argv[1:]) + sys.stdin.read() + "\\n")
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a run ended, and all that it left where somebody may look, by place."""

    code: int
    err: str
    texts: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryJob:
    """A project beside a sandbox and a forge, in a directory of its own."""

    directory: Path
    astro: Sandbox
    forge: Forge
    project: Repository
    canaries: Canaries
    env: dict[str, str] = field(default_factory=dict)
    """What a fault adds."""

    @classmethod
    def prepare(cls, directory: Path, astro: Sandbox, forge: Forge) -> CanaryJob:
        """Put secrets where a job has them, and watch the commands that a run starts."""
        canaries = Canaries(token=astro.token, key_secret=astro.key_secret, forge_token=FORGE_TOKEN)
        project = Repository.create(directory / "project", dict(FILES))
        remote = f"https://ci:{canaries.remote_password}@127.0.0.1:1/acme/airflow.git"
        project.git("remote", "add", "origin", remote)
        for name in ("tmp", "bin", "agent", "azure", "home/.docker"):
            (directory / name).mkdir(parents=True)
        login = base64.b64encode(f"me:{canaries.registry_password}".encode()).decode()
        auths = {"auths": {"registry.example.com": {"auth": login}}}
        (directory / "home/.docker/config.json").write_text(json.dumps(auths))
        made = cls(
            directory=directory, astro=astro, forge=forge, project=project, canaries=canaries
        )
        made.netrc.write_text(f"machine x login me password {canaries.secret_file}\n")
        for command in ("git", "docker"):
            if real := shutil.which(command):
                made._install(f"bin/{command}", _WRAPPER, real=real)
        made._install("agent/buildkite-agent", _AGENT)
        return made

    @property
    def netrc(self) -> Path:
        """The file that a build secret comes from."""
        return self.directory / "netrc"

    def run(self, dialect: str, *arguments: str) -> Ended:
        """Run a verb in a job of this CI system, verbosely and with comments."""
        env = {**self._base(), **self._job(dialect), **self.canaries.environment(), **self.env}
        done = subprocess.run(
            [sys.executable, "-m", "astro_ci", "--verbose", *arguments, "--comment"],
            cwd=self.project.root,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        out, err = os.fsdecode(done.stdout), os.fsdecode(done.stderr)
        streams = {"standard output": _unmasked(out), "standard error": _unmasked(err)}
        return Ended(code=done.returncode, err=err, texts={**streams, **self._left()})

    def _left(self) -> dict[str, str]:
        """Files for the CI system, temporary files, commands, comments, and Astro's history."""
        files = [
            *(self.directory / name for name in ("output", "summary.md", "dotenv", "log")),
            *(path for name in ("azure", "tmp") for path in (self.directory / name).rglob("*")),
        ]
        found = {
            path.relative_to(self.directory).as_posix(): path.read_text(errors="replace")
            for path in files
            if path.is_file()
        }
        names = [str(one["name"]) for one in self.astro.deployments]
        history = msgspec.json.encode([self.astro.deploys(name) for name in names])
        return {**found, "comments": "\n".join(self.forge.bodies), "history": history.decode()}

    def _base(self) -> dict[str, str]:
        path = [str(self.directory / "bin"), str(self.directory / "agent"), os.environ["PATH"]]
        return {
            **os.environ,
            "PATH": os.pathsep.join(path),
            "HOME": str(self.directory / "home"),
            "TMPDIR": str(self.directory / "tmp"),
            "ASTRO_API_URL": self.astro.api_url,
            "ASTRO_CI_DEPLOYMENT_NAME": "production",
            "ASTRO_CI_PARSE": "false",  # the stand-in for Astro Runtime has no Airflow
            "ASTRO_CI_BUILD_SECRET": f"id=npm,env=NPM_CONFIG\nid=netrc,src={self.netrc}",
            "ASTRO_CI_BUILD_ARG": f"DB_PASSWORD={self.canaries.build_argument}",
        }

    def _job(self, dialect: str) -> Mapping[str, str]:
        """The variables of a CI system's job; a pull request's, where there are comments."""
        match dialect:
            case "github":
                files = {
                    "GITHUB_OUTPUT": str(self.directory / "output"),
                    "GITHUB_STEP_SUMMARY": str(self.directory / "summary.md"),
                }
                return {**self.forge.github, **files, "GITHUB_TOKEN": self.canaries.forge_token}
            case "gitlab":
                files = {"ASTRO_CI_DOTENV": str(self.directory / "dotenv")}
                return {**self.forge.gitlab, **files, "GITLAB_TOKEN": self.canaries.forge_token}
            case "azure":
                return {"TF_BUILD": "True", "AGENT_TEMPDIRECTORY": str(self.directory / "azure")}
            case "buildkite":
                return {"BUILDKITE": "true"}
            case "teamcity":
                return {"TEAMCITY_VERSION": "2025.1"}
        return {}

    def _install(self, name: str, script: str, **values: str) -> None:
        path = self.directory / name
        log = str(self.directory / "log")
        path.write_text(script.format(python=sys.executable, log=log, **values))
        path.chmod(0o755)


def _unmasked(text: str) -> str:
    """Without the lines that a runner swallows."""
    return "\n".join(line for line in text.splitlines() if not line.startswith(_MASKS))
