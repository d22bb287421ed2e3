"""The options of `parse`, `pytest` and `check`."""

from __future__ import annotations

from pathlib import Path

import click

from astro_ci.configuration.option import Section
from astro_ci.terminal.options import AS_JSON, Boolean, Lines, option, row

CHECK_OPTIONS = (
    row("project"),
    row("dags_path"),
    option(
        "--image-name",
        default="",
        section=Section.WHERE,
        help="Check in this image, which the engine must have.",
    ),
    option(
        "--runner",
        type=click.Choice(("auto", "docker", "local")),
        default="auto",
        section=Section.WHERE,
        help="Where Airflow is: in the image, or in this job; auto takes the image if it is named.",
    ),
    option(
        "--python",
        default="",
        section=Section.WHERE,
        help="The Python interpreter that has Airflow.",
    ),
    option(
        "--env-file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Variables for the DAG files and tests; else the project's .env, if there is one.",
    ),
    AS_JSON,
)
PARSE_OPTIONS = (
    option(
        "--set-variable",
        "variables",
        multiple=True,
        type=Lines(),
        metavar="NAME=VALUE",
        help="An Airflow Variable that DAG files read; others have made-up values.",
    ),
    option(
        "--max-parse-seconds",
        type=click.FloatRange(min=0, min_open=True),
        help="The time limit for a DAG file; else Airflow's own, 30 unless configured.",
    ),
    option(
        "--allow-no-dags/--no-allow-no-dags",
        type=Boolean(),
        default=False,
        section=Section.GUARDS,
        help="Let a project without a DAG pass.",
    ),
)
WHICH_OPTIONS = (
    option("--static/--no-static", type=Boolean(), default=True, help="Make the static check."),
    option("--parse/--no-parse", type=Boolean(), default=True, help="Load every DAG file."),
    option("--pytest/--no-pytest", type=Boolean(), default=True, help="Run the tests."),
    option(
        "--pytest-path", default="tests", help="What to test, relative to the project's directory."
    ),
)
JUNIT_XML = option(
    "--junit-xml",
    type=click.Path(path_type=Path),
    metavar="FILE",
    section=Section.OUTPUT,
    help="Write pytest's JUnit report to this file.",
)
