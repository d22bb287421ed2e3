"""Run a job where Airflow is installed: in an image, or in an environment of this machine.

A runner gives a job the project's directories and a private directory. astro-ci's modules run from
the private directory, and write their results to it.
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
