"""The URLs of a pull request's comments, and the error for a failed comment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


class CommentError(Exception):
    """A comment could not be written. A deploy does not fail because of this."""

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The URLs of a pull request's comments in the API of its git host."""

    comments: str
    """The URL to list and to create comments."""
    comment: str
    """The URL of a comment, without its id."""
    update_method: Literal["PATCH", "PUT"]
    headers: Mapping[str, str] = field(repr=False)
    page: str
    """The URL of a comment on the pull request's page, without its id; empty when unknown."""
    permission_hint: str


def first_of(env: Mapping[str, str], *names: str) -> str:
    """Return the first variable that is set and not blank."""
    return next((env[name].strip() for name in names if env.get(name, "").strip()), "")
