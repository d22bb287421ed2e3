"""Starting git through GitPython: in one directory, and nothing inherited that could mislead it."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from astro_ci.errors import GitError

if TYPE_CHECKING:
    import git as gitpython

_QUIET = (
    # No background work, no daemons, no surprises from the user's configuration.
    *("-c", "gc.auto=0", "-c", "maintenance.auto=false", "-c", "core.fsmonitor=false"),
    *("-c", "core.splitIndex=false", "-c", "core.untrackedCache=false"),
    *("-c", "log.showSignature=false"),
    # Names that other file systems could take for `.git` ship like any other.
    *("-c", "core.protectNTFS=false", "-c", "core.protectHFS=false"),
    "--literal-pathspecs",
)
SPACE_HINT = "Free some space there, or let TMPDIR name a directory with more of it."
_NO_SPACE = re.compile("no space left|out of disk ?space|disk quota", re.IGNORECASE)
_ENVIRONMENT = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}


class Git:
    """A work tree that git commands run in.

    The directory is trusted whoever owns it: in a container job the checkout belongs to another
    user, and the user named it to us. Nothing else is trusted.
    """

    def __init__(self, root: Path, repo: gitpython.Repo, env: Mapping[str, str]) -> None:
        self.root = root
        self.env = env
        """For every command, and never shown: it may hold credentials."""
        self._repo = repo
        # A checkout made elsewhere may say otherwise than the file system that it is mounted on.
        is_case_blind = (root / ".GIT").exists()
        self._flags = _QUIET if is_case_blind else ("-c", "core.ignoreCase=false", *_QUIET)

    def code(self, *arguments: str) -> int:
        """Run git for its exit code."""
        return self.run(*arguments)[0]

    def out(
        self, *arguments: str, env: Mapping[str, str] | None = None, stdin: bytes | None = None
    ) -> str:
        """Run git for its output. Raises GitError when it fails."""
        code, out, err = self.run(*arguments, env=env, stdin=stdin)
        if code != 0:
            raise GitError(
                f"git {arguments[0]} failed in {self.root} with exit code {code}: {_end_of(err)}",
                hint=SPACE_HINT
                if _NO_SPACE.search(err)
                else "Run the same git command in the checkout to see why.",
            )
        return out

    def run(
        self,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
        timeout_seconds: float | None = None,
    ) -> tuple[int, str, str]:
        """Run git: exit code, stdout with surrogate escapes for odd bytes, stderr."""
        command = ["git", "-c", f"safe.directory={self.root}", *self._flags, *arguments]
        with _as_file(stdin) as istream, git_present():
            code, out, err = self._repo.git.execute(
                command,
                istream=istream,
                with_extended_output=True,
                with_exceptions=False,
                stdout_as_string=False,
                strip_newline_in_stdout=False,
                kill_after_timeout=timeout_seconds,
                env={**_ENVIRONMENT, **self.env, **(env or {})},
            )
        return int(code), os.fsdecode(out), os.fsdecode(err)


@contextlib.contextmanager
def git_present() -> Iterator[None]:
    """Say it in our words when the git binary is missing."""
    try:
        yield
    except ImportError as error:  # GitPython looks for the binary when it is imported
        raise GitError("git is not installed", hint="Install git in the job's image.") from error


@contextlib.contextmanager
def _as_file(content: bytes | None) -> Iterator[int | None]:
    """Standard input as a file: GitPython fills no pipe."""
    if content is None:
        yield None
        return
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        yield file.fileno()


def _end_of(text: str) -> str:
    return next(
        (line for line in reversed(text.splitlines()) if line.strip()), "no message"
    ).strip()
