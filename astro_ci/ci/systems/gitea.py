"""Gitea Actions: GitHub's variables, events, commands and comments, with pages of its own."""

from __future__ import annotations

from msgspec.structs import replace

from astro_ci.ci.systems import github

SYSTEM = replace(
    github.LIKENESS,
    key="gitea",
    name="Gitea Actions",
    marks={"GITEA_ACTIONS": "true"},
    files=(".gitea/**",),
)
