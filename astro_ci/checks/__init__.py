"""Checks of the project before a deploy: static, parse and pytest.

astro-ci's own process runs no file of the project: `parse` and `pytest` run files where Airflow is.
"""
