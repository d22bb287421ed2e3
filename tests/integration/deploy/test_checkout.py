"""Checkouts of every kind ship as they are, and stay as they were."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from astro_ci.planning.marker import read_marker
from astro_ci.sandbox import Sandbox
from tests.integration.deploy.support import DEAD_ENGINE, REMOTE_PASSWORD, Job

ODD_NAMES = (
    b"a b.py",
    b" leading and trailing ",
    b"new\nline.py",
    b"carriage\rreturn.py",
    b"tab\t.py",
    b"-rf.py",
    b"--help",
    b"-",
    b"\"quoted'.py",
    b"back\\slash.py",
    b"\xff\xfe.py",
    b"caf\xc3\xa9.py",
    b"cafe\xcc\x81.py",
    b"x" * 252 + b".py",
    b"\xf0\x9f\x9a\x80" * 62 + b"a.py",
    b"$(touch x).py",
    b"`id`.py",
    b"*.py",
    b"?[a].py",
    b":(top)a.py",
    b"!not.py",
    b"#comment.py",
    b"\x1b[31m.py",
    b"::error::x.py",
    b"##[command]x.py",
    b"\x01\x7f.py",
    b"@{u}.py",
)


def lay_out(job: Job, name: bytes, content: bytes, mode: int = 0o644) -> None:
    """Write a file whose name may be any bytes."""
    path = os.path.join(os.fsencode(job.project.root), b"dags", name)  # noqa: PTH118
    os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
    with open(path, "wb") as file:  # noqa: PTH123 - a Path cannot be made of bytes
        file.write(content)
    os.chmod(path, mode)  # noqa: PTH101


def on_disk(job: Job) -> dict[bytes, tuple[int, bytes]]:
    """The DAGs of the checkout: by name, the mode as git knows it and the content."""
    root = os.fsencode(job.project.root)
    found = {}
    for directory, _, names in os.walk(os.path.join(root, b"dags")):  # noqa: PTH118
        for name in names:
            path = os.path.join(directory, name)  # noqa: PTH118
            kind, content = 0o777, b""
            if os.path.islink(path):  # noqa: PTH114
                content = os.readlink(path)  # noqa: PTH115
            else:
                kind = 0o755 if os.stat(path).st_mode & 0o100 else 0o644  # noqa: PTH116
                with open(path, "rb") as file:  # noqa: PTH123
                    content = file.read()
            found[os.path.relpath(path, root)] = (kind, content)
    return found


def in_bundle(job: Job) -> dict[bytes, tuple[int, bytes]]:
    """The same of the bundle that runs."""
    found = {}
    raw = io.BytesIO(job.astro.bundle("production"))
    with tarfile.open(fileobj=raw, encoding="utf-8", errors="surrogateescape") as archive:
        for member in archive:
            if member.isdir():
                continue
            file = None if member.issym() else archive.extractfile(member)
            content = file.read() if file else os.fsencode(member.linkname)
            name = os.fsencode(member.name)
            assert name not in found
            found[name] = (member.mode, content)
    return found


@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
def test_every_name_ships_byte_for_byte(job: Job, locale: str) -> None:
    for number, name in enumerate(ODD_NAMES):
        lay_out(job, name, f"name = {number}\n".encode())
        lay_out(job, b"directory " + name[:200] + b"/" + name, b"", 0o755)
    lay_out(job, b"/".join([b"deep" * 20] * 12) + b"/a.py", b"long path\n")
    (job.project.root / "dags" / "-link\n").symlink_to("new\nline.py")
    job.project.commit("title with \x1b[31m, ::error:: and\ttabs")
    lay_out(job, b"not committed \xff.py", b"shipped all the same\n")
    before = job.checkout()
    env = {**job.env, "LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    run = job.command("deploy", "--dags", "--json", env=env)
    assert run.code == 0, run.err
    assert in_bundle(job) == on_disk(job)
    assert len(in_bundle(job)) > 2 * len(ODD_NAMES)
    assert job.checkout() == before
    assert not any(line.startswith(("::", "##[")) for line in run.err.splitlines())
    assert "\x1b" not in run.err

    # What was shipped is known, whatever the locale of the next job is.
    again = job.command("deploy", "--dags", "--skip-unchanged", "--json")
    assert again.document["outcome"] == "skipped"
    lay_out(job, ODD_NAMES[-1], b"changed\n")
    found = job.command("plan", "--dags", "--json", env=env).document
    assert found["content"]["dags"] == "different"


@pytest.mark.parametrize("name", [b"a b", b"new\nline", b"-rf", b"\xff\xfe", b"$(id)", b"x" * 255])
def test_a_project_in_a_directory_with_any_name(job: Job, name: bytes) -> None:
    inner = os.fsdecode(name)
    for path in ("Dockerfile", "dags/a.py"):
        job.project.write({f"{inner}/{path}": "x = 1\n"})
    job.project.commit()
    run = job.command("deploy", "--dags", f"--project={inner}", "--json")
    assert run.code == 0, run.err
    assert in_bundle(job) == {b"dags/a.py": (0o644, b"x = 1\n")}
    git = job.astro.deploys("production")[0].git
    assert git is not None
    again = job.command("deploy", "--dags", f"--project={inner}", "--skip-unchanged", "--json")
    assert again.document["outcome"] == "skipped"


@pytest.fixture
def read_only(job: Job) -> Iterator[Job]:
    """A checkout that the kernel lets nobody write to."""
    root = str(job.project.root)
    for command in (["--bind", root, root], ["-o", "remount,bind,ro", root]):
        done = subprocess.run(["mount", *command], capture_output=True, text=True)
        if done.returncode:
            subprocess.run(["umount", root], capture_output=True)
            pytest.skip(f"mounting needs rights: {done.stderr.strip()}")
    yield job
    subprocess.run(["umount", root], check=True)


def test_nothing_is_written_to_the_checkout(read_only: Job) -> None:
    job = read_only
    with pytest.raises(OSError, match="Read-only"):
        (job.project.root / "proof").touch()
    run = job.command("deploy", "--dags")
    assert run.code == 0, run.err
    job.assert_runs_the_checkout()


def without_remote(job: Job) -> None:
    job.project.git("remote", "remove", "origin")


def detached(job: Job) -> None:
    job.project.git("checkout", "--quiet", "--detach")


def without_index(job: Job) -> None:
    (job.project.root / ".git" / "index").unlink()


def with_a_stale_lock(job: Job) -> None:
    (job.project.root / ".git" / "index.lock").touch()


def with_gaps_in_the_index(job: Job) -> None:
    job.project.git("rm", "--quiet", "--cached", "dags/a.py")


def in_a_merge(job: Job) -> None:
    job.project.git("checkout", "--quiet", "-b", "theirs")
    job.project.write({"dags/a.py": "a = 'theirs'\n"})
    job.project.commit()
    job.project.git("checkout", "--quiet", "main")
    job.project.write({"dags/a.py": "a = 'ours'\n"})
    job.project.commit()
    subprocess.run(["git", "merge", "theirs"], cwd=job.project.root, capture_output=True)
    assert "UU" in job.project.git("status", "--short")


def as_a_worktree(job: Job) -> None:
    root = job.project.root
    main = root.parent / "main"
    root.rename(main)
    subprocess.run(
        ["git", "worktree", "add", "--quiet", "--detach", str(root)], cwd=main, check=True
    )


@pytest.mark.parametrize(
    "arrange",
    [
        without_remote,
        detached,
        without_index,
        with_a_stale_lock,
        with_gaps_in_the_index,
        in_a_merge,
        as_a_worktree,
    ],
)
def test_a_checkout_in_any_state(job: Job, arrange: Callable[[Job], None]) -> None:
    arrange(job)
    before = job.checkout()
    env = {**job.env, "DOCKER_HOST": DEAD_ENGINE}
    run = job.command("deploy", "--dags", env=env)
    assert run.code == 0, run.err
    job.assert_runs_the_checkout()
    assert job.checkout() == before
    assert job.command("deploy", "--dags", "--skip-unchanged", env=env).out.startswith("skipped")


def test_a_dirty_tree_sends_its_digests_and_no_commit(job: Job) -> None:
    job.project.write({"dags/a.py": "a = 'uncommitted'\n"})
    run = job.command("deploy", "--dags")
    assert run.code == 0
    (deploy,) = job.astro.deploys("production")
    assert deploy.git is None
    assert read_marker(deploy)
    assert "with uncommitted changes" in run.err
    job.assert_runs_the_checkout()


def test_a_remote_with_a_password_is_recorded_without(job: Job) -> None:
    assert REMOTE_PASSWORD in job.project.git("remote", "get-url", "origin")
    job.deploy()
    git = job.astro.deploys("production")[0].git
    assert git is not None
    assert git.remote_url == "https://git.example.com/acme/airflow.git"


def test_what_ships_and_what_does_not(job: Job) -> None:
    """Ignored files under dags/ ship, since generated DAGs do; leftovers of tools never do."""
    job.project.write({".gitignore": "*.pyc\n/dags/generated/\n*.json\n"})
    job.project.commit()
    shipped = {
        "dags/generated/made.py": "m\n",
        "dags/config.json": "{}\n",
        "dags/.airflowignore": "",
    }
    left = {
        "dags/__pycache__/a.cpython-311.pyc": "x",
        "dags/.venv/pyvenv.cfg": "x",
        "dags/x.pyc": "",
    }
    job.project.write({**shipped, **left, "dags/.venv/lib/big.py": "x"})
    job.deploy()
    names = {os.fsdecode(name) for name in in_bundle(job)}
    assert names == {"dags/a.py", "dags/sub/b.py", *shipped}


def test_a_job_that_deploys_twice_at_once(tmp_path: Path) -> None:
    """Two jobs of one checkout do not get in each other's way; one of the two runs then."""
    with Sandbox(rollout_seconds=0) as astro:
        job = Job.prepare(tmp_path, astro)
        processes = [job.start("deploy", "--dags") for _ in range(3)]
        runs = [job.finish(process, was_killed=True) for process in processes]
        assert [run.code for run in runs] == [0, 0, 0], [run.err for run in runs]
        assert list(job.tmp.iterdir()) == []
        job.assert_runs_the_checkout()
