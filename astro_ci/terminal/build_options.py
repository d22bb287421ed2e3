"""The options of `build`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from astro_ci.configuration import kinds
from astro_ci.configuration.option import Option, Section
from astro_ci.terminal.options import AS_JSON, CONFIG_FILE, row

SAVE_TO = Option(
    flag="--save",
    field="save_to",
    kind=kinds.PATH,
    default=None,
    section=Section.HOW,
    metavar="FILE",
    help="Save the image to this file, as `docker save` does; an archive there is replaced.",
    variable_stem="SAVE_IMAGE",
)
PUSH_TO = Option(
    flag="--push",
    field="push_to",
    kind=kinds.TARGET_NAME,
    default="",
    section=Section.HOW,
    metavar="NAME",
    help="Push the image under this name, with the login of `docker login`.",
)
DAGS_IN_IMAGE = Option(
    flag="--dags-in-image",
    field="dags_in_image",
    kind=kinds.BOOLEAN,
    default=False,
    section=Section.WHAT,
    help="Put the DAGs into the image, for Deployments with DAG-only deploys disabled.",
)
DEPLOYMENT_NAME = Option(
    flag="--deployment-name",
    field="deployment_name",
    kind=kinds.TEXT,
    default=None,
    section=Section.WHERE,
    help="The Deployment's key in astro-ci.yaml, when its options differ from the project's.",
)
PARSE = Option(
    flag="--parse",
    field="parse",
    kind=kinds.BOOLEAN,
    default=None,
    section=Section.GUARDS,
    help="Load every DAG file in the image.",
)
PYTEST = Option(
    flag="--pytest",
    field="pytest",
    kind=kinds.TESTS,
    default=None,
    section=Section.GUARDS,
    metavar="[PATH]",
    help="Run the project's tests in the image: all in tests, or PATH.",
    input_help="True, or a path.",
)
FORCE = Option(
    flag="--force",
    field="force",
    kind=kinds.CHECK_NAMES,
    default=(),
    section=Section.GUARDS,
    metavar="[CHECKS]",
    help="Keep the image even if these checks fail: static, parse, pytest; without names, all.",
    input_help="Names separated by commas, or true for all of them.",
)
FROM_CONFIG = tuple(
    row(field)
    for field in (
        *("project", "dags_path", "ignore", "ignore_findings", "image_paths"),
        *("dockerfile", "target", "build_args", "build_secrets"),
        *("builder", "cache_from", "cache_to"),
    )
)
"""The options that a build shares with plan and deploy."""
BUILD_OPTIONS: tuple[Option | Callable[[Any], Any], ...] = (
    *FROM_CONFIG,
    DEPLOYMENT_NAME,
    CONFIG_FILE,
    DAGS_IN_IMAGE,
    SAVE_TO,
    PUSH_TO,
    PARSE,
    PYTEST,
    FORCE,
    AS_JSON,
)
FIELDS = frozenset({*(one.field for one in FROM_CONFIG), "parse", "pytest", "pytest_file", "force"})
"""The fields of Config that a build reads."""
