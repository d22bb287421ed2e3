"""The snapshot against the slow way to make it: git asked for each kind of file in turn."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from astro_ci.git import GitRepo
from astro_ci.paths import is_under
from astro_ci.project.leftovers import VENV_MARKER, leftover_matcher
from tests.repository import Repository
from tests.size import examples

NAMES = ["Dockerfile", "dags/a.py", "dags/sub/b.py", "include/c.sql", "gen/d.py", "dags/gen/e.py"]
NAMES += ["dags/x.pyc", "dags/__pycache__/f", "dags/sub", "gen", "dags/ü\n.py", "venv/pyvenv.cfg"]
IGNORED = ["gen", "gen/", "*.sql", "dags/gen/*", "*.pyc", "!gen/d.py", "dags/", "/dags/sub", "*"]
STEPS = st.one_of(
    st.tuples(st.just("write"), st.sampled_from(NAMES), st.sampled_from("123")),
    st.tuples(st.just("remove"), st.sampled_from(NAMES)),
    st.tuples(st.just("chmod"), st.sampled_from(NAMES)),
    st.tuples(st.just("ignore"), st.lists(st.sampled_from(IGNORED), max_size=3)),
    st.tuples(
        st.just("git"),
        st.sampled_from(
            [
                ("add", "--all"),
                ("add", "--force", "."),
                ("add", "--intent-to-add", "."),
                ("commit", "--quiet", "--allow-empty", "--message", "c"),
                ("rm", "--cached", "--quiet", "-r", "dags"),
                ("update-index", "--assume-unchanged", "dags/a.py"),
                ("update-index", "--skip-worktree", "dags/sub/b.py"),
                ("reset", "--quiet", "--soft", "HEAD~1"),
                ("init", "--quiet", "dags/inner"),
            ]
        ),
    ),
)
SCOPES = st.sampled_from([[""], ["dags"], ["", "dags", ".gitattributes"], ["gen", "dags/sub"]])
WITH_IGNORED = st.sampled_from(
    [[], ["dags"], ["dags", "Dockerfile", "gen/d.py"], ["dags/gen"], [""]]
)


def take(repository: Repository, step: tuple[object, ...]) -> None:
    """Do something to the checkout; what is not possible is left out."""
    kind, *rest = step
    if kind == "git":
        arguments = [str(argument) for argument in rest[0]]  # type: ignore[attr-defined]
        subprocess.run(["git", *arguments], cwd=repository.root, capture_output=True, check=False)
        return
    if kind == "ignore":
        repository.write({".gitignore": "\n".join(rest[0])})  # type: ignore[arg-type]
        return
    path = repository.root / str(rest[0])
    if kind == "write":
        for above in (path, *path.parents):
            if above != repository.root and above.is_file():
                above.unlink()
        if path.is_dir():
            shutil.rmtree(path)
        repository.write({str(rest[0]): str(rest[1])})
    elif kind == "remove" and path.is_dir():
        shutil.rmtree(path)
    elif kind == "remove" and path.is_file():
        path.unlink()
    elif kind == "chmod" and path.is_file():
        path.chmod(0o755)


def slow(
    root: Path,
    scopes: Sequence[str],
    with_ignored: Sequence[str],
    counts: Callable[[str], bool],
    excludes: Callable[[str], bool],
) -> tuple[str, list[str], list[str]]:
    """The tree, its files and the clones beside them, from one list for each kind of file."""
    with tempfile.TemporaryDirectory() as scratch:
        index = Path(scratch) / "index"
        env = {**os.environ, "GIT_INDEX_FILE": str(index), "GIT_OPTIONAL_LOCKS": "0"}

        def git(*arguments: str, stdin: str = "") -> str:
            done = subprocess.run(
                ["git", "--literal-pathspecs", *arguments],
                cwd=root,
                env=env,
                input=os.fsencode(stdin),
                capture_output=True,
                check=True,
            )
            return os.fsdecode(done.stdout)

        def files(*flags: str, paths: Sequence[str]) -> list[str]:
            out = git("ls-files", "-z", *flags, "--", *(path or "." for path in paths))
            return [path for path in out.split("\0") if path]

        shutil.copy2(root / ".git" / "index", index)
        for line in files("-v", paths=scopes):
            if line[0] in "Sh":
                flag = {"S": "--no-skip-worktree", "h": "--no-assume-unchanged"}[line[0]]
                if line[0] == "h" or (root / line[2:]).exists():
                    git("update-index", flag, "-z", "--stdin", stdin=f"{line[2:]}\0")
        found = {*files("-m", "-d", "-o", "--exclude-standard", paths=scopes)}
        if with_ignored:
            others = files("-o", paths=with_ignored)
            found |= {path for path in others if counts(path.rstrip("/"))}
        clones = sorted(path[:-1] for path in found if path[-1] == "/" and not excludes(path[:-1]))
        shipped = sorted(path for path in found if path[-1] != "/" and not excludes(path))
        git(
            *("update-index", "--add", "--remove", "--replace", "-z", "--stdin"),
            stdin="".join(f"{path}\0" for path in shipped),
        )
        tree = git("write-tree", "--missing-ok").strip()
        named = [path for path in scopes if path] if "" not in scopes else []
        lines = git("ls-tree", "-r", "-z", "--full-tree", tree, "--", *named).split("\0")
    listed = (line.partition("\t") for line in lines if line)
    staged = [f"{meta.split(' ')[0]} {meta.split(' ')[2]} 0\t{path}" for meta, _, path in listed]
    return tree, staged, clones


@settings(max_examples=examples(15))
@example(
    steps=[("write", "dags/x.pyc", "1"), ("git", ("add", "--intent-to-add", "."))],
    scopes=[""],
    with_ignored=[],
    kept="",
)
@given(
    steps=st.lists(STEPS, max_size=8),
    scopes=SCOPES,
    with_ignored=WITH_IGNORED,
    kept=st.sampled_from(["", "dags", "gen"]),
)
def test_the_snapshot_is_what_the_slow_way_makes(
    steps: list[tuple[object, ...]], scopes: list[str], with_ignored: list[str], kept: str
) -> None:
    with_ignored = [path for path in with_ignored if any(is_under(path, scope) for scope in scopes)]
    with tempfile.TemporaryDirectory() as scratch:
        names = {name: name for name in NAMES[:4]}
        repository = Repository.create(Path(scratch).resolve() / "project", names)
        for step in steps:
            take(repository, step)
        root = repository.root
        excludes = leftover_matcher(lambda path: (root / path / VENV_MARKER).exists())

        def counts(path: str) -> bool:
            return path.startswith(kept)

        tree, files, clones = slow(root, scopes, with_ignored, counts, excludes)
        with GitRepo.open(root, os.environ).snapshot(
            scopes, with_ignored=with_ignored, counts_ignored=counts, excludes=excludes
        ) as snapshot:
            assert snapshot.tree == tree
            lines = snapshot.read(list)
            assert [line for line in lines if not line.startswith("160000 ")] == files
            inner = [line.partition("\t")[2] for line in lines if line.startswith("160000 ")]
            assert inner == clones
