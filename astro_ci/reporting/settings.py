"""`config`: the merged options of each Deployment of a run, and where each value came from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from astro_ci.ci import CIContext
from astro_ci.configuration.choice import Choice, Target
from astro_ci.configuration.keys import KEYS
from astro_ci.model import Request
from astro_ci.reporting.documents import SCHEMA
from astro_ci.text import printable

SCHEMA_FILE = Path(__file__).parent.parent / "astro-ci.schema.json"
_IDENTITY = (
    ("project", "project"),
    ("deployment-id", "deployment_id"),
    ("deployment-name", "deployment_name"),
)
_ROWS = (*_IDENTITY, *((key.name, key.field) for key in KEYS))
_DEFAULT = "default"


def config_document(choice: Choice, file: Path | None, ci: CIContext) -> dict[str, Any]:
    """The document of `config --json`; `file` is the configuration file, None without one."""
    return {
        "schema": SCHEMA,
        "file": str(file) if file else None,
        "branch": choice.ref.branch if choice.ref else None,
        "tag": choice.ref.tag if choice.ref else None,
        "reason": choice.reason,
        "deployments": [
            {
                "project": target.project,
                "target": target.entry,
                "note": target.note,
                "settings": {
                    name: {"value": value, "from": source}
                    for name, value, source in _settings(target, ci)
                },
            }
            for target in choice.targets
        ],
    }


def config_text(choice: Choice, file: Path | None, ci: CIContext) -> str:
    """What `config` prints for people."""
    lines = [f"File: {printable(str(file)) if file else 'none'}"]
    lines += _choice(choice)
    for target in choice.targets:
        lines += ["", printable(target.label)]
        if target.note:
            lines.append(f"  {printable(target.note)}")
        for name, value, source in _settings(target, ci):
            lines.append(f"  {name:16} {_shown(value)}  ({printable(source)})")
    return "\n".join(lines)


def _choice(choice: Choice) -> Iterator[str]:
    if choice.ref and not choice.ref.refusal:
        yield f"Chosen by: {printable(str(choice.ref))}"
    for candidate in choice.candidates:
        verdict = f"yes, by {candidate.pattern}" if candidate.pattern else "no"
        name = ": ".join(filter(None, (candidate.project, candidate.entry)))
        yield f"  {printable(name)} ({printable(candidate.patterns)}): {printable(verdict)}"
    if choice.reason:
        yield f"Nothing is deployed: {printable(choice.reason)}"


def _settings(target: Target, ci: CIContext) -> Iterator[tuple[str, Any, str]]:
    """Name, value and source of everything that is set, or has a default."""
    for name, field in _ROWS:
        value = getattr(target.config, field)
        setting = target.settings.get(field)
        source = setting.source if setting else _DEFAULT
        if field == "base" and value == "auto" and ci.base_override:
            value, source = ci.base_override, "ASTRO_CI_BASE"
        if value is not None:
            yield name, _plain(field, value), source


def _plain(field: str, value: Any) -> Any:
    """A value as it would be written; what follows a build argument's name may be a secret."""
    if field == "build_args":
        return [f"{name}=***" if given else name for name, given, _ in _parts(value)]
    if field == "wait_seconds":
        return f"{value:g}s"
    if isinstance(value, Request):
        return value.value
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def _parts(arguments: Any) -> Iterator[tuple[str, str, str]]:
    for argument in arguments:
        yield argument.partition("=")


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = ", ".join(value) if isinstance(value, list) else str(value)
    return printable(text) or "none"
