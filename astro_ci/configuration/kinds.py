"""The kinds of option values: how a value is read, checked, and described in the JSON Schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from astro_ci.configuration.build_values import (
    check_builder,
    check_cache,
    check_dockerfile,
    check_target,
    parse_dockerfile,
)
from astro_ci.configuration.fast import FAST_WORDS, check_fast, parse_age, parse_fast
from astro_ci.configuration.values import (
    CHECKS,
    LAYOUTS,
    RUNNERS,
    TYPE_WORDS,
    check_base,
    check_build_argument,
    check_checks,
    check_description,
    check_id,
    check_image_name,
    check_nothing,
    check_wait,
    parse_boolean,
    parse_checks,
    parse_duration,
    parse_image_name,
    parse_layout,
    parse_runner,
    parse_seconds,
    parse_tests,
    parse_type,
    read_glob,
    read_id,
    read_silence_text,
    read_text,
)


class Kind(Struct, frozen=True, kw_only=True):
    """How the values of an option are read, checked and described."""

    read: Callable[[str, str], Any] = read_text
    """Reads a text; the first argument is the value's name. Raises ConfigurationError."""
    check: Callable[[str, Any], None] = check_nothing
    """Refuses an invalid value from any source; called for each value of a list."""
    schema: Mapping[str, Any]
    """The JSON Schema of a value in `astro-ci.yaml`."""
    is_list: bool = False
    is_name: bool = False
    """Whether a value is a name in Astro or in astro-ci, not free text."""
    words: Sequence[str] = ()
    """All allowed values, if there is a fixed set."""


_SCALAR = {"type": ["string", "number"]}  # YAML reads an unquoted 1.10 as a number

TEXT = Kind(schema=_SCALAR)
PATH = Kind(schema=_SCALAR)
ID = Kind(
    read=read_id,
    check=check_id,
    schema={"type": "string", "pattern": "^[A-Za-z0-9_-]{1,100}$"},
    is_name=True,
)
BOOLEAN = Kind(
    read=parse_boolean,
    schema={"enum": [True, False, "yes", "no", "true", "false", 1, 0]},
    is_name=True,
    words=("true", "false"),
)
CHECK_NAMES = Kind(
    read=parse_checks,
    check=check_checks,
    schema={
        "anyOf": [
            BOOLEAN.schema,
            {
                "type": "string",
                "pattern": f"^ *({'|'.join(CHECKS)})([ ,]+({'|'.join(CHECKS)}))*[ ,]*$",
            },
        ]
    },
    is_name=True,
)
TESTS = Kind(
    read=parse_tests, schema={"anyOf": [BOOLEAN.schema, {"type": "string", "minLength": 1}]}
)
SWITCH_OR_TESTS = Kind(read=parse_tests, schema=TESTS.schema)
"""A pair of flags, whose variable may also name what to test."""
DEPLOY_TYPE = Kind(
    read=parse_type,
    schema={"enum": list(TYPE_WORDS)},
    is_name=True,
    words=("auto", "dags", "image-and-dags", "image", "infer", "dags-only", "image-only"),
)
DURATION = Kind(
    read=parse_duration,
    check=check_wait,
    schema={
        "type": ["string", "integer"],
        "minimum": 1,
        "pattern": "^(?=.)([0-9]+h)?([0-9]+m)?([0-9]+s?)?$",
    },
)
AGE = Kind(
    read=parse_age,
    schema={"type": "string", "pattern": "^(?=.)([0-9]+d)?([0-9]+h)?([0-9]+m)?$"},
)
FAST = Kind(
    read=parse_fast,
    check=check_fast,
    schema={"enum": [*FAST_WORDS, False]},
    is_name=True,
    words=FAST_WORDS,
)
LAYOUT = Kind(read=parse_layout, schema={"enum": list(LAYOUTS)}, is_name=True, words=LAYOUTS)
IMAGE_NAME = Kind(read=parse_image_name, check=check_image_name, schema={"type": "string"})
RUNNER = Kind(read=parse_runner, schema={"enum": list(RUNNERS)}, is_name=True, words=RUNNERS)
SECONDS = Kind(read=parse_seconds, schema={"type": "number", "exclusiveMinimum": 0})
BASE = Kind(check=check_base, schema=_SCALAR)
DESCRIPTION = Kind(read=lambda _name, text: text, check=check_description, schema=_SCALAR)
GLOBS = Kind(read=read_glob, schema=_SCALAR, is_list=True)
SILENCES = Kind(read=read_silence_text, schema=_SCALAR, is_list=True)
BUILD_ARGUMENTS = Kind(
    read=lambda _name, text: text, check=check_build_argument, schema=_SCALAR, is_list=True
)
LINES = Kind(schema=_SCALAR, is_list=True)
BUILDER = Kind(check=check_builder, schema={"type": "string"})
STAGE = Kind(check=check_target, schema=_SCALAR)
DOCKERFILE = Kind(read=parse_dockerfile, check=check_dockerfile, schema={"type": "string"})
CACHES = Kind(check=check_cache, schema={"type": "string"}, is_list=True)
