"""`env`: show the CI system's facts about the run, and the variables that they come from."""

from __future__ import annotations

from typing import Any

from astro_ci.ci import CIContext
from astro_ci.reporting.cells import sourced, wrapped
from astro_ci.reporting.documents import SCHEMA
from astro_ci.text import printable

FIELDS = (
    *("event", "head", "branch", "tag", "before", "pull_request", "base_branch", "base_sha"),
    *("is_fork_pull_request", "run_url", "repository_url", "base_override"),
)
_MARGIN = 24
"""Where values begin."""


def env_document(ci: CIContext) -> dict[str, Any]:
    """Return the document of `env --json`: each value with its source; null if it is missing."""
    return {
        "schema": SCHEMA,
        "system": ci.system,
        "key": ci.key,
        "values": {
            name: {"value": getattr(ci, name), "from": ci.sources[name]}
            if name in ci.sources
            else None
            for name in FIELDS
        },
    }


def env_text(ci: CIContext, *, columns: int | None = None) -> str:
    """Return the text for people, without missing values; `columns` is the terminal's width."""
    lines = [f"CI system: {ci.system}"]
    for name in FIELDS:
        if name in ci.sources:
            value = getattr(ci, name)
            shown = ("yes" if value else "no") if isinstance(value, bool) else printable(value)
            label, source = f"  {name.replace('_', '-')}", f"(from {ci.sources[name]})"
            lines += sourced(label, shown, source, columns, margin=_MARGIN)
    if len(lines) == 1:
        note = "the CI system gives no facts about this run, so git's are used"
        lines += wrapped(note, columns, indent=2)
    return "\n".join(lines)
