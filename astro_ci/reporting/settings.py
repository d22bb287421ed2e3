"""`config`: the merged options of each Deployment of a run, and where each value came from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from astro_ci.ci import CIContext
from astro_ci.configuration.choice import Choice, Target
from astro_ci.configuration.config import options
from astro_ci.configuration.fast import written_age
from astro_ci.configuration.kinds import AGE, BUILD_ARGUMENTS, DURATION
from astro_ci.configuration.option import Option
from astro_ci.configuration.values import written_duration
from astro_ci.model import Request
from astro_ci.reporting.cells import sourced
from astro_ci.reporting.documents import SCHEMA
from astro_ci.text import printable

SCHEMA_FILE = Path(__file__).parent.parent / "astro-ci.schema.json"
_DEFAULT = "default"
_WIDTH = max(len(row.flag) for row in options())


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
                    row.key or row.stem: {"value": value, "from": source}
                    for row, value, source in _settings(target, ci)
                },
            }
            for target in choice.targets
        ],
    }


def config_text(
    choice: Choice, file: Path | None, ci: CIContext, *, columns: int | None = None
) -> str:
    """Return the text of `config` for people; `columns` is the terminal's width."""
    lines = [f"File: {printable(str(file)) if file else 'none'}"]
    lines += _choice(choice)
    for target in choice.targets:
        lines += ["", printable(target.label)]
        if target.note:
            lines.append(f"  {printable(target.note)}")
        for row, value, source in _settings(target, ci):
            shown, origin = _shown(value), f"({printable(source)})"
            lines += sourced(f"  {row.flag}", shown, origin, columns, margin=_WIDTH + 4)
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


def _settings(target: Target, ci: CIContext) -> Iterator[tuple[Option, Any, str]]:
    """Yield name, value and source of every option with a value or a default."""
    for row in options():
        value = getattr(target.config, row.field)
        setting = target.settings.get(row.field)
        source = setting.source if setting else _DEFAULT
        if row.field == "base" and value == "auto" and ci.base_override:
            value, source = ci.base_override, row.variable
        if value is not None:
            yield row, _plain(row, value), source


def _plain(row: Option, value: Any) -> Any:
    """Return a value in the form in which users write it, without the values of build arguments."""
    if row.kind is BUILD_ARGUMENTS:
        return [f"{name}=***" if given else name for name, given, _ in _parts(value)]
    if row.kind is DURATION:
        return written_duration(value)
    if row.kind is AGE:
        return written_age(value)
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
