"""Where a pull request's comments are, and the error when they cannot be reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


class CommentError(Exception):
    """A comment could not be written. A deploy does not fail for it."""

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One pull request's comments, as its forge's API has them."""

    comments: str
    """URL to list and to create."""
    comment: str
    """URL of one, without its id."""
    update_method: Literal["PATCH", "PUT"]
    headers: Mapping[str, str] = field(repr=False)
    page: str
    """URL of one on the pull request's page, without its id; empty when not known."""
    permission_hint: str


def first_of(env: Mapping[str, str], *names: str) -> str:
    """The first variable that is set and not blank."""
    return next((env[name].strip() for name in names if env.get(name, "").strip()), "")
