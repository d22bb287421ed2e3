"""The files that a stranger controls: never a bug, never for long, never for much memory.

ASTRO_CI_TEST_EXAMPLES multiplies the number of checkouts; the default is a quick look.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.fuzz.launcher import MOST_MEMORY
from tests.fuzz.strange import ARGUMENTS, HUGE, SYSTEMS, TOKEN, Entry, checkouts
from tests.repository import Repository
from tests.size import IS_MEASURED

EXAMPLES = 30 * int(os.environ.get("ASTRO_CI_TEST_EXAMPLES") or 1)
DOCUMENTED = {0, 2, 3, 4, 9}
BEFORE = {"Dockerfile": "FROM scratch\n", "dags/a.py": "a = 1\n", "include/a.sql": "select 1\n"}
Run = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.fixture(scope="module")
def launch() -> Iterator[Run]:
    command = [sys.executable, "-m", "tests.fuzz.launcher"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:

        def run(order: dict[str, Any]) -> dict[str, Any]:
            assert process.stdin
            assert process.stdout
            print(json.dumps(order), file=process.stdin, flush=True)
            found: dict[str, Any] = json.loads(process.stdout.readline())
            return found

        yield run
        assert process.stdin
        process.stdin.close()


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with one commit, to be copied."""
    os.environ.update(GIT_AUTHOR_NAME="Ada", GIT_AUTHOR_EMAIL="a@b", GIT_COMMITTER_NAME="Ada")
    os.environ["GIT_COMMITTER_EMAIL"] = "a@b"
    return Repository.create(tmp_path_factory.mktemp("fuzz") / "before", BEFORE).root


def put(root: Path, name: str, entry: Entry) -> None:
    """Put a file into the checkout, in the place of what is there; unless that cannot be."""
    path = root / name
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        if entry.kind == "link":
            path.symlink_to(entry.link)
        elif entry.kind == "directory":
            path.mkdir()
        elif entry.kind == "pipe":
            # Git itself would wait for its own files; and no pull request brings a pipe.
            if not path.name.startswith(".git"):
                os.mkfifo(path)
        else:
            path.write_bytes(entry.content)
            path.chmod(entry.mode)


def check(found: dict[str, Any]) -> None:
    """A documented exit code, one document, no traceback, no secret and little memory."""
    said = found["out"] + found["err"]
    assert "Traceback" not in said, said[-2000:]
    assert "a bug in astro_ci" not in said
    assert found["code"] in DOCUMENTED, (found["code"], said[-2000:])
    assert isinstance(json.loads(found["out"]), dict)
    assert TOKEN not in said
    assert found["memory"] < MOST_MEMORY
    assert max(map(len, found["err"].splitlines()), default=0) < 10_000


def look(
    launch: Run,
    before: Path,
    files: Mapping[str, Entry],
    arguments: list[str],
    system: Mapping[str, str],
    *,
    commit: bool,
) -> None:
    with tempfile.TemporaryDirectory(prefix="astro-ci-fuzz-") as made:
        root = Path(made) / "checkout"
        shutil.copytree(before, root)
        (root / ".git" / "secret").write_text(TOKEN)
        for name, entry in files.items():
            put(root, name, entry)
        if commit:
            for words in (["add", "--all"], ["commit", "--quiet", "--allow-empty", "-m", "x"]):
                subprocess.run(
                    ["git", *words], cwd=root, capture_output=True, check=False, timeout=60
                )
        env = {
            **{name: value for name, value in os.environ.items() if name != "PWD"},
            **system,
            **({"GITHUB_EVENT_PATH": str(root / "event")} if system else {}),
            "ASTRO_CI_DEPLOYMENT_NAME": "production",
            "SOME_SECRET": TOKEN,
            "CHANGE_TITLE": "an [ that nothing closes",
            "HOME": made,
        }
        check(launch({"arguments": arguments, "directory": str(root), "env": env}))


@pytest.mark.timeout(120 + 5 * EXAMPLES)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
)
@given(
    files=checkouts,
    arguments=st.sampled_from(ARGUMENTS),
    system=st.sampled_from(SYSTEMS),
    commit=st.booleans(),
)
@example(
    files={".dockerignore": Entry(link="/proc/self/environ", kind="link")},
    arguments=ARGUMENTS[0],
    system={},
    commit=True,
)
@example(
    files={"dags/" + "d/" * 600 + "deep.py": Entry(content=b"a")},
    arguments=ARGUMENTS[0],
    system={},
    commit=True,
)
def test_a_strange_checkout(
    launch: Run,
    before: Path,
    files: Mapping[str, Entry],
    arguments: list[str],
    system: Mapping[str, str],
    commit: bool,
) -> None:
    look(launch, before, files, arguments, system, commit=commit)


@pytest.mark.skipif(IS_MEASURED, reason="the limits are for a process that is not measured")
@pytest.mark.parametrize("name", [".dockerignore", "astro-ci.yaml", "Dockerfile", "event"])
@pytest.mark.parametrize("number", range(len(HUGE)))
def test_a_huge_file(launch: Run, before: Path, name: str, number: int) -> None:
    files = {name: Entry(content=HUGE[number])}
    look(launch, before, files, ["plan", "--json"], SYSTEMS[1], commit=False)
