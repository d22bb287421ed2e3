"""The JSON Schema of `astro-ci.yaml`, made from the keys that the code reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from astro_ci.checks.rules import RULES
from astro_ci.configuration import kinds
from astro_ci.configuration.file import DEPLOYMENT_KEYS, PROJECT_KEYS, TOP_KEYS
from astro_ci.configuration.keys import keys

SCHEMA = Path(__file__).parent.parent / "astro_ci" / "astro-ci.schema.json"

TEXT = kinds.TEXT.schema
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
    "id": {**kinds.ID.schema, "description": "The Deployment's id in Astro."},
    "name": {**TEXT, "description": "The Deployment's name in Astro, when it is not the key."},
}
PATTERNS = "which are deployed here: * is anything but /, ** is anything, ! excludes."


def listed(item: Mapping[str, Any]) -> dict[str, Any]:
    """One value, or a list of them."""
    return {"anyOf": [item, {"type": "array", "items": item}]}


RULE = {"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9*-]*$", "examples": list(RULES)}
SILENCE = {
    "anyOf": [
        RULE,
        {
            "type": "object",
            "properties": {"rule": RULE, "paths": listed(TEXT)},
            "required": ["rule"],
            "additionalProperties": False,
        },
    ]
}
CHECKS = {
    "type": ["object", "null"],
    "properties": {"ignore": {"anyOf": [SILENCE, {"type": "array", "items": SILENCE}]}},
    "additionalProperties": False,
    "description": "ignore: the findings that do not count, by rule, or by rule and paths.",
}


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


def described(key: str) -> str:
    """What a key of the file means."""
    return str(_property(key)["description"])


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
    if name in STRUCTURE:
        return STRUCTURE[name]
    if name == "checks":
        return CHECKS
    row = keys()[name]
    kind = listed(row.kind.schema) if row.kind.is_list else row.kind.schema
    return {**kind, "description": row.help}
