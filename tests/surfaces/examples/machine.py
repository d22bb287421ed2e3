"""A machine of a CI system: a checkout, a home, `pip install` from our own wheel, a sandbox."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from astro_ci import __version__
from astro_ci.ci import dialect_for
from astro_ci.configuration.config import Config
from astro_ci.deploying.deploy import Tools, deploy
from astro_ci.model import DeployResult
from astro_ci.reporting.console import Console
from astro_ci.sandbox import Sandbox
from tests.integration.stage import Stage
from tests.replay.engine import QuickEngine
from tests.repository import Repository
from tests.surfaces.examples.system import EXAMPLES, Job, System, command_line

DEPLOYMENT_ID = "clx0your0deployment0id"
"""What users replace in each example."""
PACKAGE = f"astro-ci=={__version__}"
"""What the examples have pip install."""

# `ensurepip`, pip and the bytecode of all that it installs take six seconds. Every job asks pip for
# the same, so pip installs it once, and an environment gets a copy; pip itself does the rest.
_PYTHON = """\
#!/bin/sh
if [ "$1 $2 $3" = "-I -m venv" ]; then
  shift 3
  "{python}" -I -m venv --without-pip "$@" || exit
  for made; do :; done
  sed "s|@made@|$made|g" "{pip}" >"$made/bin/pip"
  exec chmod +x "$made/bin/pip"
fi
exec "{python}" "$@"
"""
_PIP = """\
#!/bin/sh
set -e
if [ "$*" = "install --quiet {package}" ]; then
  cp -al "{installed}/lib/." "@made@/lib/"
  sed "1s|.*|#!@made@/bin/python|" "{installed}/bin/astro-ci" >"@made@/bin/astro-ci"
  exec chmod +x "@made@/bin/astro-ci"
fi
exec "@made@/bin/python" -P -m pip "$@"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packages:
    """What stands in for the package index."""

    wheels: Path
    """Holds our own wheel."""
    others: Path
    """What it depends on, as a directory for PYTHONPATH."""
    commands: Path
    """Goes first on PATH."""

    @classmethod
    def make(cls, directory: Path, wheel: Path) -> Packages:
        """Make them in a directory that is not there yet."""
        made = cls.of(directory)
        made._link_others()
        made.wheels.mkdir()
        shutil.copy(wheel, made.wheels)
        made._install()
        made._write_commands()
        return made

    @classmethod
    def of(cls, directory: Path) -> Packages:
        """Name what was made there."""
        return cls(
            wheels=directory / "wheels",
            others=directory / "others",
            commands=directory / "commands",
        )

    def environment(self) -> dict[str, str]:
        """What has pip install our own wheel, and Python find what it depends on."""
        return {
            "PYTHONPATH": str(self.others),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.wheels),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }

    @property
    def _installed(self) -> Path:
        return self.wheels.with_name("installed")

    def _link_others(self) -> None:
        self.others.mkdir(parents=True)
        for entry in Path(sysconfig.get_path("purelib")).iterdir():
            if not entry.name.startswith(("astro_ci", "__editable__", "_astro_ci")):
                (self.others / entry.name).symlink_to(entry)

    def _install(self) -> None:
        made = self._installed
        subprocess.run([sys.executable, "-I", "-m", "venv", "--without-pip", made], check=True)
        subprocess.run(
            [made / "bin/python", "-P", "-m", "pip", "install", "--quiet", PACKAGE],
            env={**os.environ, **self.environment()},
            check=True,
        )

    def _write_commands(self) -> None:
        self.commands.mkdir()
        pip = self.commands / "pip-of-an-environment"
        pip.write_text(_PIP.format(package=PACKAGE, installed=self._installed))
        python = self.commands / "python3"
        python.write_text(_PYTHON.format(python=sys.executable, pip=pip))
        python.chmod(0o755)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A repository on a git server, a sandbox, and a machine that runs jobs."""

    directory: Path
    astro: Sandbox
    origin: Repository
    packages: Packages

    @classmethod
    def make(cls, directory: Path, astro: Sandbox, packages: Packages) -> World:
        """Put the example project into a repository."""
        origin = directory / "origin"
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(EXAMPLES / "astro-project", origin, ignore=ignore)
        for name in ("click", "pip"):  # neither may come before what is installed
            (origin / f"{name}.py").write_text("raise SystemExit('the wrong module')\n")
        repository = Repository.create(origin)
        repository.commit("an Astro project")
        repository.git("config", "uploadpack.allowAnySHA1InWant", "true")
        repository.git("config", "uploadpack.allowFilter", "true")
        return cls(directory=directory, astro=astro, origin=repository, packages=packages)

    @property
    def deployment_id(self) -> str:
        """The Deployment that the examples deploy to."""
        (found,) = (one["id"] for one in self.astro.deployments if one["name"] == "production")
        return str(found)

    def seed(self) -> DeployResult:
        """Deploy image and DAGs, as an earlier run would have."""
        env = {"ASTRO_API_URL": self.astro.api_url, "ASTRO_API_TOKEN": self.astro.token}
        out = io.StringIO()
        engine = QuickEngine()
        return deploy(
            Config(project=self.origin.root, deployment_name="production", parse=False),
            env,
            console=Console(out, dialect_for("none", env={}, out=out), is_live=False),
            tools=Tools(connect_engine=lambda _env: engine.engine()),
        )

    def run(
        self, system: System, name: str, *, secrets: Mapping[str, str] | None = None
    ) -> tuple[Stage, str]:
        """Check out what the origin has, run a job there, and return the checkout and the log."""
        stage = self.check_out(system, name)
        if secrets is None:
            secrets = {"ASTRO_API_TOKEN": self.astro.token}
        job = system.job(name, secrets, examples=self.edited(system.files[name]))
        log = ""
        for process in job.processes:
            done = subprocess.run(
                process,
                cwd=stage.project.root,
                env=self.environment(system, name, job, stage.project.head),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            log += done.stdout
            assert done.returncode == 0, f"{command_line(process)}\n{log}"
        stage.refuse_secrets(log)
        return stage, log

    def check_out(self, system: System, name: str) -> Stage:
        """Clone as the CI system does."""
        to = self.directory / f"{name}-checkout"
        return Stage(self.astro, self.origin.clone(to, *system.clone))

    def edited(self, file: str) -> Path:
        """Copy an example, and make the one edit that users have to."""
        examples = self.directory / "examples"
        copy = examples / file
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(EXAMPLES / file, copy)
        text = copy.read_text()
        assert DEPLOYMENT_ID in text
        copy.write_text(text.replace(DEPLOYMENT_ID, self.deployment_id))
        return examples

    def environment(self, system: System, name: str, job: Job, head: str) -> dict[str, str]:
        """What a process of a job sees, and nothing of what the tests do."""
        home = self.directory / "home"
        temporary = self.directory / "temporary"
        for directory in (home, temporary):
            directory.mkdir(exist_ok=True)
        packages = self.packages
        path = [str(packages.commands), str(Path(sys.executable).parent), os.environ["PATH"]]
        machine = {
            "PATH": os.pathsep.join(path),
            "HOME": str(home),
            "TMPDIR": str(temporary),
            "WORKSPACE_TMP": str(temporary),
            "AGENT_TEMPDIRECTORY": str(temporary),
            "GIT_CONFIG_NOSYSTEM": "1",
            **packages.environment(),
            "ASTRO_API_URL": self.astro.api_url,
            "ASTRO_CI_PARSE": "false",  # the stand-in for Astro Runtime has no Airflow
        }
        said = {key: value.format(head=head) for key, value in system.says[name].items()}
        return {**machine, **said, **job.env}
