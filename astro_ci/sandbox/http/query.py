"""The query parameters of the v1 API: pages, orders and fixed choices."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Protocol, TypeVar

from starlette.datastructures import QueryParams

from astro_ci.sandbox.http.views import Json
from astro_ci.sandbox.platform.refusal import invalid

DEFAULT_LIMIT = 20
MAX_LIMIT = 1000


class Named(Protocol):
    """What can be sorted: it has a name and two moments."""

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
    """Make one page of a list, under `key`. Raises Refusal 400 for a bad offset or limit."""
    offset = _whole_number(query, "offset", 0, None)
    limit = _whole_number(query, "limit", DEFAULT_LIMIT, max_limit)
    page = items[offset : offset + limit]
    return {
        key: [view(item) for item in page],
        "offset": offset,
        "limit": limit,
        "totalCount": len(items),
    }


def ordered(items: Sequence[NamedItem], query: QueryParams) -> list[NamedItem]:
    """Sort a list as `sorts` says, the first one weighing most. Raises Refusal 400."""
    result = list(items)
    for sort in reversed(choices(query, "sorts", SORTS)):
        key, _, order = sort.partition(":")
        result.sort(key=_KEYS[key], reverse=order == "desc")
    return result


def choices(query: QueryParams, name: str, allowed: Collection[str]) -> list[str]:
    """Read a parameter that has fixed values, however often given. Raises Refusal 400."""
    values: list[str] = query.getlist(name)
    for value in values:
        if value not in allowed:
            raise invalid(name, f"must be one of {', '.join(sorted(allowed))}")
    return values


def flag(query: QueryParams, name: str) -> bool:
    """Read a parameter that is true or false, and false when absent. Raises Refusal 400."""
    value = query.get(name, "false")
    if value not in ("true", "false"):
        raise invalid(name, "must be true or false")
    return value == "true"


def _whole_number(query: QueryParams, name: str, default: int, ceiling: int | None) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal()):
        raise invalid(name, "must be a whole number, 0 or more")
    number = int(text)
    if ceiling is not None and number > ceiling:
        raise invalid(name, f"must be at most {ceiling}")
    return number
