from __future__ import annotations

import inspect
from pathlib import Path

import pytest

import astro_ci
from astro_ci import errors

PACKAGE = Path(inspect.getfile(astro_ci)).parent

CODES = {
    "ConfigurationError": 2,
    "ProjectError": 3,
    "CommandError": 4,
    "GitError": 4,
    "DockerError": 4,
    "RegistryError": 4,
    "ApiError": 5,
    "NotFoundError": 5,
    "UnavailableError": 5,
    "CheckFailedError": 6,
    "DeployFailedError": 7,
    "DeployTimeoutError": 8,
    "OutdatedPlanError": 11,
    "AuthenticationError": 9,
}


@pytest.mark.parametrize(("name", "code"), CODES.items())
def test_every_error_has_its_exit_code(name: str, code: int) -> None:
    assert getattr(errors, name)("what", hint="do").exit_code == code


@pytest.mark.parametrize(("number", "code"), [(2, 130), (15, 143)])
def test_a_cancelled_run_exits_as_its_signal_does(number: int, code: int) -> None:
    assert errors.CancelledError("stopped", signal_number=number).exit_code == code


def test_a_request_id_is_part_of_the_message() -> None:
    error = errors.ApiError("GET /x answered 500", status=500, request_id="r-1")
    assert str(error) == "GET /x answered 500 (request id r-1)"
