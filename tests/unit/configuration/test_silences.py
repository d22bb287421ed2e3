"""`checks.ignore` in the file."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
import yaml

from astro_ci.configuration.file import parse
from astro_ci.errors import ConfigurationError
from tests.unit.configuration.test_file import SCHEMA


def read(text: str) -> list[tuple[str, ...]]:
    """The value at the top, and of each project and Deployment."""
    file = parse(text, path=Path("/repo/astro-ci.yaml"), name="astro-ci.yaml")
    found = []
    for project in file.projects:
        for settings in (project.settings, *(entry.settings for entry in project.entries)):
            setting = settings.get("ignore_findings")
            found.append(setting.value if setting else ())
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("checks: {ignore: dag-import}", ("dag-import",)),
        ("checks: {ignore: [dag-import, airflow-AIR3*]}", ("dag-import", "airflow-AIR3*")),
        ("checks: {ignore: [{rule: dag-syntax, paths: dags/x.py}]}", ("dag-syntax dags/x.py",)),
        (
            "checks: {ignore: {rule: dag-syntax, paths: [dags/old/**, dags/a b.py]}}",
            ("dag-syntax dags/old/**", "dag-syntax dags/a b.py"),
        ),
        ("checks: {ignore: []}", ()),
        ("checks:", ()),
    ],
)
def test_forms(text: str, expected: tuple[str, ...]) -> None:
    assert read(text) == [expected]
    jsonschema.validate(yaml.safe_load(text), SCHEMA)


def test_the_innermost_list_counts() -> None:
    text = """\
        checks: {ignore: dag-import}
        projects:
          a:
            deployments: {x: {branches: main}}
          b:
            checks: {ignore: dag-none}
            deployments: {y: {branches: main, checks: {ignore: [dag-syntax]}}}
    """
    assert read(text) == [("dag-import",), ("dag-import",), ("dag-none",), ("dag-syntax",)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("checks: dag-import", "checks is a single value, not keys with values"),
        ("checks: {skip: dag-import}", "skip is not a key of checks"),
        ("checks: {ignore: ['1!']}", "'1!', which is not the name of a rule"),
        ("checks: {ignore: [[dag-import]]}", "ignore is a list, not a single value"),
        ("checks: {ignore: [{paths: x}]}", "an entry of ignore has no rule"),
        ("checks: {ignore: [{rule: dag-none, path: x}]}", "path is not a key of an entry"),
        ("checks: {ignore: [{rule: dag-none, paths: '!x'}]}", "which starts with !"),
        ("checks: {ignore: [{rule: dag-none, paths: 'a['}]}", "checks.ignore"),
    ],
)
def test_refusals(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(text)
    assert message in caught.value.message
    assert "line 1" in caught.value.message
