"""Run a job on the checkout itself, with an interpreter of this machine that has Airflow."""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from astro_ci.checks.runners.job import Job, OnLine
from astro_ci.errors import CheckFailedError
from astro_ci.image.building.process import run_command

_HAS_AIRFLOW = "import importlib.util, sys; sys.exit(importlib.util.find_spec('airflow') is None)"
_VERSION = "import importlib.metadata as m; print(m.version('apache-airflow'))"
_PROBE_SECONDS = 30
_SHEBANG_BYTES = 256
_LARGEST_RESULT_BYTES = 256 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalRunner:
    """An interpreter, and the environment of its jobs, which must hold no credentials."""

    python: str
    env: Mapping[str, str] = field(repr=False)

    @property
    def description(self) -> str:
        """Name the interpreter."""
        return f"with {self.python}"

    @contextmanager
    def place(self, job: Job) -> Iterator[LocalPlace]:
        """Make the job's private directory; the project is used in place."""
        with tempfile.TemporaryDirectory(
            prefix="astro-ci-check-", dir=self.env.get("TMPDIR"), ignore_cleanup_errors=True
        ) as made:
            work = os.path.realpath(made)
            trees = {name: os.path.realpath(path) for name, path in job.trees.items()}
            project = os.path.realpath(job.project)
            files = job.files(project=project, trees=trees, in_place=True)
            for name, content in files.items():
                file = Path(work, name)
                file.parent.mkdir(exist_ok=True)
                file.write_bytes(content)
            # Airflow writes into its home, and astro-ci must not write to the checkout.
            home = {"AIRFLOW_HOME": str(Path(work, "home")), "PYTHONDONTWRITEBYTECODE": "1"}
            env = {**home, **self.env, **job.env}
            yield LocalPlace(project, trees, work, job.argv(self.python, work), env)


@dataclass(frozen=True, slots=True)
class LocalPlace:
    """The checkout, and a temporary directory."""

    project: str
    trees: Mapping[str, str]
    work: str
    argv: list[str]
    env: Mapping[str, str] = field(repr=False)

    def run(self, on_line: OnLine) -> int:
        """Run the job; end its child processes when the job ends."""
        return run_command(self.argv, env=self.env, feed=None, on_line=on_line)

    def read(self, name: str) -> bytes | None:
        """Return the content of a file of the job's private directory; None when it is missing."""
        try:
            return _read_plain(f"{self.work}/{name}")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise CheckFailedError(
                f"the result of the check could not be read: {error.strerror or error}",
                hint="DAG files and tests must leave the directory of the check alone.",
            ) from error


def _read_plain(path: str) -> bytes:
    """Read a regular file; refuse a link, which a DAG file may have pointed at a secret."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        data = file.read(_LARGEST_RESULT_BYTES + 1)
    if len(data) > _LARGEST_RESULT_BYTES:
        raise OSError(errno.EFBIG, "it is larger than 256 MiB")
    return data


def find_python(env: Mapping[str, str], python: str = "") -> str | None:
    """Find an interpreter with Airflow: `python`, else that of `airflow` on PATH, else on PATH.

    Returns None when none has Airflow. Raises CheckFailedError when `python` is given and has no
    Airflow.
    """
    path = env.get("PATH", os.defpath)
    if python:
        found = shutil.which(python, path=path)
        if found and _has_airflow(found, env):
            return found
        what = "has no Airflow" if found else "is not a program"
        raise CheckFailedError(
            f"{python} {what}, so it cannot load DAG files",
            hint="Set --python to an interpreter that has apache-airflow, or name an image with "
            "--image-name.",
        )
    names = [_interpreter_of(shutil.which("airflow", path=path)), "python3", "python"]
    candidates = [shutil.which(name, path=path) for name in names if name]
    return next((found for found in candidates if found and _has_airflow(found, env)), None)


def _interpreter_of(script: str | None) -> str:
    """Read the interpreter's path from the first line of an installed command."""
    if script is None:
        return ""
    with Path(script).open("rb") as file:
        first = file.readline(_SHEBANG_BYTES).decode("utf-8", "replace")
    words = first.removeprefix("#!").split() if first.startswith("#!") else []
    return words[0] if words and "python" in Path(words[0]).name else ""


def airflow_version(python: str, env: Mapping[str, str]) -> tuple[int, int] | None:
    """Return the major and minor version of an interpreter's Airflow; None without Airflow."""
    found = re.match(r"(\d+)\.(\d+)", _probe(python, _VERSION, env) or "", re.ASCII)
    return (int(found[1]), int(found[2])) if found else None


def _has_airflow(python: str, env: Mapping[str, str]) -> bool:
    return _probe(python, _HAS_AIRFLOW, env) is not None


def _probe(python: str, code: str, env: Mapping[str, str]) -> str | None:
    """Run a line of Python, and return its output; None when the command fails."""
    try:
        done = subprocess.run(
            [python, "-c", code],
            env=dict(env),
            cwd="/",  # `-c` imports from the current directory, which may be the checkout
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PROBE_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None
