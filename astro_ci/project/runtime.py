"""Parse and order Astro Runtime versions, which have two shapes.

`12.1.1` is a Runtime with Airflow 2. `3.1-2` is the second Runtime with Airflow 3.1, and newer
than all versions of the first shape. The candidates `13.0.0-rc1` and `3.1-2.rc1` come before their
releases.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

from astro_ci.text import Regex

LABEL = "io.astronomer.docker.runtime.version"
"""The label with the Runtime version from which an image was built."""

_AIRFLOW_2 = Regex(r"(\d+)\.(\d+)\.(\d+)(?:[.+-](.+))?", re.ASCII)
_AIRFLOW_3 = Regex(r"(\d+)\.(\d+)-(\d+)(?:[.+-](.+))?", re.ASCII)
_PRERELEASE = Regex(r"(dev|alpha|a|beta|b|rc)[.-]?(\d*)(?![a-z])", re.ASCII | re.IGNORECASE)
_STAGES = {"dev": 0, "a": 1, "alpha": 1, "b": 2, "beta": 2, "rc": 3}
_RELEASED = (4, 0)


class RuntimeVersion(Struct, frozen=True, eq=False):
    """A parsed version. Versions of both shapes compare by age, whatever their text."""

    airflow: int
    """Airflow's major version: 2 for the shape `12.1.1`, the first number for the shape `3.1-2`."""
    numbers: tuple[int, int, int]
    stage: tuple[int, int] = _RELEASED
    text: str = ""

    @classmethod
    def parse(cls, text: str) -> RuntimeVersion | None:
        """Parse a version; return None when the text has neither shape."""
        stripped = text.strip()
        if match := _AIRFLOW_2.fullmatch(stripped):
            airflow = 2
        elif match := _AIRFLOW_3.fullmatch(stripped):
            airflow = int(match[1])
        else:
            return None
        numbers = int(match[1]), int(match[2]), int(match[3])
        return cls(airflow, numbers, _stage(match[4] or ""), stripped)

    @property
    def age(self) -> tuple[int, tuple[int, int, int], tuple[int, int]]:
        """The sort key: a newer version has a greater one."""
        return self.airflow, self.numbers, self.stage

    def __eq__(self, other: object) -> bool:
        return self.age == other.age if isinstance(other, RuntimeVersion) else NotImplemented

    def __lt__(self, other: RuntimeVersion) -> bool:
        return self.age < other.age

    def __le__(self, other: RuntimeVersion) -> bool:
        return self.age <= other.age

    def __hash__(self) -> int:
        return hash(self.age)

    def __str__(self) -> str:
        return self.text


def version_in_tag(tag: str) -> str:
    """Return the Runtime version in an image tag, without suffixes; empty when there is none.

    `13.1.0-python-3.11-base` gives `13.1.0`; `13.0.0-rc1` gives `13.0.0-rc1`.
    """
    match = _AIRFLOW_2.fullmatch(tag) or _AIRFLOW_3.fullmatch(tag)
    if match is None:
        return ""
    suffix = match[4] or ""
    stage = _PRERELEASE.match(suffix)
    return tag[: len(tag) - len(suffix) + (stage.end() if stage else 0)].rstrip(".+-")


AIRFLOW_3_NEEDS = RuntimeVersion(2, (12, 0, 0), text="12.0.0")
"""The oldest Runtime from which a Deployment can upgrade to Airflow 3."""


def newest_first(versions: Iterable[str]) -> list[str]:
    """Sort versions from new to old; invalid versions come last, in alphabetical order."""
    known = {text: RuntimeVersion.parse(text) for text in versions}
    parsed = sorted(((v, text) for text, v in known.items() if v is not None), reverse=True)
    return [text for _, text in parsed] + sorted(t for t, v in known.items() if v is None)


def _stage(suffix: str) -> tuple[int, int]:
    match = _PRERELEASE.match(suffix)
    return (_STAGES[match[1].lower()], int(match[2] or 0)) if match else _RELEASED
