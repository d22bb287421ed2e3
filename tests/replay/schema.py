"""The shape of `plan --json`, schema version 1, as the documentation gives it."""

from __future__ import annotations

from typing import Any

from jsonschema import Draft202012Validator

_COMMIT = {"type": "string", "pattern": "^[0-9a-f]{40}([0-9a-f]{24})?$"}
_MAYBE_COMMIT = {"anyOf": [_COMMIT, {"type": "null"}]}
_SAMENESS = {"enum": ["same", "different", "unknown"]}
_TEXT = {"type": "string", "minLength": 1}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


_DOCUMENT = _object(
    schema={"const": 1},
    deploy_type={"enum": ["none", "dags", "image-and-dags", "image"]},
    requested={"enum": ["auto", "dags", "image-and-dags", "image"]},
    reason=_TEXT,
    head=_COMMIT,
    dirty={"type": "boolean"},
    base=_object(
        image=_MAYBE_COMMIT,
        dags=_MAYBE_COMMIT,
        source={"enum": ["deployed", "event", "ref", "none"]},
    ),
    content=_object(image=_SAMENESS, dags=_SAMENESS),
    changes={
        "type": "array",
        "items": _object(
            path=_TEXT,
            status={"enum": ["A", "M", "D", "T", "U"]},
            affects={"enum": ["dags", "image", "nothing"]},
            because=_TEXT,
        ),
    },
    deployment=_object(
        id=_TEXT,
        name=_TEXT,
        dag_deploy_enabled={"type": "boolean"},
        runtime_version={"type": "string"},
    ),
    assumptions={"type": "array", "items": _TEXT},
    image={"anyOf": [{"type": "null"}, _object(reference=_TEXT, digest=_TEXT, commit=_TEXT)]},
    uncommitted={"type": "array", "items": _TEXT},
    bundle_layout={"enum": ["prefixed", "root"]},
    checks={"type": "array", "items": _object(name=_TEXT, status=_TEXT)},
    findings={
        "type": "array",
        "items": _object(
            path={"type": "string"},
            line={"type": ["integer", "null"]},
            column={"type": ["integer", "null"]},
            rule=_TEXT,
            severity={"enum": ["error", "warning", "notice"]},
            message=_TEXT,
        ),
    },
)
PLAN = Draft202012Validator(_DOCUMENT)
