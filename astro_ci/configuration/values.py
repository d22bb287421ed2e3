"""Read and check the values of options.

The `parse_` and `check_` functions raise ConfigurationError. They take the value's name for the
message.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from astro_ci.errors import ConfigurationError, ProjectError
from astro_ci.model import Request
from astro_ci.planning.marker import PREFIXED_LAYOUT, ROOT_LAYOUT, description_room
from astro_ci.text import Regex, excerpt

BASE_WORDS = ("auto", "deployed", "event")
# The words of deploy-action, besides astro-ci's own words.
TYPE_WORDS = {
    "auto": Request.AUTO,
    "infer": Request.AUTO,
    "dags": Request.DAGS,
    "dags-only": Request.DAGS,
    "image-and-dags": Request.IMAGE_AND_DAGS,
    "image": Request.IMAGE,
    "image-only": Request.IMAGE,
}
LAYOUTS = (PREFIXED_LAYOUT, ROOT_LAYOUT)
"""The layouts of a DAG bundle: with the files below dags/, or at its root."""
RUNNERS = ("auto", "docker", "local")
"""The places where a check can run."""
CHECKS = ("static", "parse", "pytest")
"""The checks that --force can override."""
_PART = r"[a-z0-9]+(?:(?:[.]|__?|-+)[a-z0-9]+)*"
# The first part of a name is a host when it has a dot or a port, or is localhost.
_HOST = (
    r"(?:localhost|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+|\[[0-9A-Fa-f:]+\])(?::[0-9]+)?"
    r"|[A-Za-z0-9-]+:[0-9]+"
)
_IMAGE_NAME = Regex(
    rf"(?:(?:{_HOST})/)?{_PART}(?:/{_PART})*(?::\w[\w.-]{{0,127}})?(?:@sha(?:256|512):[0-9a-f]{{64,128}})?"
    r"|sha256:[0-9a-f]{8,64}",
    re.ASCII,
)
"""Source: the grammar of the reference package of distribution; and the id of an image."""
_LONGEST_IMAGE_NAME = 600
_NO_IMAGE = "no-custom-image"
_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def parse_type(name: str, text: str) -> Request:
    """Read a deploy type, in astro-ci's or deploy-action's words."""
    if text not in TYPE_WORDS:
        raise ConfigurationError(
            f"{name} is '{excerpt(text)}', which is not a deploy type",
            hint=f"Use one of {', '.join(TYPE_WORDS)}.",
        )
    return TYPE_WORDS[text]


def parse_boolean(name: str, text: str) -> bool:
    """Read true or false, yes or no, 1 or 0; refuse other texts."""
    value = _BOOLEANS.get(text.strip().lower())
    if value is None:
        raise ConfigurationError(
            f"{name} is '{excerpt(text)}', which is neither true nor false",
            hint=f"Use one of {', '.join(_BOOLEANS)}.",
        )
    return value


def parse_checks(name: str, text: str) -> tuple[str, ...]:
    """Read names of checks, or true for all of them and false for none."""
    words = text.replace(",", " ").split()
    if len(words) == 1 and words[0].lower() in _BOOLEANS:
        return CHECKS if parse_boolean(name, text) else ()
    for word in words:
        check_check(name, word)
    return tuple(check for check in CHECKS if check in words)


def check_check(name: str, value: str) -> None:
    """Refuse a word that is not the name of a check."""
    if value not in CHECKS:
        raise ConfigurationError(
            f"{name} has '{excerpt(value)}', which is not a check",
            hint=f"Use one or more of {', '.join(CHECKS)}, or true for all of them.",
        )


def check_checks(name: str, values: Sequence[str]) -> None:
    """Refuse a list with a word that is not the name of a check."""
    for value in values:
        check_check(name, value)


def parse_tests(name: str, text: str) -> str:
    """Read the tests to run: a path, true for the default path, or false for no tests."""
    word = _BOOLEANS.get(text.strip().lower())
    return read_text(name, text) if word is None else str(word).lower()


def parse_duration(name: str, text: str) -> float:
    """Read `90`, `90s`, `10m`, `1h`, `1h30m` as seconds."""
    found = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?", text.strip())
    if not text.strip() or found is None:
        raise ConfigurationError(
            f"{name}: '{excerpt(text)}' is not a duration",
            hint="Write it as 90s, 10m, 1h or 1h30m.",
        )
    hours, minutes, seconds = (int(group or 0) for group in found.groups())
    return float(hours * 3600 + minutes * 60 + seconds)


def written_duration(seconds: float) -> str:
    """Write a duration as a user would: `10m`, `1h30m`, `90s`."""
    hours, rest = divmod(round(seconds), 3600)
    minutes, rest = divmod(rest, 60)
    parts = ((hours, "h"), (minutes, "m"), (rest, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0s"


def parse_layout(name: str, text: str) -> str:
    """Read the layout of the DAG bundle."""
    if text not in LAYOUTS:
        raise ConfigurationError(
            f"{name} is '{excerpt(text)}', which is not a layout of the DAG bundle",
            hint="Use prefixed for files below dags/, or root for files at the bundle's root.",
        )
    return text


def check_image_name(name: str, value: str) -> None:
    """Refuse an invalid name of an image."""
    if value and (len(value) > _LONGEST_IMAGE_NAME or not _IMAGE_NAME.fullmatch(value)):
        raise ConfigurationError(
            f"{name} is '{excerpt(value)}', which is not the name of an image",
            hint="Write it as REPOSITORY:TAG or REPOSITORY@sha256:DIGEST, with the host of the "
            "registry in front where it is not Docker Hub; a repository has no capital letters.",
        )


def parse_image_name(name: str, text: str) -> str:
    """Read the name of an image; deploy-action has a special word for no image."""
    value = text.strip()
    if value == _NO_IMAGE:
        return ""
    check_image_name(name, value)
    return value


def parse_runner(name: str, text: str) -> str:
    """Read the place where a check runs."""
    if text not in RUNNERS:
        raise ConfigurationError(
            f"{name} is '{excerpt(text)}', which is not a runner for checks",
            hint=f"Use one of {', '.join(RUNNERS)}.",
        )
    return text


def parse_seconds(name: str, text: str) -> float:
    """Read a number of seconds, which may have a fraction."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < math.inf:
        raise ConfigurationError(
            f"{name} is '{excerpt(text)}', which is not a time limit",
            hint="Use a number of seconds greater than 0.",
        )
    return seconds


def read_text(name: str, text: str) -> str:
    """Refuse an empty text."""
    if not text.strip():
        raise ConfigurationError(f"{name} is empty", hint=f"Give {name} a value, or remove it.")
    return text


def read_id(name: str, text: str) -> str:
    """Read an id from the file, in which names have another key."""
    try:
        check_id(name, text)
    except ConfigurationError as error:
        raise ConfigurationError(
            error.message,
            hint="Copy the id from Astro, or write the Deployment's name under `name`.",
        ) from error
    return text


def check_id(name: str, value: str) -> None:
    """Refuse a text that cannot be an id in Astro, because ids become part of a URL."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", value):
        raise ConfigurationError(
            f"{name} is '{excerpt(value)}', which is not an id",
            hint="Copy the id from the Deployment's page in Astro, or use --deployment-name for a "
            "name.",
        )


def check_description(name: str, value: str) -> None:
    """Refuse a description that is too long."""
    if len(value) > description_room():
        raise ConfigurationError(
            f"{name} is too long: it has {len(value)} characters",
            hint=f"Shorten it to {description_room()} characters: Astro accepts 500, and astro-ci "
            "needs the rest for its digests.",
        )


def check_base(name: str, value: str) -> None:
    """Refuse a text that git would read as an option."""
    if value.startswith("-"):
        raise ConfigurationError(
            f"{name} is '{excerpt(value)}', which is not a commit or ref",
            hint=f"Use {', '.join(BASE_WORDS)}, a commit, a branch or a tag.",
        )


def check_build_argument(name: str, value: str) -> None:
    """Refuse an argument without a name. The message does not repeat it: it may be a secret."""
    if not re.match(r"[A-Za-z_][A-Za-z0-9_]*(=|$)", value):
        raise ConfigurationError(
            f"{name} is not NAME=value or NAME", hint="Write --build-arg NAME=value."
        )


def check_wait(name: str, seconds: float) -> None:
    """Refuse a wait time that is not positive."""
    if seconds <= 0:
        raise ConfigurationError(
            f"{name} must be greater than 0",
            hint="Use a time such as 90s or 10m. To skip waiting for the rollout, use --no-wait.",
        )


def check_nothing(_name: str, _value: Any) -> None:
    """Accept every value."""


def read_glob(name: str, text: str) -> str:
    """Read a glob of paths, and refuse a glob that can match nothing."""
    from astro_ci.planning.rules import parse_globs

    try:
        parse_globs([read_text(name, text)], name=name)
    except ProjectError as error:
        message = error.message.removeprefix(f"{name} line 1: ")
        raise ConfigurationError(f"{name}: {message}", hint=error.hint) from error
    return text


def read_silence_text(name: str, text: str) -> str:
    """Read a rule, and an optional glob of the paths where its findings are ignored."""
    rule, _, glob = text.strip().partition(" ")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9*-]*", rule):
        raise ConfigurationError(
            f"{name} has '{excerpt(rule)}', which is not the name of a rule",
            hint="Copy the rule from the finding, such as dag-syntax.",
        )
    if not glob.strip():
        return rule
    if glob.lstrip().startswith("!"):
        raise ConfigurationError(
            f"{name} has the path '{excerpt(glob)}', which starts with !",
            hint="Name the paths whose findings are ignored, without !.",
        )
    return f"{rule} {read_glob(name, glob.strip())}"
