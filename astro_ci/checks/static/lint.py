"""Run ruff's rules about Airflow 3 and undefined names, where ruff is installed."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from astro_ci.finding import Finding, Severity
from astro_ci.project.platform import Platform

_SECONDS = 60
_FILES_AT_ONCE = 1000
_ALWAYS: Mapping[str, Severity] = {"F821": "error"}
_ON_AIRFLOW_3: Mapping[str, Severity] = {
    "AIR301": "error",
    "AIR302": "error",
    "AIR303": "error",
    "AIR311": "notice",
    "AIR312": "notice",
}
ABSENT = (
    "ruff is not installed, so the static check does not look for undefined names and for what "
    "Airflow 3 removed (`pip install ruff` adds it)"
)


class LintError(Exception):
    """ruff could not run; the message says why."""


class Ruff(Struct, frozen=True, kw_only=True):
    """The command of ruff, and the rules to check."""

    command: str
    platform: Platform

    def findings(self, paths: Sequence[str], *, repository: str) -> Iterator[Finding]:
        """Check files, given by absolute path. Raises LintError."""
        for start in range(0, len(paths), _FILES_AT_ONCE):
            for found in self._run(paths[start : start + _FILES_AT_ONCE], repository):
                if finding := self._finding(found, repository):
                    yield finding

    @property
    def _severities(self) -> Mapping[str, Severity]:
        return {**_ALWAYS, **(_ON_AIRFLOW_3 if self.platform.is_airflow_3 else {})}

    def _run(self, paths: Sequence[str], repository: str) -> list[dict[str, Any]]:
        # Files named one by one are checked whatever .gitignore says, and --isolated leaves out
        # every configuration file. Nothing is written.
        options = [
            *("--isolated", "--no-cache", "--no-fix", "--exit-zero", "--quiet"),
            *("--output-format", "json", "--select", ",".join(["E9", *self._severities])),
        ]
        if self.platform.python:
            options += ["--target-version", "py{}{}".format(*self.platform.python)]
        try:
            done = subprocess.run(
                [self.command, "check", *options, "--", *paths],
                capture_output=True,
                cwd=repository,
                env={"NO_COLOR": "1"},
                timeout=_SECONDS,
                check=False,
            )
            found = json.loads(done.stdout or b"[]")
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            raise LintError(f"ruff could not be used: {type(error).__name__}") from error
        if done.returncode:
            raise LintError(f"ruff could not be used: it ended with exit code {done.returncode}")
        return list(found)

    def _finding(self, found: dict[str, Any], repository: str) -> Finding | None:
        code = found.get("code") or ""
        severity = self._severities.get(code)
        if code.startswith("E9"):
            code, severity = "E9", "error"
        if severity is None:  # a syntax error, which the Python compiler describes better
            return None
        where = found.get("location") or {}
        return Finding(
            path=os.path.relpath(found["filename"], repository),
            line=where.get("row"),
            column=where.get("column"),
            rule=f"airflow-{code}" if code.startswith("AIR") else f"lint-{code}",
            severity=severity,
            message=found.get("message", ""),
        )


def find_ruff(env: Mapping[str, str], platform: Platform, *, repository: str) -> Ruff | None:
    """Find ruff beside this Python, then on PATH; return None when neither has it.

    A ruff inside the checkout is ignored, because nothing of the checkout may run.
    """
    if importlib.util.find_spec("ruff"):
        for beside in _beside():
            if os.access(beside, os.X_OK):
                return Ruff(command=str(beside), platform=platform)
    found = shutil.which("ruff", path=env.get("PATH", ""))
    if found and _is_ours(found, repository):
        return Ruff(command=found, platform=platform)
    return None


def _beside() -> Iterator[Path]:
    """Yield the directories that hold the commands of this Python's packages."""
    yield Path(sys.executable).with_name("ruff")
    import sysconfig  # imported here, because its data takes time to load

    yield Path(sysconfig.get_path("scripts")) / "ruff"


def _is_ours(command: str, repository: str) -> bool:
    """Whether a command is an absolute path outside the checkout, before and after links."""
    if not os.path.isabs(command):  # noqa: PTH117 - a Path would take it for absolute
        return False
    names = (os.path.abspath(command), os.path.realpath(command))  # noqa: PTH100 - links count
    return not any(name.startswith(f"{repository}/") for name in names)
