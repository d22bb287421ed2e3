"""Error responses of the local Astro."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One wrong field of a request. Source: schema FieldValidationError."""

    field: str
    code: str
    message: str


class Refusal(Exception):
    """The error response to a request, which becomes a body of schema Error."""

    def __init__(self, status: int, message: str, fields: Sequence[FieldProblem] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.fields = tuple(fields)


def invalid(field: str, message: str, code: str = "invalid") -> Refusal:
    """Refuse a request because of one of its fields."""
    return Refusal(
        400, f"Invalid request: {field}: {message}", [FieldProblem(field, code, message)]
    )
