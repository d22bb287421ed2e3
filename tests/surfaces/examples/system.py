"""How a CI system reads its file: the processes that a job starts, and their variables.

What a system does to the text of the file on the way is done here too: macros, escapes, secrets.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

EXAMPLES = Path(__file__).parents[3] / "examples"
PLAN, DEPLOY = "plan", "deploy"

Row = tuple[str, tuple[str | int, ...], object]
"""A file, where to look in it, and what has to be there. Without a place: a line of its own."""
Secrets = Mapping[str, str]
Variables = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a job starts, one process after the other until one fails."""

    processes: tuple[tuple[str, ...], ...]
    """Argument lists; the last argument of a shell is the script."""
    env: Variables = field(default_factory=dict)
    """From the file, with the secrets that it names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A CI system and its example."""

    files: Mapping[str, str]
    """Below examples/, by job."""
    read: Callable[[Path, str, Secrets], Job]
    says: Mapping[str, Variables]
    """The variables of a run, by job; `{head}` stands for the commit."""
    clone: tuple[str, ...] = ()
    """How its checkout clones."""
    queues: Sequence[Row]
    """What lets deploys wait for each other."""
    only_main: Sequence[Row] = ()
    """What deploys the main branch alone."""
    checkouts: Sequence[Row] = ()
    """What lets a missing commit be fetched, where the default would leave it out of reach."""
    schemas: Variables = field(default_factory=dict)
    """By file, the schema that check-jsonschema has for it."""

    @property
    def directory(self) -> str:
        """Its directory below examples/."""
        return self.files[DEPLOY].partition("/")[0]

    def job(self, name: str, secrets: Secrets, *, examples: Path = EXAMPLES) -> Job:
        """Read a job of the example."""
        return self.read(examples / self.files[name], name, secrets)


def one_file(path: str) -> dict[str, str]:
    """Files of an example whose jobs are in one file."""
    return {PLAN: path, DEPLOY: path}


def bash(script: str, *flags: str) -> tuple[str, ...]:
    """A process of bash."""
    return ("bash", "--noprofile", "--norc", *flags, "-c", script)


def sh(script: str) -> tuple[str, ...]:
    """A process of sh that stops at the first failure."""
    return ("sh", "-e", "-c", script)


def script_of(process: tuple[str, ...]) -> tuple[str, str]:
    """The shell, and what it reads; `exit on error` is written out, as linters do not see flags."""
    *words, script = process
    is_strict = any(re.fullmatch(r"-\w*e\w*", word) for word in words)
    return words[0], ("set -e\n" if is_strict else "") + script


def command_line(process: tuple[str, ...]) -> str:
    """How a process would be typed."""
    return shlex.join(process)
