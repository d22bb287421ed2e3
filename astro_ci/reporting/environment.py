"""`env`: show the CI system's facts about the run, and the variables that they come from."""

from __future__ import annotations

from typing import Any

from astro_ci.ci import CIContext
from astro_ci.reporting.documents import SCHEMA
from astro_ci.text import printable

FIELDS = (
    *("event", "head", "branch", "tag", "before", "pull_request", "base_branch", "base_sha"),
    *("is_fork_pull_request", "run_url", "repository_url", "base_override"),
)


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


def env_text(ci: CIContext) -> str:
    """Return the text for people; missing values are left out."""
    lines = [f"CI system: {ci.system}"]
    for name in FIELDS:
        if name in ci.sources:
            value = getattr(ci, name)
            shown = ("yes" if value else "no") if isinstance(value, bool) else printable(value)
            lines.append(f"  {name.replace('_', '-'):21} {shown}  (from {ci.sources[name]})")
    if len(lines) == 1:
        lines.append("  the CI system gives no facts about this run, so git's are used")
    return "\n".join(lines)
