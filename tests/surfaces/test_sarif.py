"""SARIF logs are valid by the standard's own schema, as Microsoft's package carries it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from hypothesis import given
from jsonschema import Draft4Validator

from astro_ci.finding import Checked
from astro_ci.reporting.checks.sarif import sarif
from tests.surfaces.tools import need
from tests.unit.reporting.checks.test_reports import ANY, CHECKS

SCHEMA = (
    Path(__file__).parent
    / "node/node_modules/@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json"
)


@cache
def validator() -> Draft4Validator:
    need(SCHEMA)
    return Draft4Validator(json.loads(SCHEMA.read_text()))


def test_the_schema_is_one() -> None:
    Draft4Validator.check_schema(validator().schema)
    assert not validator().is_valid({"version": "2.1.0", "runs": [{"results": []}]})


def test_a_log_of_each_kind_of_check_is_valid() -> None:
    validator().validate(json.loads(sarif(CHECKS)))


@given(ANY)
def test_a_log_of_any_findings_is_valid(checks: tuple[Checked, ...]) -> None:
    validator().validate(json.loads(sarif(checks)))
