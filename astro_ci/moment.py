"""Moments as people read them, everywhere the same: `2026-11-27 04:56 UTC`. Pure.

Documents for machines have moments in RFC 3339, as the API has.
"""

from __future__ import annotations

from astro_ci.text import printable


def moment_text(seconds: float, *, has_seconds: bool = False) -> str:
    """Write a moment, given in seconds since 1970; with `has_seconds` as `04:56:07`."""
    from datetime import UTC, datetime

    form = "%Y-%m-%d %H:%M:%S UTC" if has_seconds else "%Y-%m-%d %H:%M UTC"
    return datetime.fromtimestamp(seconds, UTC).strftime(form)


def api_moment_text(moment: str) -> str:
    """Write a moment of the API, given in RFC 3339; any other text stays as it is."""
    from datetime import UTC, datetime

    try:
        found = datetime.fromisoformat(moment)
        return moment_text(found.replace(tzinfo=found.tzinfo or UTC).timestamp())
    except (ValueError, OverflowError):
        return printable(moment)
