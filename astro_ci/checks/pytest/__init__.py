"""Run the project's own tests where Airflow is installed."""

from astro_ci.checks.pytest.check import PytestRequest, find_tests, run_pytest

__all__ = ["PytestRequest", "find_tests", "run_pytest"]
