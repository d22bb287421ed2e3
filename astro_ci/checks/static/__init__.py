"""The static check: find problems in DAG files without Airflow, Docker, or running the files.

The files are not trusted, so a separate process (`worker`) reads them, with limits on memory and
time. `check` starts the process, and turns the answer into findings.
"""
