"""Find the CI system of this run, and read its facts about the run."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from astro_ci.ci import values
from astro_ci.ci.context import CIContext, RunFacts
from astro_ci.ci.lookup import Lookup, Parse, ReadFile, Sourced
from astro_ci.ci.system import CISystem
from astro_ci.ci.systems import system_here
from astro_ci.project.files import read_named_text

log = logging.getLogger(__name__)

# Other values of ASTRO_CI_BASE: it is also the variable of `--base`, which has these modes.
# GitHub sends no larger events.
_MOST_EVENT_BYTES = 25 * 1024 * 1024
_BASE_MODES = ("auto", "deployed", "event")


def _read_text(path: Path) -> str:
    return read_named_text(path, most_bytes=_MOST_EVENT_BYTES)


def detect(env: Mapping[str, str], *, read_file: ReadFile = _read_text) -> CIContext:
    """Describe the run from the environment and the files that it points to.

    Never raises because of their contents: unusable values count as missing. ASTRO_CI_HEAD,
    _BRANCH, _PR and _RUN_URL come before the CI system's own values.
    """
    lookup = Lookup(env.get, read_file)
    system = system_here(lookup)
    facts = _overridden(system.read(lookup), lookup)
    is_mode = lookup.says("ASTRO_CI_BASE", *_BASE_MODES)
    base = None if is_mode else _override(lookup, values.base_ref, "ASTRO_CI_BASE")
    found: dict[str, Sourced[str] | Sourced[bool] | None] = {
        name: getattr(facts, name) for name in RunFacts.__struct_fields__
    }
    found["base_override"] = base
    return CIContext(
        system=system.name,
        key=system.key,
        event=_value(facts.event),
        head=_value(facts.head),
        branch=_value(facts.branch),
        tag=_value(facts.tag),
        before=_value(facts.before),
        before_is_previous_run=facts.before_is_previous_run is not None,
        pull_request=_value(facts.pull_request),
        base_branch=_value(facts.base_branch),
        base_sha=_value(facts.base_sha),
        run_url=_value(facts.run_url),
        repository_url=_value(facts.repository_url),
        is_fork_pull_request=facts.is_fork_pull_request is not None
        and facts.is_fork_pull_request.value,
        base_override=_value(base),
        sources={name: fact.source for name, fact in found.items() if fact},
        history_hint=system.history_hint,
        secret_hint=system.credentials_hint,
        concurrency_hint=system.concurrency_hint,
    )


def system_in(env: Mapping[str, str]) -> CISystem:
    """Return the CI system of the run in this environment, without its facts about the run."""
    return system_here(Lookup(env.get, _read_text))


def _overridden(facts: RunFacts, env: Lookup) -> RunFacts:
    return replace(
        facts,
        head=_override(env, values.sha, "ASTRO_CI_HEAD") or facts.head,
        branch=_override(env, values.branch, "ASTRO_CI_BRANCH") or facts.branch,
        pull_request=_override(env, values.number, "ASTRO_CI_PR") or facts.pull_request,
        run_url=_override(env, values.web_url, "ASTRO_CI_RUN_URL") or facts.run_url,
    )


def _override(env: Lookup, parse: Parse, name: str) -> Sourced[str] | None:
    found = env.first(parse, name)
    # Zeros mean "none" in a CI system's variable that a job maps to this; the rest is a mistake.
    if found is None and env.text(name).strip("0"):
        log.warning("%s is ignored: its value cannot be used", name)
    return found


def _value(fact: Sourced[str] | None) -> str | None:
    return fact.value if fact else None
