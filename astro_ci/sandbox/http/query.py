"""The query parameters of the v1 API: pages, orders and fixed choices."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from starlette.datastructures import QueryParams

from astro_ci.sandbox.http.views.json import Json
from astro_ci.sandbox.platform.refusal import invalid

DEFAULT_LIMIT = 20
MAX_LIMIT = 1000
MAX_DIGITS = 18
"""The limit for the digits of a number; much longer texts take too long to convert."""


class Named(Protocol):
    """A record that can be sorted: it has a name and two moments."""

    name: str
    created_at: float
    updated_at: float


_KEYS: dict[str, Callable[[Named], str | float]] = {
    "name": lambda one: one.name,
    "createdAt": lambda one: one.created_at,
    "updatedAt": lambda one: one.updated_at,
}
SORTS = frozenset(f"{key}:{order}" for key in _KEYS for order in ("asc", "desc"))

Item = TypeVar("Item")
NamedItem = TypeVar("NamedItem", bound=Named)


def paginate(
    items: Sequence[Item],
    query: QueryParams,
    key: str,
    view: Callable[[Item], Json],
    *,
    max_limit: int | None = MAX_LIMIT,
) -> Json:
    """Return one page of a list, under `key`. Raises Refusal 400 for a bad offset or limit."""
    offset = whole_number(query, "offset", 0)
    limit = whole_number(query, "limit", DEFAULT_LIMIT, most=max_limit)
    page = items[offset : offset + limit]
    return {
        key: [view(item) for item in page],
        "offset": offset,
        "limit": limit,
        "totalCount": len(items),
    }


def ordered(items: Sequence[NamedItem], query: QueryParams) -> list[NamedItem]:
    """Sort a list by the orders in `sorts`, the first order first. Raises Refusal 400."""
    result = list(items)
    for sort in reversed(choices(query, "sorts", SORTS)):
        key, _, order = sort.partition(":")
        result.sort(key=_KEYS[key], reverse=order == "desc")
    return result


def choices(query: QueryParams, name: str, allowed: Collection[str]) -> list[str]:
    """Read a repeatable parameter that has fixed values. Raises Refusal 400."""
    values: list[str] = query.getlist(name)
    for value in values:
        if value not in allowed:
            raise invalid(name, f"must be one of {', '.join(sorted(allowed))}")
    return values


def flag(query: QueryParams, name: str) -> bool:
    """Read a boolean parameter, which is false when absent. Raises Refusal 400."""
    value = query.get(name, "false")
    if value not in ("true", "false"):
        raise invalid(name, "must be true or false")
    return value == "true"


def whole_number(
    query: QueryParams, name: str, default: int, *, least: int = 0, most: int | None = None
) -> int:
    """Read a whole number, or return `default` when it is absent. Raises Refusal 400."""
    text = query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal()) or len(text) > MAX_DIGITS:
        raise invalid(name, f"must be a whole number, {least} or more")
    number = int(text)
    if number < least:
        raise invalid(name, f"must be at least {least}")
    if most is not None and number > most:
        raise invalid(name, f"must be at most {most}")
    return number


def moment(query: QueryParams, name: str) -> float:
    """Read a date and time, and return it in seconds. Raises Refusal 400."""
    try:
        found = datetime.fromisoformat(query[name])
        if found.tzinfo is None:
            raise ValueError(query[name])
        return found.timestamp()
    except (ValueError, OverflowError) as exc:
        raise invalid(name, "not a date and time as in RFC 3339") from exc


def sort_key(name: str) -> Callable[[Json], str]:
    """Sort rows by the values that they have under a key."""
    return lambda row: str(row.get(name, ""))
