"""The static check: what can be told of DAG files without Airflow, Docker, or running them.

The files are a stranger's, so a process of its own reads them (`worker`), with limits on memory
and time: `check` starts it, and turns what it says into findings.
"""
