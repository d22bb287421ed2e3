"""A disk that is full, wherever in the deploy that is noticed."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
from pathlib import Path

import pytest

from astro_ci import cli
from astro_ci.errors import CommandError, of_the_disk
from tests.integration.deploy.support import Job
from tests.size import IS_MEASURED

HINT = "Free some space there, or set TMPDIR to a directory with more space"


@pytest.fixture
def job(job: Job) -> Job:
    """A project whose index and whose bundle are of some size, with something uncommitted."""
    job.project.write({f"dags/{number:03}.py": f"n = {number}\n" for number in range(200)})
    (job.project.root / "dags" / "random.bin").write_bytes(os.urandom(300_000))
    job.project.commit()
    job.project.write({"dags/a.py": "a = 2\n"})
    return job


@pytest.mark.parametrize(
    ("size", "what"),
    [
        ("8k", "index could not be copied to .*No space left"),
        ("28k", "git [a-z-]+ failed .*(No space|Out of disk)"),
        ("100k", "the DAG bundle could not be written to .*No space left"),
        ("280k", "the DAG bundle could not be written to .*No space left"),
    ],
)
def test_a_small_disk(job: Job, size: str, what: str) -> None:
    options = ["-t", "tmpfs", "-o", f"size={size}", "none", str(job.tmp)]
    mounted = subprocess.run(["mount", *options], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"mounting needs rights: {mounted.stderr.strip()}")
    try:
        job.refused(4, what, HINT, "--dags")
    finally:
        subprocess.run(["umount", str(job.tmp)], check=True)
    assert job.astro.deploys("production") == [], "no deploy was created"
    assert job.deploy().outcome == "deployed"


@pytest.mark.skipif(IS_MEASURED, reason="the files of coverage are larger than the limit")
def test_a_limit_on_the_size_of_files(job: Job) -> None:
    """What a quota does, on machines where nobody may mount."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = (job.running(), job.checkout())
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        process = job.start("deploy", "--dags")  # inherits it
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    run = job.finish(process)
    assert run.code == 4
    assert "the DAG bundle could not be written to" in run.err
    assert "File too large" in run.err
    assert HINT in run.err
    assert (job.running(), job.checkout()) == before


def test_a_full_disk_wherever_it_is_noticed() -> None:
    error = of_the_disk(OSError(errno.ENOSPC, "No space left on device", "/tmp/x/config.json"))
    assert isinstance(error, CommandError)
    assert error.message == "/tmp/x/config.json could not be written: No space left on device"
    assert error.hint == HINT + "."
    assert of_the_disk(OSError(errno.EPERM, "Operation not permitted")) is None
    assert of_the_disk(ValueError()) is None


def test_a_full_disk_is_no_bug_of_ours(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise OSError(errno.EDQUOT, "Disk quota exceeded", "/tmp/x")

    monkeypatch.setattr("astro_ci.survey.plan.plan_target", fail)
    monkeypatch.chdir(job.project.root)
    with pytest.raises(SystemExit) as ended:
        cli.run(["plan", "--deployment-name", "x"])
    assert ended.value.code == 4


def test_a_temporary_directory_that_is_not_there(job: Job, tmp_path: Path) -> None:
    """Python takes another one then, and so do we."""
    env = {**job.env, "TMPDIR": str(tmp_path / "nowhere")}
    assert job.command("deploy", "--dags", env=env).code == 0
