"""Ask the remote of a clone, and fetch from it."""

from __future__ import annotations

import logging
import os
from functools import cached_property

from astro_ci.git.process import Git
from astro_ci.git.settings import remote_urls

log = logging.getLogger(__name__)

FETCH_TIMEOUT_SECONDS = 300
ANSWER_TIMEOUT_SECONDS = 30


class Remote:
    """`origin`, else the only remote. Without a remote, every method gives an empty result."""

    def __init__(self, git: Git, with_access: Git | None = None) -> None:
        """Take `with_access`, for a remote that refuses the credentials in the checkout."""
        self._git = git
        self._askers = (git, with_access) if with_access else (git,)

    @cached_property
    def name(self) -> str | None:
        """The name of the remote to fetch from; None when there is none."""
        names = list(self._urls)
        if "origin" in names:
            return "origin"
        return names[0] if len(names) == 1 else None

    @property
    def url(self) -> str | None:
        """Return the remote's configured URL. It may hold credentials: never print it unchanged."""
        return self._urls.get(self.name or "") or None

    @cached_property
    def _urls(self) -> dict[str, str]:
        return remote_urls(self._git.settings)

    def answers(self) -> bool:
        """Whether the remote answers and allows reading. This fetches nothing."""
        if self.name is None:
            return False
        words = ("ls-remote", "--quiet", self.name, "HEAD")
        return self._ask(*words, timeout_seconds=ANSWER_TIMEOUT_SECONDS)[0] == 0

    def find(self, name: str) -> str | None:
        """Return the commit of a branch or tag on the remote; None when there is no such ref."""
        if self.name is None or not name or set(name) & set("*?[\\: \n"):
            return None
        wanted = (f"refs/heads/{name}", f"refs/tags/{name}^{{}}", f"refs/tags/{name}")
        found = self.refs(f"refs/heads/{name}", f"refs/tags/{name}*")
        return next((found[ref] for ref in wanted if ref in found), None)

    def refs(self, *patterns: str) -> dict[str, str]:
        """Return the remote's refs with their object ids; empty when the remote does not answer."""
        if self.name is None:
            return {}
        code, out, _ = self._ask(
            *("ls-remote", "--quiet", "--end-of-options", self.name, *patterns),
            timeout_seconds=FETCH_TIMEOUT_SECONDS,
        )
        lines = out.splitlines() if code == 0 else []
        return {ref: sha for sha, _, ref in (line.partition("\t") for line in lines)}

    def fetch(self, *options: str, commit: str = "", refs: str | None = None) -> bool:
        """Fetch a commit, or the refs in `refs`, one per line; return False when that fails."""
        if self.name is None:
            return False
        code, _, err = self._ask(
            *("fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head"),
            *(*options, self.name, *([commit] if commit else [])),
            stdin=None if refs is None else os.fsencode(refs),
            timeout_seconds=FETCH_TIMEOUT_SECONDS,
        )
        if code != 0:
            log.debug("git fetch %s %s: %s", " ".join(options), commit, err.strip())
        return code == 0

    def _ask(
        self, command: str, *words: str, stdin: bytes | None = None, timeout_seconds: float
    ) -> tuple[int, str, str]:
        """Run a git command that contacts the remote."""
        # A later setting cannot replace a configured upload-pack; only the flag can.
        flags = ("--upload-pack=git-upload-pack",) if self._git.closed.has_upload_pack else ()
        for git in self._askers:
            code, out, err = git.run(
                command, *flags, *words, stdin=stdin, timeout_seconds=timeout_seconds
            )
            if code == 0:
                break
        return code, out, err
