"""The JSON Schema of `astro-ci.yaml`, made from the keys that the code reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from astro_ci.commands.deploy import deploy
from astro_ci.configuration.config import TYPE_WORDS
from astro_ci.configuration.file import DEPLOYMENT_KEYS, PROJECT_KEYS, TOP_KEYS
from astro_ci.configuration.keys import BY_NAME, Key

SCHEMA = Path(__file__).parent.parent / "astro_ci" / "astro-ci.schema.json"

# YAML reads an unquoted 1.10 as a number; the code takes it as it is written.
TEXT: dict[str, Any] = {"type": ["string", "number"]}
ID: dict[str, Any] = {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,100}$"}
BOOLEAN: dict[str, Any] = {"enum": [True, False, "yes", "no", "true", "false", 1, 0]}
DURATION: dict[str, Any] = {
    "type": ["string", "integer"],
    "minimum": 1,
    "pattern": "^(?=.)([0-9]+h)?([0-9]+m)?([0-9]+s?)?$",
}
KINDS: dict[str, dict[str, Any]] = {
    "workspace-id": ID,
    "organization-id": ID,
    "type": {"enum": list(TYPE_WORDS)},
    "wait-time": DURATION,
    **dict.fromkeys(("force", "skip-unchanged", "allow-older", "allow-shrink", "wait"), BOOLEAN),
}
STRUCTURE = {
    "project": {
        **TEXT,
        "description": "The project's directory, relative to this file. Default: where it is run.",
    },
    "projects": {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": {"$ref": "#/definitions/project"},
        "description": "Several projects: directory, relative to this file, and what is its own.",
    },
    "deployments": {
        "type": ["object", "null"],
        "additionalProperties": {"$ref": "#/definitions/deployment"},
        "description": "The Deployments of the project, each by a name of its own.",
    },
    "id": {**ID, "description": "The Deployment's id in Astro."},
    "name": {**TEXT, "description": "The Deployment's name in Astro, when it is not the key."},
}
PATTERNS = "which are deployed here: * is anything but /, ** is anything, ! excludes."


def listed(item: dict[str, Any]) -> dict[str, Any]:
    """One value, or a list of them."""
    return {"anyOf": [item, {"type": "array", "items": item}]}


def schema() -> dict[str, Any]:
    """The schema, draft 7, which editors know best."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "astro-ci.yaml",
        "type": ["object", "null"],
        "properties": _properties(TOP_KEYS),
        "additionalProperties": False,
        "dependencies": {"projects": {"not": _any_of("project", "deployments")}},
        "definitions": {
            "project": {
                "type": ["object", "null"],
                "properties": _properties(PROJECT_KEYS),
                "additionalProperties": False,
            },
            "deployment": {
                "type": "object",
                "properties": _properties(DEPLOYMENT_KEYS),
                "additionalProperties": False,
                "anyOf": [{"required": ["branches"]}, {"required": ["tags"]}],
                "not": {"required": ["id", "name"]},
            },
        },
    }


def rendered_schema() -> str:
    """The text of the file."""
    return json.dumps(schema(), indent=2) + "\n"


def _any_of(*keys: str) -> dict[str, Any]:
    return {"anyOf": [{"required": [key]} for key in keys]}


def _properties(keys: tuple[str, ...]) -> dict[str, Any]:
    return {name: _property(name) for name in keys}


def _property(name: str) -> dict[str, Any]:
    if name in ("branches", "tags"):
        return {**listed(TEXT), "description": f"The {name} {PATTERNS}"}
    return STRUCTURE[name] if name in STRUCTURE else _option(BY_NAME[name])


def _option(key: Key) -> dict[str, Any]:
    kind = KINDS.get(key.name, TEXT)
    help_text = next(
        param.help or ""
        for param in deploy.params
        if isinstance(param, click.Option) and param.name == key.field
    )
    described = {"description": help_text.partition("  [env var")[0]}
    return {**(listed(kind) if key.is_list else kind), **described}
