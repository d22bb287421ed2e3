"""Load every DAG file as Airflow does, and report each problem on its line."""

from astro_ci.checks.parse.check import ParseRequest, parse_dags

__all__ = ["ParseRequest", "parse_dags"]
