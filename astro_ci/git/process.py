"""Starting git: in one directory, and with nothing inherited that could mislead it.

By `subprocess` alone, as all that we ask of git is plumbing, and GitPython takes longer to load
than git takes to answer.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from astro_ci.errors import GitError

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
_MISLEADING = (
    # What git sets for its hooks would point every command at the wrong repository.
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"),
    *("GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_PREFIX"),
    # Paths are names, and nothing else.
    *("GIT_ICASE_PATHSPECS", "GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS"),
)
_ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    # Messages in the language that we look for them in.
    "LANGUAGE": "C",
    "LC_ALL": "C",
}
_GRACE_SECONDS = 2
KILLED = -9


class Git:
    """A work tree that git commands run in.

    The directory is trusted whoever owns it: in a container job the checkout belongs to another
    user, and the user named it to us. Nothing else is trusted.
    """

    def __init__(self, root: Path, env: Mapping[str, str]) -> None:
        self.root = root
        self.env = env
        """For every command, and never shown: it may hold credentials."""
        # A checkout made elsewhere may say otherwise than the file system that it is mounted on.
        is_case_blind = (root / ".GIT").exists()
        self._flags = _QUIET if is_case_blind else ("-c", "core.ignoreCase=false", *_QUIET)
        self._running: set[subprocess.Popen[bytes]] = set()

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
        """Run git: exit code, stdout with surrogate escapes for odd bytes, stderr.

        A git that outlives its time is ended, and its exit code is `KILLED`. Raises GitError when
        git cannot be started.
        """
        with self._started(arguments, {**_ENVIRONMENT, **self.env, **(env or {})}) as process:
            try:
                out, err = process.communicate(stdin or b"", timeout=timeout_seconds)
            except subprocess.TimeoutExpired:
                return KILLED, "", f"no answer within {timeout_seconds:g} s"
            return process.returncode, os.fsdecode(out), os.fsdecode(err)

    def stop(self) -> None:
        """End what other threads run."""
        for process in tuple(self._running):
            _stop(process)

    @contextlib.contextmanager
    def _started(
        self, arguments: tuple[str, ...], env: Mapping[str, str]
    ) -> Iterator[subprocess.Popen[bytes]]:
        """A git that has ended when the context has, whatever ended that."""
        inherited = {name: value for name, value in os.environ.items() if name not in _MISLEADING}
        try:
            process = subprocess.Popen(
                ["git", "-c", f"safe.directory={self.root}", *self._flags, *arguments],
                cwd=self.root,
                env={**inherited, **env},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except FileNotFoundError as error:
            if not self.root.is_dir():
                raise GitError(f"{self.root} is gone", hint="Check it out again.") from error
            hint = "Install git in the job's image."
            raise GitError("git is not installed", hint=hint) from error
        except OSError as error:
            raise GitError(
                f"git could not be started in {self.root}: {error.strerror}",
                hint="Run `git status` in the checkout to see why.",
            ) from error
        self._running.add(process)
        try:
            yield process
        finally:
            _stop(process)
            self._running.discard(process)
            for pipe in (process.stdin, process.stdout, process.stderr):
                with contextlib.suppress(OSError):
                    if pipe:
                        pipe.close()


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask a git to end, which ends what it started, then insist; nothing if it has ended."""
    for end in (process.terminate, process.kill):
        if process.poll() is not None:
            return
        end()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_SECONDS)


def _end_of(text: str) -> str:
    return next(
        (line for line in reversed(text.splitlines()) if line.strip()), "no message"
    ).strip()
