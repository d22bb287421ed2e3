"""Starting git: in one directory, and with nothing inherited that could mislead it.

By `subprocess` alone, as all that we ask of git is plumbing, and GitPython takes longer to load
than git takes to answer.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from astro_ci.errors import SPACE_HINT, GitError

_QUIET = (
    # No background work, no daemons, no surprises from the user's configuration.
    *("-c", "gc.auto=0", "-c", "maintenance.auto=false", "-c", "core.fsmonitor=false"),
    *("-c", "core.splitIndex=false", "-c", "core.untrackedCache=false"),
    *("-c", "log.showSignature=false"),
    # Names that other file systems could take for `.git` ship like any other.
    *("-c", "core.protectNTFS=false", "-c", "core.protectHFS=false"),
    "--literal-pathspecs",
    "--no-replace-objects",
)
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
_PATIENCE_SECONDS = 0.2
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
        self._is_stopped = False

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

        A git that outlives its time, or `stop`, is ended, and its exit code is `KILLED`. Raises
        GitError when git cannot be started.
        """
        over = time.monotonic() + timeout_seconds if timeout_seconds else math.inf
        variables = {**_ENVIRONMENT, **self.env, **(env or {})}
        with _as_file(stdin) as file, self._started(arguments, variables, file) as process:
            while not self._is_stopped and time.monotonic() < over:
                # Again and again, as what git started may hold the pipes when git itself is gone.
                with contextlib.suppress(subprocess.TimeoutExpired):
                    out, err = process.communicate(timeout=_PATIENCE_SECONDS)
                    return process.returncode, os.fsdecode(out), os.fsdecode(err)
            return KILLED, "", "git was stopped, or took too long"

    def stop(self) -> None:
        """End what other threads run, soon, and let nothing more begin."""
        self._is_stopped = True

    @contextlib.contextmanager
    def _started(
        self, arguments: tuple[str, ...], env: Mapping[str, str], stdin: int
    ) -> Iterator[subprocess.Popen[bytes]]:
        """A git that has ended when the context has, whatever ended that."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name not in _MISLEADING and not name.startswith("GIT_TRACE")  # maybe to stdout
        }
        try:
            process = subprocess.Popen(
                ["git", "-c", f"safe.directory={self.root}", *self._flags, *arguments],
                cwd=self.root,
                env={**inherited, **env},
                stdin=stdin,
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
        try:
            yield process
        finally:
            _stop(process)
            for pipe in filter(None, (process.stdout, process.stderr)):
                pipe.close()


@contextlib.contextmanager
def _as_file(content: bytes | None) -> Iterator[int]:
    """Standard input as a file: a pipe would have to be filled while the others are emptied."""
    if content is None:
        yield subprocess.DEVNULL
        return
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        yield file.fileno()


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
