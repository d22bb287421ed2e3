"""What ought to run, worked out from the design's rules alone, and what does run.

Independent of the code under test: files are read from the disk, git is asked only which of them
it ignores, and `.dockerignore` is matched by a simple matcher for the few patterns used here.
"""

from __future__ import annotations

import io
import os
import stat
import subprocess
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

LEFTOVERS = {"__pycache__", ".git", ".DS_Store", ".pytest_cache"}
IGNORED_AT_ROOT = ("*.md", "LICENSE*", "docs", "tests", ".github", ".gitlab-ci.yml", ".gitignore")
ALWAYS_IMAGE = ("Dockerfile", ".dockerignore")


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or a link: what git would keep of it."""

    kind: str
    content: bytes


Files = dict[str, Entry]
"""By path; bytes that are no UTF-8 as surrogate escapes."""


@dataclass(frozen=True, slots=True)
class Shipment:
    """Both sides of what a deploy of a checkout ships. Paths are relative to the project."""

    image: Files
    dags: Files
    """Relative to the DAGs directory."""
    kept_out: frozenset[str]
    """The DAGs that `.dockerignore` keeps out of an image that holds the DAGs."""


def shipment(
    root: Path, project: str = "", *, dags: str = "dags", image_paths: Sequence[str] = ()
) -> Shipment:
    """Read a checkout. `image_paths` are directories of the repository that shape the image."""
    base = root / project
    files = dict(_walk(base, ""))
    venvs = [path[: -len("pyvenv.cfg")] for path in files if path.endswith("/pyvenv.cfg")]
    ignores = _dockerignore(base)
    git_ignores = _git_ignored(root, [f"{project}/{path}".lstrip("/") for path in files])
    image: Files = {}
    shipped_dags: Files = {}
    for path, entry in files.items():
        if _is_leftover(path, venvs):
            continue
        if path.startswith(f"{dags}/"):
            shipped_dags[path.removeprefix(f"{dags}/")] = entry
        elif path in ALWAYS_IMAGE or not (
            f"{project}/{path}".lstrip("/") in git_ignores
            or any(_matches(path, pattern) for pattern in IGNORED_AT_ROOT)
            or ignores(path)
        ):
            image[path] = entry
    for directory in image_paths:
        shared = _walk(root / directory, "")
        image |= {f"/{directory}/{path}": entry for path, entry in shared}
    kept_out = frozenset(path for path in shipped_dags if ignores(f"{dags}/{path}"))
    return Shipment(image, shipped_dags, kept_out)


def read_disk(base: Path) -> Files:
    """Read everything below a directory, git's own files aside."""
    return dict(_walk(base, ""))


def read_tar(data: bytes) -> Files:
    """Read what an archive holds; directories are only on the way to files."""
    found: Files = {}
    with tarfile.open(fileobj=io.BytesIO(data), errors="surrogateescape") as archive:
        for member in archive:
            if member.issym():
                found[member.name] = Entry("link", os.fsencode(member.linkname))
            elif member.isreg():
                file = archive.extractfile(member)
                assert file is not None
                found[member.name] = Entry(_file_kind(member.mode), file.read())
            else:
                assert member.isdir(), member
    return found


def write_tar(files: Files) -> bytes:
    """Write an archive, as another tool might."""
    out = io.BytesIO()
    with tarfile.open(
        fileobj=out, mode="w", format=tarfile.GNU_FORMAT, errors="surrogateescape"
    ) as archive:
        for name, entry in sorted(files.items()):
            member = tarfile.TarInfo(name)
            if entry.kind == "link":
                member.type, member.linkname = tarfile.SYMTYPE, os.fsdecode(entry.content)
                archive.addfile(member)
            else:
                member.mode = 0o755 if entry.kind == "program" else 0o644
                member.size = len(entry.content)
                archive.addfile(member, io.BytesIO(entry.content))
    return out.getvalue()


def below(files: Files, directory: str) -> Files:
    """The files below a directory, relative to it."""
    prefix = f"{directory}/"
    return {
        path.removeprefix(prefix): entry for path, entry in files.items() if path.startswith(prefix)
    }


def _walk(base: Path, directory: str) -> Iterator[tuple[str, Entry]]:
    if not (base / directory).is_dir():
        return
    for entry in os.scandir(base / directory):
        path = f"{directory}/{entry.name}" if directory else entry.name
        if entry.name == ".git":
            continue
        status = entry.stat(follow_symlinks=False)
        if stat.S_ISLNK(status.st_mode):
            yield path, Entry("link", os.fsencode(os.readlink(entry.path)))  # noqa: PTH115
        elif stat.S_ISDIR(status.st_mode):
            yield from _walk(base, path)
        else:
            yield path, Entry(_file_kind(status.st_mode), Path(entry.path).read_bytes())


def _file_kind(mode: int) -> str:
    return "program" if mode & stat.S_IXUSR else "file"


def _is_leftover(path: str, venvs: Sequence[str]) -> bool:
    parts = path.split("/")
    return (
        not LEFTOVERS.isdisjoint(parts)
        or any(part.endswith((".pyc", ".pyo")) for part in parts)
        or any(path.startswith(venv) for venv in venvs)
    )


def _git_ignored(root: Path, paths: Sequence[str]) -> set[str]:
    inner = tuple(f"{git.parent.relative_to(root)}/" for git in root.glob("*/**/.git"))
    paths = [path for path in paths if not path.startswith(inner)]
    done = subprocess.run(
        ["git", "check-ignore", "-z", "--stdin"],
        cwd=root,
        input=b"".join(os.fsencode(path) + b"\0" for path in paths),
        capture_output=True,
    )
    assert done.returncode in (0, 1), done.stderr
    return {os.fsdecode(path) for path in done.stdout.split(b"\0") if path}


def _dockerignore(base: Path) -> Callable[[str], bool]:
    file = base / ".dockerignore"
    lines = file.read_text().splitlines() if file.is_file() else []

    def excludes(path: str) -> bool:
        excluded = False
        for line in lines:
            if line and not line.startswith("#") and _matches(path, line.removeprefix("!")):
                excluded = not line.startswith("!")
        return excluded

    return excludes


def _matches(path: str, pattern: str) -> bool:
    """Whether a pattern names a path or a directory above it; `**/` only at its start."""
    parts, wanted = path.split("/"), pattern.strip("/").split("/")
    if wanted[0] == "**":
        starts = range(len(parts))
        wanted = wanted[1:]
    else:
        starts = range(1)
    return any(
        len(parts) - start >= len(wanted)
        and all(fnmatchcase(p, w) for p, w in zip(parts[start:], wanted, strict=False))
        for start in starts
    )
