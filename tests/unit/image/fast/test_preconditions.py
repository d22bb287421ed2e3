"""Each precondition: the case in which it holds, and the reason when it does not."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from astro_ci.image.fast.preconditions import (
    Build,
    Entry,
    Sources,
    build_reasons,
    entry_reasons,
    listed_reasons,
    source_reasons,
)
from astro_ci.model import Change, Part, Status
from astro_ci.planning.marker import NO_DIGEST
from astro_ci.planning.running import Running

COMMIT = "a" * 40
BASE = "quay.io/astronomer/astro-runtime:13.1.0"
RUNNING = Running(deploy_id="cl9", commit=COMMIT, digest="1" * 16, is_built=True)


def changed(path: str, *parts: Part) -> Change:
    return Change(
        path=path, status=Status.MODIFIED, parts=frozenset(parts or (Part.IMAGE,)), because="x"
    )


GOOD = Sources(
    running=RUNNING,
    is_commit_here=True,
    is_base=True,
    changes=[changed("etl/include/a.sql"), changed("etl/plugins/b.py")],
    project="etl",
    build_files=("Dockerfile", "Dockerfile.dockerignore", ".dockerignore"),
    build_links=("shared/Dockerfile",),
    dockerfile=f"FROM {BASE}\n",
    base=BASE,
    has_same_inputs=True,
)


def test_what_is_fine_has_no_reason() -> None:
    assert list(source_reasons(GOOD)) == []
    assert list(source_reasons(replace(GOOD, changes=[]))) == []
    prebuilt = replace(RUNNING, is_built=False)
    assert list(source_reasons(replace(GOOD, running=prebuilt))) == [], "its labels tell more"
    elsewhere = [changed("etl/requirements.txt", Part.DAGS), changed("etl/sub/requirements.txt")]
    assert list(source_reasons(replace(GOOD, changes=elsewhere))) == []


def running(**changes: object) -> dict[str, object]:
    return {"running": replace(RUNNING, **changes)}


SOURCES: dict[str, tuple[dict[str, object], str]] = {
    "nothing runs": (
        running(deploy_id=None, digest=None, unknown="nothing has been deployed yet"),
        "nothing has been deployed yet",
    ),
    "what runs is not known": (running(deploy_id=None), "what runs is not known"),
    "another client's": (running(digest=None), "was not built by astro-ci (deploy cl9)"),
    "of another repository": (
        running(digest=None, unknown="deploy cl9 came from another repository (x)"),
        "came from another repository",
    ),
    "prebuilt": (running(is_built=False, commit=None), "was not built by astro-ci"),
    "files changed during the deploy": (
        running(digest=NO_DIGEST),
        "files changed during deploy cl9",
    ),
    "dirty": (running(commit=None), "was built with uncommitted changes"),
    "the commit is missing": ({"is_commit_here": False}, "aaaaaaa, is not in this clone"),
    "another base": ({"is_base": False}, "not compared with the running versions (--base)"),
    "unknown changes": ({"changes": None}, "the changes since aaaaaaa are not known"),
    "Dockerfile": (
        {"changes": [changed("etl/Dockerfile")]},
        "etl/Dockerfile changed, which shapes",
    ),
    ".dockerignore": ({"changes": [changed("etl/.dockerignore")]}, "etl/.dockerignore changed"),
    "its own ignore file": (
        {"changes": [changed("etl/Dockerfile.dockerignore")]},
        "etl/Dockerfile.dockerignore changed, which shapes the image",
    ),
    "what a link leads to": (
        {"changes": [changed("shared/Dockerfile")]},
        "shared/Dockerfile changed",
    ),
    "requirements": (
        {"changes": [changed("etl/requirements.txt")]},
        "etl/requirements.txt changed, whose packages the image installs",
    ),
    "packages": ({"changes": [changed("etl/packages.txt")]}, "etl/packages.txt changed, whose"),
    "outside": (
        {"changes": [changed("libs/x.py")]},
        "libs/x.py changed, which is outside the project",
    ),
    "build arguments": ({"has_same_inputs": False}, "the build arguments or the options"),
    "files that git cannot list": ({"has_same_inputs": None}, "could not be listed"),
    "no Dockerfile": ({"dockerfile": None}, "has no Dockerfile"),
    "more than metadata": ({"dockerfile": f"FROM {BASE}\nRUN x\n"}, "more than set metadata"),
    "a base without triggers": ({"base": f"{BASE}-base"}, "have no ONBUILD COPY"),
}


@pytest.mark.parametrize(("changes", "reason"), SOURCES.values(), ids=SOURCES)
def test_a_reason_of_the_sources(changes: dict[str, object], reason: str) -> None:
    (found,) = source_reasons(replace(GOOD, **changes))
    assert reason in found


def test_every_reason_is_told() -> None:
    many = replace(
        GOOD,
        changes=[changed("etl/Dockerfile"), changed("etl/packages.txt")],
        dockerfile="FROM x\nRUN y\n",
        has_same_inputs=False,
    )
    assert len(list(source_reasons(many))) == 3, "that the inputs differ follows from the first"


FILE, DIRECTORY = stat.S_IFREG | 0o644, stat.S_IFDIR | 0o755
LINK = stat.S_IFLNK | 0o777
TOP = {"include": "directory", "a": "file", "l": "link"}
ENTRIES: dict[str, tuple[Entry, str]] = {
    "a pipe": (Entry(path="include/p", mode=stat.S_IFIFO | 0o644), "include/p is neither a file"),
    "a socket": (Entry(path="s", mode=stat.S_IFSOCK | 0o644), "s is neither a file"),
    "a device": (Entry(path="d", mode=stat.S_IFCHR | 0o644), "d is neither a file"),
    "setuid": (Entry(path="include/x", mode=FILE | 0o4000), "special permissions (4644)"),
    "setgid": (Entry(path="include", mode=DIRECTORY | 0o2000), "special permissions (2755)"),
    "sticky": (Entry(path="include", mode=DIRECTORY | 0o1000), "special permissions (1755)"),
    "a whiteout": (Entry(path="include/.wh.x", mode=FILE), "means a deletion"),
    "a directory at the top": (Entry(path="new", mode=DIRECTORY), "the directory new is new"),
    "a link at the top": (Entry(path="new", mode=LINK), "the link new is new"),
    "a file that became a directory": (Entry(path="a", mode=DIRECTORY), "the directory a is new"),
    "a directory that became a link": (Entry(path="include", mode=LINK), "the link include is new"),
}


@pytest.mark.parametrize(("entry", "reason"), ENTRIES.values(), ids=ENTRIES)
def test_a_reason_of_the_checkout(entry: Entry, reason: str) -> None:
    (found,) = entry_reasons([entry], TOP, {}, [])
    assert reason in found


def test_an_ordinary_checkout() -> None:
    entries = [
        Entry(path="a", mode=FILE | 0o111),
        Entry(path="new-file", mode=FILE),
        Entry(path="l", mode=LINK),
        Entry(path="include", mode=DIRECTORY),
        Entry(path="include/new", mode=DIRECTORY),
        Entry(path="include/new/link", mode=LINK),
    ]
    assert list(entry_reasons(entries, TOP, {"a": 0o644}, [])) == []


def test_permissions_count_when_no_file_has_those_that_it_had() -> None:
    entries = [Entry(path="a", mode=FILE), Entry(path="b", mode=FILE)]
    modes = {"a": 0o664, "b": 0o664, "gone": 0o644}
    (found,) = entry_reasons(entries, TOP, modes, ["a", "b", "gone"])
    assert found == (
        "no file has the permissions that it has in the running image, such as a: 644 instead of "
        "664"
    )
    assert not list(entry_reasons(entries, TOP, modes | {"b": 0o644}, ["a", "b"])), "one does"
    assert not list(entry_reasons(entries, TOP, modes, [])), "all of them changed"


PINNED = f"{BASE}@sha256:1"
NOW = datetime(2026, 11, 26, tzinfo=UTC)
BUILT = Build(
    built_at=NOW - timedelta(days=3),
    now=NOW,
    most_age=timedelta(days=7),
    commit=COMMIT,
    recorded_commit=COMMIT,
    base=BASE,
    recorded_base="sha256:1",
    current_base="sha256:1",
    recorded_triggers="usual",
    recorded_secrets="",
    current_secrets="",
)
BUILDS: dict[str, tuple[dict[str, object], str]] = {
    "another image": (
        {"recorded_commit": "b" * 40},
        "an image of another commit than aaaaaaa, from which it was deployed",
    ),
    "no label": ({"recorded_commit": ""}, "an image of another commit"),
    "no date": ({"built_at": None}, "does not say when it was built"),
    "too old": (
        {"most_age": timedelta(days=2, hours=12)},
        "the last build was 3 d ago, longer than --fast-max-age (2 d 12 h)",
    ),
    "hours": ({"most_age": timedelta(hours=1)}, "(1 h 0 min)"),
    "not recorded": ({"recorded_base": ""}, "the next build with --fast records it"),
    "not recorded of a digest": ({"base": PINNED, "recorded_base": ""}, "did not record"),
    "recorded by the build of the base image": (
        {"base": PINNED, "recorded_base": "sha256:2"},
        f"the last build did not record the digest of {PINNED}",
    ),
    "no answer": ({"current_base": ""}, "the registry did not tell whether"),
    "moved": ({"current_base": "sha256:2"}, f"the base image {BASE} has moved"),
    "no triggers recorded": (
        {"recorded_triggers": ""},
        f"did not record the triggers of {BASE}; the next build with --fast",
    ),
    "another trigger": (
        {"recorded_triggers": "COPY pyproject.toml ."},
        f"{BASE} has an unusual trigger, which may read any file: ONBUILD COPY pyproject.toml .",
    ),
    "other secrets": ({"current_secrets": "12"}, "the build secrets differ"),
    "prebuilt elsewhere": ({"is_prebuilt": True}, "does not come from `astro-ci build`"),
    "prebuilt with other arguments": (
        {"is_prebuilt": True, "recorded_inputs": "12", "current_inputs": "34"},
        "built with other build arguments or options",
    ),
    "prebuilt on an image of a project": (
        {"is_prebuilt": True, "recorded_inputs": "1", "current_inputs": "1", "code_steps": 2},
        "built on another image of a project",
    ),
    "no secrets any more": ({"recorded_secrets": "12"}, "the build secrets differ"),
}


def test_a_build_that_still_counts() -> None:
    assert list(build_reasons(BUILT)) == []
    prebuilt = replace(BUILT, is_prebuilt=True, recorded_inputs="12", current_inputs="12")
    assert list(build_reasons(prebuilt)) == []
    assert list(build_reasons(replace(BUILT, base=PINNED))) == [], "a digest cannot move"


@pytest.mark.parametrize(("changes", "reason"), BUILDS.values(), ids=BUILDS)
def test_a_reason_for_another_build(changes: dict[str, object], reason: str) -> None:
    (found,) = build_reasons(replace(BUILT, **changes))
    assert reason in found


def test_many_reasons_are_counted() -> None:
    assert listed_reasons(["a", "b"]) == "a; b"
    assert listed_reasons([str(n) for n in range(8)]) == "0; 1; 2; 3; 4; and 3 more"
