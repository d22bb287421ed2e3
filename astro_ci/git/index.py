"""Use a private index and object store, so that git leaves the checkout's repository unchanged.

The private index starts as a copy of the repository's index, and the object store has the
repository's objects as alternates. With the copy, git still reads only files whose stat changed.
The repository's own index is never locked.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from astro_ci.errors import SPACE_HINT, GitError
from astro_ci.git.places import Places
from astro_ci.git.process import Git

_AS_DIRECTORIES = ("--directory", "--no-empty-directory")
_SMALL_BYTES = 1 << 19
GITLINK = "160000 "
"""The mode at the start of a submodule's line."""


_DEBUG = (
    r"([^\0]+)\0  ctime: (\d+):(\d+)\n  mtime: (\d+):(\d+)\n"
    r"  dev: \d+\tino: (\d+)\n  uid: \d+\tgid: \d+\n  size: (\d+)\tflags: [0-9a-f]+\n"
)
"""The output of `git ls-files -z --debug` about one file. Each number has 32 bits."""


class Staged(Struct, frozen=True, kw_only=True):
    """The entries of the index."""

    lines: Sequence[str]
    """`mode object 0<TAB>path`, sorted by the bytes of the paths."""
    flagged: Sequence[str]
    """Lines, with their tags, of files that are assume-unchanged, skip-worktree or unmerged."""
    inner: Sequence[str]
    """The paths of submodules."""


class ScratchIndex:
    """Lists the work tree's files and writes them as a tree, in the caller's scratch directory."""

    def __init__(self, git: Git, places: Places, scratch: Path) -> None:
        self._git = git
        self._path = scratch / "index"
        self._real = places.index
        (scratch / "objects" / "info").mkdir(parents=True)
        # In a file, because the variable for alternates splits paths at a colon.
        (scratch / "objects" / "info" / "alternates").write_bytes(_alternate(places.objects))
        self._environment = {
            "GIT_INDEX_FILE": str(self._path),
            "GIT_OBJECT_DIRECTORY": str(scratch / "objects"),
        }

    def copy(self) -> None:
        """Copy the repository's index. Raises GitError when the index cannot be read."""
        if not self._real.exists():
            # A nested repository may have no commit yet.
            is_born = self._git.code("rev-parse", "--verify", "--quiet", "HEAD^{tree}") == 0
            self._out("read-tree", "HEAD" if is_born else "--empty")
            return
        try:
            # Keeps the times, by which git knows which entries are too recent to trust.
            shutil.copy2(self._real, self._path)
        except OSError as error:
            raise GitError(
                f"{self._real} could not be copied to {self._path.parent}: {error.strerror}",
                hint=SPACE_HINT
                if error.errno == errno.ENOSPC
                else "Check the permissions of both paths.",
            ) from error

    # --- lists ------------------------------------------------------------------------------

    @property
    def is_small(self) -> bool:
        """Whether one git process is quicker than several in parallel."""
        return self._path.stat().st_size < _SMALL_BYTES

    def all(self, paths: Sequence[str]) -> tuple[Staged, list[str], list[str]]:
        """Return the results of `staged`, `changed` and `others`, from one git process."""
        kinds = ("--cached", "--modified", "--deleted", "--others", *_AS_DIRECTORIES)
        found = self.names(*kinds, "--stage", "-v", paths=paths)
        changed = [line.partition("\t")[2] for line in found if line[0] in "CRcr"]
        others = [line[2:] for line in found if line[0] == "?"]
        return self._staged([line for line in found if line[0] not in "CRcr?"]), changed, others

    def staged(self, paths: Sequence[str]) -> Staged:
        """List the index's files below some directories."""
        return self._staged(self.names("--stage", "-v", paths=paths))

    @staticmethod
    def _staged(tagged: Sequence[str]) -> Staged:
        return Staged(
            lines=[line[2:] for line in tagged],
            flagged=[line for line in tagged if line[0] != "H"],
            inner=[line.partition("\t")[2] for line in tagged if line.startswith(GITLINK, 2)],
        )

    def changed(self, paths: Sequence[str]) -> list[str]:
        """List the files that differ from the index, in parallel, which ls-files cannot do."""
        flags = ("-z", "--name-only", "--no-renames", "--ignore-submodules=dirty")
        out = self._out("diff-files", *flags, "--", *_pathspecs(paths))
        return [path for path in out.split("\0") if path]

    def others(self, paths: Sequence[str]) -> list[str]:
        """List the files outside the index, ignored or not.

        A directory with only such files is one name.
        """
        return self.names("--others", *_AS_DIRECTORIES, paths=paths)

    def names(self, *flags: str, paths: Sequence[str]) -> list[str]:
        """List the names that `git ls-files` prints with these flags."""
        out = self._out("ls-files", "-z", *flags, "--", *_pathspecs(paths))
        return [path for path in out.split("\0") if path]

    def untouched(self, paths: Sequence[str]) -> set[str]:
        """Return the files whose times and sizes are those that git recorded."""
        if not paths:
            return set()
        # git ls-files reads no paths from standard input; these paths are few.
        out = self._out("ls-files", "-z", "--debug", "--", *paths)
        return {
            match[1]
            for match in re.finditer(_DEBUG, out)
            if _is_untouched(self._git.root / match[1], [int(n) for n in match.groups()[1:]])
        }

    # --- changes ----------------------------------------------------------------------------

    def clear_flags(self, flagged: Sequence[str]) -> list[str]:
        """Clear the flags assume-unchanged and skip-worktree; return the files that are absent.

        `flagged` are lines with their tags.
        """
        listed = [(line[0], line.partition("\t")[2]) for line in flagged]
        skipped = [path for tag, path in listed if tag in "Ss"]
        absent = [path for path in skipped if not os.path.lexists(self._git.root / path)]
        present = [path for path in skipped if path not in set(absent)]
        assumed = [path for tag, path in listed if tag.islower()]
        self._update("--no-skip-worktree", paths=present)
        self._update("--no-assume-unchanged", paths=assumed)
        return absent

    def add(self, paths: Sequence[str]) -> None:
        """Update the entries of files from the work tree; remove the entries of missing files."""
        self._update("--add", "--remove", "--replace", paths=paths)

    def remove(self, paths: Sequence[str]) -> None:
        """Remove files from the index, whatever the work tree holds."""
        self._update("--force-remove", "--remove", "--replace", paths=paths)

    # --- trees ------------------------------------------------------------------------------

    def write_tree(self) -> str:
        """Write the index as a tree, and return its object id."""
        return self._out("write-tree", "--missing-ok").strip()

    def list_tree(self, tree: str, paths: Sequence[str]) -> list[str]:
        """List the files of a tree in the format of `staged`."""
        return list_tree(self._git, tree, paths, env=self._environment)

    def compare(self, base: str, tree: str) -> str:
        """Compare a commit with a tree; return status letters and paths in turn, ended by NUL."""
        # By default git leaves out a submodule that .gitmodules marks as ignored.
        flags = ("-r", "-z", "--name-status", "--no-renames", "--ignore-submodules=none")
        return self._out("diff-tree", *flags, base, tree)

    # --- git --------------------------------------------------------------------------------

    def _update(self, *flags: str, paths: Sequence[str]) -> None:
        if paths:
            listing = os.fsencode("".join(f"{path}\0" for path in paths))
            self._out("update-index", *flags, "-z", "--stdin", stdin=listing)

    def _out(self, *arguments: str, stdin: bytes | None = None) -> str:
        return self._git.out(*arguments, env=self._environment, stdin=stdin)


def list_tree(
    git: Git, tree: str, paths: Sequence[str], *, env: Mapping[str, str] | None = None
) -> list[str]:
    """List the files of a tree or commit below some directories; an empty path is the root.

    A line is `mode object 0<TAB>path`, as for an index. Raises GitError.
    """
    names = [] if "" in paths else list(paths)
    out = git.out("ls-tree", "-r", "-z", "--full-tree", tree, "--", *names, env=env)
    lines = []
    for line in filter(None, out.split("\0")):
        meta, _, path = line.partition("\t")
        mode, _, object_id = meta.split(" ", 2)
        lines.append(f"{mode} {object_id} 0\t{path}")
    return lines


def _is_untouched(file: Path, recorded: list[int]) -> bool:
    try:
        now = file.lstat()
    except OSError:
        return False
    times = (*divmod(now.st_ctime_ns, 10**9), *divmod(now.st_mtime_ns, 10**9))
    return [number % (1 << 32) for number in (*times, now.st_ino, now.st_size)] == recorded


def _alternate(objects: Path) -> bytes:
    """Return the line that names another object store, in git's quoting."""
    path = os.fsencode(objects)
    for character, escaped in ((b"\\", b"\\\\"), (b'"', b'\\"'), (b"\n", b"\\n")):
        path = path.replace(character, escaped)
    return b'"' + path + b'"\n'


def _pathspecs(paths: Sequence[str]) -> list[str]:
    # git compares every file with each pathspec, and the root includes all others.
    return ["."] if "" in paths else list(paths)
