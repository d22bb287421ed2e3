"""Run the project's own tests where Airflow is."""

from astro_ci.checks.pytest.check import PytestRequest, run_pytest

__all__ = ["PytestRequest", "run_pytest"]
