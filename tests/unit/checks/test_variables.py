"""Variables from a file and from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from astro_ci.checks.variables import airflow_variables, read_env_file
from astro_ci.errors import ConfigurationError


def test_a_file_of_variables(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_bytes(
        b"# comment\n\nA=1\nexport B = two words \nC=\"quoted # x\"\nD='it'\nE=\nF=a=b\nG=\xff\r\n"
    )
    assert read_env_file(path) == {
        "A": "1",
        "B": "two words",
        "C": "quoted # x",
        "D": "it",
        "E": "",
        "F": "a=b",
        "G": "\udcff",
    }


@pytest.mark.parametrize("line", ["NAME", "=x", "A B=1", "1A=1", "é=1"])
def test_a_line_that_is_no_assignment_is_refused_without_its_text(
    line: str, tmp_path: Path
) -> None:
    path = tmp_path / ".env"
    path.write_text(f"A=1\n{line}\n")
    with pytest.raises(ConfigurationError) as caught:
        read_env_file(path)
    assert str(caught.value) == f"line 2 of {path} is not an assignment NAME=value"


def test_a_file_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        read_env_file(tmp_path / "none")


def test_variables_of_airflow() -> None:
    assert airflow_variables(["env=prod", "a-b={}", "empty="]) == {
        "AIRFLOW_VAR_ENV": "prod",
        "AIRFLOW_VAR_A-B": "{}",
        "AIRFLOW_VAR_EMPTY": "",
    }


@pytest.mark.parametrize("text", ["name", "=value", ""])
def test_a_variable_needs_a_name_and_a_value(text: str) -> None:
    with pytest.raises(ConfigurationError, match="has no value"):
        airflow_variables([text])
