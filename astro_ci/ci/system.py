"""A CI system as a value: its detection, its variables, its dialect, its files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TextIO

from msgspec import Struct

from astro_ci.ci.context import RunFacts
from astro_ci.ci.lookup import Lookup

if TYPE_CHECKING:
    from astro_ci.ci.comments.place import Place
    from astro_ci.ci.dialects.base import Dialect


class Pipeline(Struct, frozen=True, kw_only=True):
    """The pipeline file that `init` writes, from `pipeline.template` beside the module."""

    path: str
    """The path of the file from the repository's root."""
    markers: Sequence[str]
    """Globs of files that show that the repository uses the system."""
    host: str = ""
    """A pattern of remote hosts for which the system is the obvious choice; empty for none."""
    rank: int = 100
    """The position in the list of `init`; the most used systems come first."""
    language: Literal["yaml", "groovy"] = "yaml"
    """The language of the file, which decides how texts are quoted."""
    has_a_meaning_for: Sequence[str] = ()
    """Texts that have a special meaning for the system in the name of a branch, even in quotes."""
    escape: Callable[[str], str] = str
    """Escapes a branch's name so that the system reads it literally."""
    compares: str = ""
    """The variable that the file compares with the branch in an expression; empty for none."""
    and_also: str = ""
    """The rest of the expression after the comparison."""
    stage: str = ""
    """The job's stage, which an existing file has to list; empty for none."""


def speak_plainly(out: TextIO, _env: Mapping[str, str]) -> Dialect:
    """Open the dialect of a log that knows nothing but lines."""
    from astro_ci.ci.dialects.plain import PlainDialect

    return PlainDialect(out)


def no_secret_remedy(_env: Mapping[str, str]) -> str:
    """Return an empty text, as most systems give no reason for a missing secret."""
    return ""


class CISystem(Struct, frozen=True, kw_only=True):
    """All differences of a CI system."""

    key: str
    """The name in code, and of the module: `github`."""
    name: str
    """The name in texts: `GitHub Actions`."""
    turn: int = 50
    """The order of detection; systems with the same number are ordered by key.

    A system that also sets the variables of other systems comes earlier. A system whose variable
    may be set in other systems comes later.
    """
    marks: Mapping[str, str]
    """The variables of which each shows that a run is in the system. Each has the word that it
    says, in any case, or an empty text when every value counts."""
    read: Callable[[Lookup], RunFacts]
    """Collects the system's facts; never raises because of the values of variables."""
    history_hint: str
    """How to get the full history: a clause without a capital letter, for reasons."""
    credentials_hint: str
    """How to give a job ASTRO_API_TOKEN: a whole sentence."""
    variable_hint: str
    """How to give a job ASTRO_DEPLOYMENT_ID, which is no secret: a whole sentence."""
    engine_hint: str
    """How to give a job a Docker Engine: a whole sentence."""
    concurrency_hint: str
    """How to let jobs wait for each other: a whole sentence."""
    switch_hint: str = "use {flag}, or set the variable {variable} to true"
    """How to switch an option on: a clause without a capital."""
    secret_remedy: Callable[[Mapping[str, str]], str] = no_secret_remedy
    """Why this job has no secret and what to do, as a sentence; empty for an unknown reason."""
    files: Sequence[str] = ()
    """Globs of the system's files in a repository, which do not affect a deploy."""
    pipeline: Pipeline | None = None
    """The pipeline file; None when `init` writes none for the system."""
    speak: Callable[[TextIO, Mapping[str, str]], Dialect] = speak_plainly
    """Opens the dialect of the system's log, and imports it only then, as `comments` does."""
    obeys_stdout_alone: bool = False
    """Whether the dialect's commands only work on standard output."""
    comments: Callable[[str, Mapping[str, str]], Place] | None = None
    """Finds the comments of a pull request by its number. Raises CommentError."""
    takes_forge_token: bool = False
    """Whether ASTRO_CI_FORGE_TOKEN is for the repositories at GITHUB_SERVER_URL."""
    names_own_checkout: bool = True
    """Whether the head is a commit of this run's repository, and of no other repository."""
    runs_for_pushes_alone: bool = False
    """Whether a run is for a push even if the system names a pull request."""

    def switch_on(self, stem: str) -> str:
        """Say how to switch an option on, by the name of its flag: a clause without a capital."""
        variable = f"ASTRO_CI_{stem.replace('-', '_').upper()}"
        return self.switch_hint.format(stem=stem, flag=f"--{stem}", variable=variable)
