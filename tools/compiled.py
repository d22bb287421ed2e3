"""Write `actions/compiled.txt`: the files that a deploy loads, for `launch.py` to compile.

Usage: python tools/compiled.py

What is loaded is seen, not guessed: a DAG-only deploy to a sandbox, as a job of GitHub's, tells.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIST = ROOT / "actions" / "compiled.txt"
LOCK = ROOT / "actions" / "requirements.lock"
_PACKAGES = Path(sysconfig.get_path("purelib"))
_TELL = """
import atexit, sys
sys.path.append({root!r})
files = lambda: [getattr(module, "__file__", None) for module in [*sys.modules.values()]]
atexit.register(lambda: print(*files(), sep="\\n"))
"""
_DEPLOY = """
sys.argv = ["astro-ci", "deploy", "--type", "dags", "--no-wait", "--comment"]
from astro_ci.__main__ import main
main()
"""
_CHECK = """
sys.path.append({packages!r})
import astro_ci.checks.static.worker
"""


def loaded() -> set[str]:
    """The Python files that a deploy loads: of ours and of the packages in the lock file."""
    with tempfile.TemporaryDirectory(prefix="astro-ci-compiled-") as scratch:
        root = _project(Path(scratch))
        output = _python(_DEPLOY, root, _job(Path(scratch)))
    output += _python(_CHECK, ROOT, {}, "-I", "-S")
    return set(_ours(output.splitlines()))


def _job(scratch: Path) -> Mapping[str, str]:
    """The variables of a job on GitHub, with what its files are."""
    names = ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")
    return {
        **{"CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "push"},
        **{name: str(scratch / name) for name in names},
    }


def _project(scratch: Path) -> Path:
    """A committed project."""
    root = scratch / "project"
    (root / "dags").mkdir(parents=True)
    (root / "dags" / "a.py").write_text("from airflow import DAG\n\nDAG('a')\n")
    (root / "Dockerfile").write_text("FROM astrocrpublic.azurecr.io/runtime:3.1-2\n")
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    for words in (
        ("init", "--quiet"),
        ("add", "."),
        (*identity, "commit", "--quiet", "--message", "first"),
    ):
        subprocess.run(["git", *words], cwd=root, check=True)  # noqa: S607
    return root


def _python(code: str, cwd: Path, job: Mapping[str, str], *options: str) -> str:
    from astro_ci.sandbox import Sandbox

    code = (_TELL + code).format(root=str(ROOT), packages=str(_PACKAGES))
    with Sandbox(rollout_seconds=0) as astro:
        env = {
            "PATH": os.environ["PATH"],
            "ASTRO_API_URL": astro.api_url,
            "ASTRO_API_TOKEN": astro.token,
            "ASTRO_DEPLOYMENT_ID": str(astro.deployments[0]["id"]),
            **job,
        }
        command = [sys.executable, *options, "-c", code]
        return subprocess.run(
            command, cwd=cwd, env=env, stdout=subprocess.PIPE, text=True, check=True
        ).stdout


def _ours(paths: list[str]) -> Iterator[str]:
    locked = set(re.findall(r"^([\w.-]+)==", LOCK.read_text(), re.MULTILINE))
    known = packages_distributions()
    for path in map(Path, paths):
        if path.suffix != ".py":
            continue
        if path.is_relative_to(ROOT / "astro_ci"):
            yield path.relative_to(ROOT).as_posix()
        elif path.is_relative_to(_PACKAGES):
            inside = path.relative_to(_PACKAGES)
            names = known.get(inside.parts[0].removesuffix(".py"), ())
            if locked & {re.sub(r"[-_.]+", "-", name).lower() for name in names}:
                yield inside.as_posix()


def main() -> None:
    """Write the list."""
    LIST.write_text("".join(f"{name}\n" for name in sorted(loaded())))


if __name__ == "__main__":
    main()
