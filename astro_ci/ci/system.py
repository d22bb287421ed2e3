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
    """The pipeline file that `init` writes; its text is `pipeline.template` beside the module."""

    path: str
    """Where the file goes, from the repository's root."""
    markers: Sequence[str]
    """Globs of files that show that the repository uses the system."""
    host: str = ""
    """A pattern of the remote's host, where the system is the obvious choice; empty: none is."""
    rank: int = 100
    """The place among the systems that `init` lists; the most used come first."""
    language: Literal["yaml", "groovy"] = "yaml"
    """What the file is written in, and so how its texts are quoted."""
    has_a_meaning_for: Sequence[str] = ()
    """Texts that have a special meaning for the system in the name of a branch, even in quotes."""
    escape: Callable[[str], str] = str
    """Spell a branch's name so that the system takes it literally."""
    compares: str = ""
    """The variable that the file compares with the branch in an expression; empty: none."""
    and_also: str = ""
    """What the expression adds to the comparison."""
    stage: str = ""
    """The stage that the job is in, which an existing file has to list; empty: none."""


def speak_plainly(out: TextIO, _env: Mapping[str, str]) -> Dialect:
    """Open the dialect of a log that knows nothing but lines."""
    from astro_ci.ci.dialects.plain import PlainDialect

    return PlainDialect(out)


def no_secret_remedy(_env: Mapping[str, str]) -> str:
    """Say nothing, as most systems give no reason why a secret is missing."""
    return ""


class CISystem(Struct, frozen=True, kw_only=True):
    """Everything that is particular to one CI system. The module imports little: all are loaded."""

    key: str
    """For code, and the name of the module: `github`."""
    name: str
    """For people: `GitHub Actions`."""
    turn: int = 50
    """When the environment is asked for this system; systems of one turn are asked by key.

    Earlier for a system that sets the variables of others, too; later for one whose variable may
    be set where another system runs.
    """
    is_here: Callable[[Lookup], bool]
    """Whether this run is in the system."""
    read: Callable[[Lookup], RunFacts]
    """Collect what the system says; never raises, whatever the variables hold."""
    history_hint: str
    """How to get the full history: a clause without a capital, which reasons quote."""
    credentials_hint: str
    """How to give a job ASTRO_API_TOKEN: a whole sentence."""
    concurrency_hint: str
    """How to let jobs wait for each other: a whole sentence."""
    switch_hint: str = "use {flag}, or set the variable {variable} to true"
    """How to switch an option on: a clause without a capital."""
    secret_remedy: Callable[[Mapping[str, str]], str] = no_secret_remedy
    """Why this job has no secret and what to do, as a sentence; empty when nothing says why."""
    files: Sequence[str] = ()
    """Globs of its files in a repository, which no deploy depends on."""
    pipeline: Pipeline | None = None
    """None: `init` writes no pipeline for the system."""
    speak: Callable[[TextIO, Mapping[str, str]], Dialect] = speak_plainly
    """Open the dialect of its log. Imports the dialect when it is called, as `comments` does."""
    obeys_stdout_alone: bool = False
    """Whether the dialect's commands count on standard output only."""
    comments: Callable[[str, Mapping[str, str]], Place] | None = None
    """Find the comments of a pull request by its number. Raises CommentError."""
    takes_forge_token: bool = False
    """Whether ASTRO_CI_FORGE_TOKEN opens the repositories at GITHUB_SERVER_URL."""
    names_own_checkout: bool = True
    """Whether the head is a commit of the repository that we run in, and of no other."""
    runs_for_pushes_alone: bool = False
    """Whether a run is about a push even where the system mentions a pull request."""

    def switch_on(self, stem: str) -> str:
        """Say how to switch an option on, by the name of its flag: a clause without a capital."""
        variable = f"ASTRO_CI_{stem.replace('-', '_').upper()}"
        return self.switch_hint.format(stem=stem, flag=f"--{stem}", variable=variable)
