"""A checkout that a stranger made: nothing of the job is read or printed, whatever its files are.

Run as a subprocess, with the job's environment and a limit on memory.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.repository import Repository

TOKEN = "a-token-that-nobody-may-see"
FILES = {"Dockerfile": "FROM scratch\n", "dags/a.py": "a = 1\n"}
MOST_MEMORY = 700 * 1024 * 1024  # of addresses, of which much is never used


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "ASTRO_CI_DEPLOYMENT_NAME": "production",
        "CHANGE_TITLE": "an [ that nothing closes",
        "SOME_SECRET": TOKEN,
    }
    done = subprocess.run(
        [sys.executable, "-m", "astro_ci", *arguments],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY)),
    )
    said = done.stdout + done.stderr
    assert TOKEN not in said
    assert "Traceback" not in said
    return done


@pytest.mark.parametrize("target", ["/proc/self/environ", "/dev/zero", ".git/config", "../job"])
@pytest.mark.parametrize("name", [".dockerignore", "Dockerfile.dockerignore", "astro-ci.yaml"])
def test_a_link_out_of_the_checkout_is_refused(tmp_path: Path, name: str, target: str) -> None:
    (tmp_path / "job").write_text(f"[{TOKEN}\n")
    repository = Repository.create(tmp_path / "checkout", FILES)
    repository.git("config", "http.extraheader", f"AUTHORIZATION: basic {TOKEN}")
    (repository.root / name).symlink_to(target)
    repository.commit()
    done = run(repository.root, "plan")
    assert done.returncode in (2, 3)
    assert "a link that leads out of the repository" in done.stderr


def test_doctor_reads_no_dockerfile_from_elsewhere(tmp_path: Path) -> None:
    repository = Repository.create(tmp_path / "checkout", {"dags/a.py": "a = 1\n"})
    (repository.root / "Dockerfile").symlink_to("/proc/self/environ")
    repository.commit()
    done = run(repository.root, "doctor")
    assert "Dockerfile cannot be read: it is a link" in done.stdout
