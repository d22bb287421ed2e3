"""No known CI system: a terminal, or a system that only sets the variables of astro-ci."""

from __future__ import annotations

from astro_ci.ci.context import RunFacts
from astro_ci.ci.lookup import Lookup
from astro_ci.ci.system import CISystem


def read(env: Lookup) -> RunFacts:
    """Nothing to read; git knows the rest."""
    return RunFacts()


SYSTEM = CISystem(
    key="none",
    name="none",
    turn=100,  # the last one asked
    marks={},
    read=read,
    history_hint="fetch the full history: git fetch, and in a shallow clone git fetch --unshallow",
    credentials_hint=(
        "Hand the token over in the environment: export ASTRO_API_TOKEN=TOKEN. On your own machine "
        "`astro login` serves as well."
    ),
    variable_hint="Set the environment variable: export ASTRO_DEPLOYMENT_ID=ID.",
    engine_hint="Start Docker on this machine.",
    concurrency_hint="Start one deploy after the other.",
)
