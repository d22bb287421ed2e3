"""What one check found. Pure."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

from astro_ci.errors import AstroCIError, CommandError, of_the_disk

Status = Literal["ok", "warning", "problem", "not checked"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of the examination."""

    name: str
    status: Status
    message: str
    remedy: str = ""
    exit_code: int = 0
    """What a deploy would end with; of problems alone."""
    group: str = ""
    target: str = ""
    """The Deployment of the configuration file that it is about, where there are several."""


Steps = Generator[Check, None, T]
"""Checks as they are made, and what was found out on the way."""


def ok(name: str, message: str) -> Check:
    """All is well."""
    return Check(name=name, status="ok", message=message)


def warning(name: str, message: str, remedy: str = "") -> Check:
    """A deploy may work, and not as well as it could, or not always."""
    return Check(name=name, status="warning", message=message, remedy=remedy)


def problem(name: str, error: AstroCIError, *, remedy: str = "") -> Check:
    """A deploy would fail like this."""
    return Check(
        name=name,
        status="problem",
        message=error.message,
        remedy=remedy or error.hint,
        exit_code=error.exit_code,
    )


def not_checked(name: str, because: str) -> Check:
    """What is needed to tell is missing."""
    return Check(name=name, status="not checked", message=because)


def attempt(
    group: str, name: str, steps: Steps[T], *, target: str = "", then: Sequence[str] = ()
) -> Steps[T | None]:
    """Make the checks; one that fails with an error becomes a problem of this name, and the last.

    `then` are those that would have come after it. Gives what they give, None after an error.
    """
    made: set[str] = set()
    while True:
        found: Any
        try:
            found = next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
        except (AstroCIError, OSError) as error:
            known = error if isinstance(error, AstroCIError) else _unforeseen(error)
            yield replace(problem(name, known), group=group, target=target)
            left = [other for other in then if other not in made]
            yield from skip(group, left, f"{name} has to be right first", target=target)
            return None
        made.add(found.name)
        yield replace(found, group=group, target=target)


def lenient(steps: Steps[T], names: Sequence[str]) -> Steps[T]:
    """Let problems of these names be none: what was asked for does without."""
    while True:
        try:
            found = next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
        if found.name in names and found.status == "problem":
            message = f"not needed for this type of deploy: {found.message}"
            found = replace(found, status="ok", message=message, remedy="", exit_code=0)
        yield found


def skip(group: str, names: Sequence[str], because: str, *, target: str = "") -> Generator[Check]:
    """Say that these are not checked."""
    for name in names:
        yield replace(not_checked(name, because), group=group, target=target)


def exit_code(checks: Sequence[Check]) -> int:
    """Return the exit code of the first problem, or 0."""
    return next((check.exit_code for check in checks if check.status == "problem"), 0)


def _unforeseen(error: OSError) -> CommandError:
    if known := of_the_disk(error):
        return known
    where = f"{error.filename}: " if error.filename else ""
    return CommandError(f"this could not be checked: {where}{error.strerror or error}")
