"""Start git in one directory, safe from misleading settings and from programs of the checkout.

This module uses `subprocess`, because the project needs only plumbing commands here, and importing
GitPython takes longer than git takes to answer.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from astro_ci.errors import SPACE_HINT, GitError
from astro_ci.git.settings import (
    LIST_SETTINGS,
    Setting,
    header_settings,
    parse_settings,
    with_settings,
)
from astro_ci.git.untrusted import OFF_FLAGS, Closed, close, environment

_QUIET = (
    # These settings of the user would change how the index is written.
    *("-c", "core.splitIndex=false", "-c", "core.untrackedCache=false"),
    # Files whose names other file systems could take for `.git` ship like other files.
    *("-c", "core.protectNTFS=false", "-c", "core.protectHFS=false"),
    "--literal-pathspecs",
    "--no-replace-objects",
)
_NO_SPACE = "no space left|out of disk ?space|disk quota"
_MISLEADING = (
    # git sets these variables for its hooks; they would select another repository.
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"),
    *("GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_PREFIX", "GIT_NAMESPACE"),
    # All git commands must use the configuration that `untrusted` has examined.
    *("GIT_CONFIG", "GIT_CONFIG_PARAMETERS", "GIT_ATTR_SOURCE"),
    # Paths are literal names, not patterns.
    *("GIT_ICASE_PATHSPECS", "GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS"),
)
_ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    # English messages, because astro-ci searches the messages of git.
    "LANGUAGE": "C",
    "LC_ALL": "C",
}
_PROBE = "astro-ci.environment"
"""A setting without effect, to test whether git reads settings from the environment."""
_PATIENCE_SECONDS = 0.2
_GRACE_SECONDS = 2
_ANSWER_SECONDS = 60
KILLED = -9


class Git:
    """A work tree in which git commands run.

    git accepts the directory whoever owns it, because in a container job the checkout belongs to
    another user. Programs that the checkout names are not trusted; see `untrusted`.
    """

    def __init__(self, root: Path, env: Mapping[str, str], *, checkout: Path | None = None) -> None:
        """Take `root`; `checkout` is the outermost work tree when `root` is nested in another."""
        self.root = root
        self.env = env
        self.checkout = checkout or root
        self.access: Mapping[str, str] = {}
        # A checkout made on another machine may record another case sensitivity than this file
        # system has.
        is_case_blind = (root / ".GIT").exists()
        case = () if is_case_blind else ("-c", "core.ignoreCase=false")
        self._flags = ("-c", f"safe.directory={root}", *OFF_FLAGS, *case, *_QUIET)
        self._is_stopped = False

    def with_access(self, access: Mapping[str, str]) -> Git:
        """Return a copy that adds variables for the access to a remote; they are never printed."""
        found = Git(self.root, self.env, checkout=self.checkout)
        found.access = access
        found.settings = self.settings
        return found

    @cached_property
    def settings(self) -> Sequence[Setting]:
        """The repository's configuration. Raises GitError when git cannot list it."""
        probed = with_settings(self._inherited, [(_PROBE, "")])
        code, out, err = self._run(LIST_SETTINGS, probed, timeout_seconds=_ANSWER_SECONDS)
        if code != 0:
            raise self._error(LIST_SETTINGS[0], code, err)
        found = parse_settings(out)
        if all(setting.key != _PROBE for setting in found):
            raise GitError(
                "git is too old: it reads no settings from the environment",
                hint="Install git 2.31 or later in the job's image.",
            )
        return [setting for setting in found if setting.key != _PROBE]

    @cached_property
    def closed(self) -> Closed:
        """Return the settings that stop the programs of the configuration. Raises GitError."""
        return close(self.settings, self.checkout, self.env)

    def code(self, *arguments: str) -> int:
        """Run git and return its exit code."""
        return self.run(*arguments)[0]

    def out(
        self, *arguments: str, env: Mapping[str, str] | None = None, stdin: bytes | None = None
    ) -> str:
        """Run git and return its standard output. Raises GitError when git fails."""
        code, out, err = self.run(*arguments, env=env, stdin=stdin)
        if code != 0:
            raise self._error(arguments[0], code, err)
        return out

    def run(
        self,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
        timeout_seconds: float | None = None,
    ) -> tuple[int, str, str]:
        """Run git; return exit code, stdout and stderr.

        Bytes of stdout that are not UTF-8 become surrogate escapes. At the time limit, or on
        `stop`, git is killed and the exit code is `KILLED`. Raises GitError when git cannot be
        started, or cannot list its configuration.
        """
        return self._run(
            arguments,
            {**self._hardened, **(env or {})},
            stdin=stdin,
            timeout_seconds=timeout_seconds,
        )

    def look(self, *arguments: str) -> tuple[int, str, str]:
        """Run a git command that reads no file of the checkout, before `settings` are known."""
        return self._run(arguments, self._inherited)

    def _run(
        self,
        arguments: Sequence[str],
        env: Mapping[str, str],
        *,
        stdin: bytes | None = None,
        timeout_seconds: float | None = None,
    ) -> tuple[int, str, str]:
        over = time.monotonic() + timeout_seconds if timeout_seconds else math.inf
        with _as_file(stdin) as file, self._started(arguments, env, file) as process:
            while not self._is_stopped and time.monotonic() < over:
                # Repeated, because children of git may hold the pipes after git has ended.
                with contextlib.suppress(subprocess.TimeoutExpired):
                    out, err = process.communicate(timeout=_PATIENCE_SECONDS)
                    return process.returncode, os.fsdecode(out), os.fsdecode(err)
            return KILLED, "", "git was stopped, or took too long"

    def stop(self) -> None:
        """Kill the git processes of other threads, and start no more."""
        self._is_stopped = True

    @cached_property
    def _inherited(self) -> Mapping[str, str]:
        """Return the environment that git inherits."""
        kept = {
            name: value
            for name, value in self.env.items()
            if name not in _MISLEADING and not name.startswith("GIT_TRACE")  # may write to stdout
        }
        return {**environment(kept, self.checkout), **self.access, **_ENVIRONMENT}

    @cached_property
    def _hardened(self) -> Mapping[str, str]:
        """Return the environment for git, with the settings that stop configured programs."""
        headers = header_settings(self.settings, with_header=not self.access)
        closing = (*headers, *self.closed.settings)
        return {**with_settings(self._inherited, closing), **self.closed.variables}

    def _error(self, command: str, code: int, err: str) -> GitError:
        return GitError(
            f"git {command} failed in {self.root} with exit code {code}: {_end_of(err)}",
            hint=SPACE_HINT
            if re.search(_NO_SPACE, err, re.IGNORECASE)
            else "Run the same git command in the checkout to see why.",
        )

    @contextlib.contextmanager
    def _started(
        self, arguments: Sequence[str], env: Mapping[str, str], stdin: int
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Start git, and stop it when the context ends."""
        try:
            process = subprocess.Popen(
                ["git", *self._flags, *arguments],
                cwd=self.root,
                env=env,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except FileNotFoundError as error:
            if not self.root.is_dir():
                message = f"the directory {self.root} no longer exists"
                raise GitError(message, hint="Check the repository out again.") from error
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
    """Give standard input as a file, as a pipe would need writing while the output is read."""
    if content is None:
        yield subprocess.DEVNULL
        return
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        yield file.fileno()


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Terminate git and its children, then kill them; do nothing when git has ended."""
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
