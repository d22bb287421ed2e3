"""Load every DAG file as Airflow does, and say what is wrong on the line where it is."""

from astro_ci.checks.parse.check import ParseRequest, parse_dags

__all__ = ["ParseRequest", "parse_dags"]
