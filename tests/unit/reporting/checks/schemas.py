"""JSON Schemas of the report formats: the parts of them that our reports use, closed to others.

Written after the formats' documentation: OASIS SARIF 2.1.0 (its sections are named), and
docs.gitlab.com/ci/testing/code_quality, which names the keys that GitLab reads.
"""

from __future__ import annotations

from typing import Any

from jsonschema import Draft202012Validator

TEXT = {"type": "string", "minLength": 1}
COUNT = {"type": "integer", "minimum": 1}


def _object(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(required),
        "properties": {**required, **(optional or {})},
        "additionalProperties": False,
    }


def _array(items: dict[str, Any], **keywords: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **keywords}


CODE_QUALITY = _array(
    _object(
        {
            "description": {"type": "string"},
            "check_name": TEXT,
            "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": _object({"path": TEXT, "lines": _object({"begin": COUNT})}),
        }
    )
)

LEVEL = {"enum": ["none", "note", "warning", "error"]}
MESSAGE = _object({"text": {"type": "string"}})  # 3.11
RULE = _object(  # 3.49
    {"id": TEXT},
    {"shortDescription": MESSAGE, "fullDescription": MESSAGE, "help": MESSAGE},
)
LOCATION = _object(  # 3.28 to 3.30
    {
        "physicalLocation": _object(
            {
                "artifactLocation": _object(
                    # 3.4.3: a relative reference, as RFC 3986 writes it
                    {"uri": {"type": "string", "pattern": r"^([A-Za-z0-9/._~-]|%[0-9A-F]{2})+$"}},
                    {"uriBaseId": {"const": "%SRCROOT%"}},
                )
            },
            {"region": _object({"startLine": COUNT}, {"startColumn": COUNT})},
        )
    }
)
RESULT = _object(  # 3.27
    {
        "ruleId": TEXT,
        "ruleIndex": {"type": "integer", "minimum": 0},
        "level": LEVEL,
        "message": MESSAGE,
        "locations": _array(LOCATION, maxItems=1),
    },
    {"properties": {"type": "object"}},
)
SARIF = _object(  # 3.13, 3.14, 3.18 to 3.20, 3.58
    {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": _array(
            _object(
                {
                    "tool": _object(
                        {
                            "driver": _object(
                                {
                                    "name": TEXT,
                                    "semanticVersion": TEXT,
                                    "rules": _array(RULE, uniqueItems=True),
                                }
                            )
                        }
                    ),
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "invocations": _array(
                        _object(
                            {
                                "executionSuccessful": {"type": "boolean"},
                                "toolExecutionNotifications": _array(
                                    _object({"level": LEVEL, "message": MESSAGE})
                                ),
                            }
                        )
                    ),
                    "results": _array(RESULT),
                }
            )
        ),
    }
)


def validate(document: object, schema: dict[str, Any]) -> None:
    """Fail where a document does not keep to a schema."""
    Draft202012Validator.check_schema(schema)
    errors = list(Draft202012Validator(schema).iter_errors(document))
    assert not errors, errors[0].message
