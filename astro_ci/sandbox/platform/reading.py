"""Read request bodies strictly: refuse what the API document forbids, and name the field."""

from __future__ import annotations

import re
from typing import TypeVar

import msgspec
from msgspec import Struct

from astro_ci.sandbox.platform.refusal import FieldProblem, Refusal

Body = TypeVar("Body", bound=Struct)

_PLACE = re.compile(r"^(?P<problem>.*?)(?: - at `\$\.?(?P<place>[^`]*)`)?$", re.DOTALL)
_NAMED_FIELD = re.compile(r"required field `([^`]+)`")


def read_body(raw: bytes, kind: type[Body]) -> Body:
    """Decode a request body. Raises Refusal 400 that names the field at fault."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as exc:
        raise _refusal(str(exc)) from exc
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise Refusal(400, f"Invalid request: the body is not JSON: {exc}") from exc


def _refusal(problem: str) -> Refusal:
    match = _PLACE.match(problem)
    place = (match["place"] if match else None) or ""
    message = match["problem"] if match else problem
    missing = _NAMED_FIELD.search(message)
    code = "required" if missing else "invalid"
    path = ".".join(part for part in (place, missing[1] if missing else "") if part) or "body"
    return Refusal(400, f"Invalid request: {path}: {message}", [FieldProblem(path, code, message)])
