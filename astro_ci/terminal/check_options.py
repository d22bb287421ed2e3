"""The options of `parse`, `pytest` and `check`."""

from __future__ import annotations

from astro_ci.configuration import kinds
from astro_ci.configuration.option import Option, Section
from astro_ci.terminal.options import AS_JSON, CODE_QUALITY, CONFIG_FILE, JUNIT_XML, SARIF, row

CHECK_OPTIONS = (
    row("project"),
    row("dags_path"),
    row("ignore_findings"),
    CONFIG_FILE,
    Option(
        flag="--image-name",
        field="image_name",
        kind=kinds.IMAGE_NAME,
        default="",
        section=Section.WHERE,
        metavar="NAME",
        help="Run the checks in this image: from the Docker Engine, else pulled.",
    ),
    Option(
        flag="--image-archive",
        field="image_archive",
        kind=kinds.PATH,
        default=None,
        section=Section.WHERE,
        metavar="FILE",
        help="Run the checks in the image of this `docker save` archive.",
    ),
    Option(
        flag="--runner",
        field="runner",
        kind=kinds.RUNNER,
        default="auto",
        section=Section.WHERE,
        metavar="auto|docker|local",
        help="Where Airflow is: in an image (docker) or in this job (local); auto: in the named "
        "image, else in this job.",
    ),
    Option(
        flag="--python",
        field="python",
        kind=kinds.TEXT,
        default="",
        section=Section.WHERE,
        help="The Python interpreter that has Airflow.",
    ),
    Option(
        flag="--env-file",
        field="env_file",
        kind=kinds.PATH,
        default=None,
        section=Section.HOW,
        metavar="FILE",
        help="A file with variables for the DAG files and tests; by default the project's .env.",
    ),
    AS_JSON,
)
PARSE_OPTIONS = (
    Option(
        flag="--set-variable",
        field="variables",
        kind=kinds.LINES,
        default=(),
        section=Section.HOW,
        metavar="NAME=VALUE",
        help="An Airflow Variable that DAG files read; other Variables get made-up values.",
    ),
    Option(
        flag="--max-parse-seconds",
        field="max_parse_seconds",
        kind=kinds.SECONDS,
        default=None,
        section=Section.HOW,
        metavar="SECONDS",
        help="The time limit for a DAG file; by default Airflow's own limit, 30 unless configured.",
    ),
    Option(
        flag="--allow-no-dags",
        field="allow_no_dags",
        kind=kinds.BOOLEAN,
        default=False,
        section=Section.GUARDS,
        help="Pass even if the project has no DAG.",
    ),
)
WHICH_OPTIONS = (
    Option(
        flag="--static",
        field="static",
        kind=kinds.BOOLEAN,
        default=True,
        section=Section.HOW,
        help="Run the static check.",
    ),
    Option(
        flag="--parse",
        field="parse",
        kind=kinds.BOOLEAN,
        default=True,
        section=Section.HOW,
        help="Load every DAG file.",
    ),
    Option(
        flag="--pytest",
        field="pytest",
        kind=kinds.SWITCH_OR_TESTS,
        default=True,
        section=Section.HOW,
        help="Run the tests.",
        input_help="True, false, or a path.",
    ),
    Option(
        flag="--pytest-path",
        field="pytest_path",
        kind=kinds.TEXT,
        default="tests",
        section=Section.HOW,
        help="What to test, relative to the project's directory.",
    ),
)
REPORTS = (SARIF, JUNIT_XML, CODE_QUALITY)
PYTEST_JUNIT_XML = Option(
    flag="--junit-xml",
    field="junit_xml",
    kind=kinds.PATH,
    default=None,
    section=Section.OUTPUT,
    metavar="FILE",
    help="Write pytest's JUnit report to this file.",
)
