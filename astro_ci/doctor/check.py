"""The result of one check. Pure."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

from astro_ci.errors import AstroCIError, CommandError, of_the_disk

DoctorStatus = Literal["ok", "warning", "problem", "not checked"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of the examination."""

    name: str
    status: DoctorStatus
    message: str
    remedy: str = ""
    exit_code: int = 0
    """The exit code of a deploy with this problem; only problems have one."""
    group: str = ""
    target: str = ""
    """The Deployment of the configuration file that it is about, where there are several."""


Steps = Generator[Check, None, T]
"""Yields checks as they are made, and returns what they found."""


def ok(name: str, message: str) -> Check:
    """Make a check that passed."""
    return Check(name=name, status="ok", message=message)


def warning(name: str, message: str, remedy: str = "") -> Check:
    """Make a check that warns: a deploy may work, but not well or not always."""
    return Check(name=name, status="warning", message=message, remedy=remedy)


def problem(name: str, error: AstroCIError, *, remedy: str = "") -> Check:
    """Make a check that failed: a deploy would fail with this error."""
    return Check(
        name=name,
        status="problem",
        message=error.message,
        remedy=remedy or error.hint,
        exit_code=error.exit_code,
    )


def not_checked(name: str, because: str) -> Check:
    """Make a check that could not be made, as something is missing for it."""
    return Check(name=name, status="not checked", message=because)


def attempt(
    group: str, name: str, steps: Steps[T], *, target: str = "", then: Sequence[str] = ()
) -> Steps[T | None]:
    """Make the checks; an error becomes a problem with this name, and ends them.

    `then` names the checks that would have followed. Returns their result, or None after an error.
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
    """Turn problems with these names into passed checks, for a deploy that does not need them."""
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
    """Report these checks as not checked."""
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
