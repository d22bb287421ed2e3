"""What GitLab makes of a template: gitlab-ci-local takes more than GitLab does.

The documents are parsed first, then each text is interpolated: an input that is all of a text
keeps its type and every character, whatever they would mean in YAML.
Source: docs.gitlab.com/ci/inputs, and GitLab's own lib/gitlab/ci/config/interpolation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

_BLOCK = re.compile(r"\$\[\[\s*inputs\.([\w-]+)\s*\]\]")
_TYPES: dict[str, type] = {"string": str, "array": list}


class RefusedError(Exception):
    """GitLab would not create the pipeline."""


def documents(template: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The inputs that a template declares, and its jobs."""
    header, jobs = yaml.safe_load_all(template.read_text())
    return header["spec"]["inputs"], jobs


def inputs_in(node: object) -> list[str]:
    """The inputs that are named somewhere in a document, once for each time."""
    if isinstance(node, dict):
        return [name for pair in node.items() for part in pair for name in inputs_in(part)]
    if isinstance(node, list):
        return [name for item in node for name in inputs_in(item)]
    return _BLOCK.findall(node) if isinstance(node, str) else []


def render(template: Path, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The jobs with these inputs. Raises RefusedError."""
    declared, jobs = documents(template)
    if unknown := (given or {}).keys() - declared.keys():
        raise RefusedError(f"unknown input arguments: {sorted(unknown)}")
    values = {name: spec["default"] for name, spec in declared.items()} | dict(given or {})
    for name, spec in declared.items():
        value = values[name]
        if not isinstance(value, _TYPES[spec["type"]]):
            raise RefusedError(f"{name}: {value!r} is no {spec['type']}")
        if "options" in spec and value not in spec["options"]:
            raise RefusedError(f"{name}: {value!r} is none of {spec['options']}")
        if "regex" in spec and not re.search(spec["regex"], str(value)):
            raise RefusedError(f"{name}: {value!r} does not match {spec['regex']}")
    rendered: dict[str, Any] = _interpolated(jobs, values)
    return rendered


def _interpolated(node: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(node, dict):
        return {_interpolated(k, values): _interpolated(v, values) for k, v in node.items()}
    if isinstance(node, list):
        return [_interpolated(item, values) for item in node]
    if not isinstance(node, str):
        return node
    if whole := _BLOCK.fullmatch(node):
        return values[whole[1]]
    return _BLOCK.sub(lambda block: str(values[block[1]]), node)
