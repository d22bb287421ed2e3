"""Forgejo Actions: GitHub's variables, events, commands and comments, with pages of its own."""

from __future__ import annotations

from msgspec.structs import replace

from astro_ci.ci.lookup import Lookup
from astro_ci.ci.systems import github


def is_here(env: Lookup) -> bool:
    """Set beside GITHUB_ACTIONS."""
    return env.says("FORGEJO_ACTIONS", "true")


SYSTEM = replace(
    github.LIKENESS,
    key="forgejo",
    name="Forgejo Actions",
    is_here=is_here,
    files=(".forgejo/**",),
)
