"""Where Airflow is: in an image, or in an environment of this job.

A runner gives a job a place: the project's directories, and a private directory of ours, from
which our modules run and to which they write what they find.
"""

from astro_ci.checks.runners.choose import KINDS, Kind, choose_runner, in_image
from astro_ci.checks.runners.docker import DockerRunner
from astro_ci.checks.runners.job import Job, Place, Runner
from astro_ci.checks.runners.local import LocalRunner, find_python

__all__ = [
    "KINDS",
    "DockerRunner",
    "Job",
    "Kind",
    "LocalRunner",
    "Place",
    "Runner",
    "choose_runner",
    "find_python",
    "in_image",
]
