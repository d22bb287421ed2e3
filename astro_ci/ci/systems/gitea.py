"""Gitea Actions: GitHub's variables and events, with pages of its own."""

from __future__ import annotations

from msgspec.structs import replace

from astro_ci.ci import values
from astro_ci.ci.context import Facts
from astro_ci.ci.lookup import Lookup
from astro_ci.ci.systems import github

NAME = "Gitea Actions"
KEY = "gitea"
HISTORY_HINT = github.HISTORY_HINT
CONCURRENCY_HINT = github.CONCURRENCY_HINT
CREDENTIALS_HINT = (
    "create the secret ASTRO_API_TOKEN under Settings > Actions > Secrets, and pass it to the "
    "step: env: ASTRO_API_TOKEN: ${{ secrets.ASTRO_API_TOKEN }}"
)


def is_here(env: Lookup) -> bool:
    """Set beside GITHUB_ACTIONS."""
    return env.says("GITEA_ACTIONS", "true")


def read(env: Lookup) -> Facts:
    """Collect what GitHub's variables say; a run's page is named by its number, not its id."""
    facts = github.read_event(env)
    run = env.first(values.number, "GITHUB_RUN_NUMBER")
    return replace(facts, run_url=github.run_url(facts, run))
