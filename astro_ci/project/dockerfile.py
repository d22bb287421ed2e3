"""Read the base image of a Dockerfile, without building it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

from astro_ci.project.runtime import version_in_tag
from astro_ci.text import Regex

_FROM = Regex(
    r"FROM\s+(?P<flags>(?:--\S+\s+)*)(?P<image>\S+)(?:\s+AS\s+(?P<name>\S+))?", re.IGNORECASE
)
_PLATFORM = Regex(r"--platform=(\S+)", re.IGNORECASE)
_AUTOMATIC = {"TARGETPLATFORM": "linux/amd64", "TARGETOS": "linux", "TARGETARCH": "amd64"}
"""The arguments that BuildKit sets for the target platform."""
_ARG = Regex(r"ARG\s+(?P<name>\w+)(?:=(?P<value>.*))?", re.IGNORECASE)
_VARIABLE = Regex(r"\$(?:(\w+)|\{(\w+)(?::?-([^}]*))?\})")
_NEEDS_BUILDKIT = Regex(
    r"^[^\S\n]*(?:RUN\s.*--(?:mount|network|security)=|(?:COPY|ADD)\s.*--(?:chmod|link)"
    r"|(?:RUN|COPY)\b.*<<)",
    re.IGNORECASE | re.MULTILINE,
)
# The limit for the length of a FROM or ARG instruction, and of a value in it.
_LONGEST = 4_000
_RUNTIME_NAMES = ("astro-runtime", "runtime")
_PYTHON = Regex(r"-python-(\d+\.\d+)")


class BaseImage(Struct, frozen=True, kw_only=True):
    """The image on which the target stage is built."""

    reference: str
    platform: str = ""
    """The value of `FROM --platform`, with variables replaced; empty without the option."""

    @property
    def runtime_version(self) -> str:
        """The Astro Runtime version in the image's name; empty when the name has none."""
        name, _, tag = self.reference.partition("@")[0].rpartition(":")
        return version_in_tag(tag) if name.rpartition("/")[2] in _RUNTIME_NAMES else ""

    @property
    def python_version(self) -> str:
        """The Python version in the image's tag, such as `3.11`; empty when the tag has none."""
        asked = _PYTHON.search(self.reference.partition("@")[0].rpartition(":")[2])
        return asked[1] if asked and self.runtime_version else ""


def base_image(
    text: str, build_args: Mapping[str, str] | None = None, target: str = ""
) -> BaseImage | None:
    """Find the base image of the target stage, or of the last stage, through all earlier stages.

    None when there is no FROM, or no stage of the target's name.

    Variables have the values of the build arguments, else of the ARG lines above the first FROM.
    Source: the Dockerfile reference, "Understand how ARG and FROM interact".
    """
    given, values = build_args or {}, dict[str, str]()
    stages: dict[str, BaseImage] = {}
    last: BaseImage | None = None
    count = 0
    for line in _instructions(text):
        if last is None and (arg := _ARG.fullmatch(line)):
            default = _unquoted(_filled(arg["value"] or "", values))
            values[arg["name"]] = given.get(arg["name"], default)
        elif match := _FROM.fullmatch(line):
            image = _filled(match["image"], values)
            asked = _PLATFORM.search(match["flags"])
            platform = _filled(asked[1], {**_AUTOMATIC, **values}) if asked else ""
            last = stages.get(image.lower()) or BaseImage(reference=image, platform=platform)
            stages[str(count)] = last
            count += 1
            if match["name"]:
                stages[match["name"].lower()] = last
    return stages.get(target.lower()) if target else last


def needs_buildkit(text: str) -> bool:
    """Whether the Dockerfile uses features that Docker's classic builder lacks."""
    return bool(_NEEDS_BUILDKIT.search(text.replace("\\\n", " ")))


def _instructions(text: str) -> list[str]:
    # As BuildKit does, which knows no other end of a line.
    lines = [line for line in text.split("\n") if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\[ \t]*\n", " ", "\n".join(lines)).split("\n")
    return [line.strip() for line in joined if len(line) <= _LONGEST]


def _filled(text: str, values: Mapping[str, str]) -> str:
    # A value can hold another value twice, and so on, so its length needs a limit.
    return _VARIABLE.sub(lambda m: values.get(m[1] or m[2]) or m[3] or "", text)[:_LONGEST]


def _unquoted(text: str) -> str:
    text = text.strip()
    is_quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1] if is_quoted else text
