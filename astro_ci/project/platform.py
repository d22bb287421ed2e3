"""The Airflow and the default Python of each Astro Runtime. Pure.

As of 2026-09-25. Sources: the Runtime architecture page (Python versioning) of the Astro
documentation for Runtime 4 to 13; `defaultPythonVersion` of Astronomer's list of Runtime versions
for later Runtimes.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from astro_ci.project.runtime import RuntimeVersion

Version = tuple[int, int]

_OF_AIRFLOW_2: Mapping[int, tuple[Version, Version]] = {
    4: ((2, 2), (3, 9)),
    5: ((2, 3), (3, 9)),
    6: ((2, 4), (3, 9)),
    7: ((2, 5), (3, 9)),
    8: ((2, 6), (3, 10)),
    9: ((2, 7), (3, 11)),
    10: ((2, 8), (3, 11)),
    11: ((2, 9), (3, 11)),
    12: ((2, 10), (3, 12)),
    13: ((2, 11), (3, 12)),
}
"""The versions of Airflow and Python, by the first number of the Runtime version."""
_PYTHON_OF_AIRFLOW_3: Mapping[Version, Version] = {
    (3, 0): (3, 12),
    (3, 1): (3, 12),
    (3, 2): (3, 13),
    (3, 3): (3, 14),
}


class Platform(Struct, frozen=True, kw_only=True):
    """The versions that the project's code runs on. None stands for an unknown version."""

    airflow: Version | None = None
    python: Version | None = None

    @property
    def is_airflow_3(self) -> bool:
        """Whether the Airflow version is known and is 3 or later."""
        return self.airflow is not None and self.airflow >= (3, 0)


def platform_of(runtime: str, *, python: str = "") -> Platform:
    """Return the platform of a Runtime version; `python` is the Python version in the image's tag.

    For an invalid Runtime version, or for one newer than the table, unknown versions are None.
    """
    asked = _version(python)
    version = RuntimeVersion.parse(runtime)
    if version is None:
        return Platform(python=asked)
    if version.airflow > 2:
        airflow = version.numbers[:2]
        return Platform(airflow=airflow, python=asked or _PYTHON_OF_AIRFLOW_3.get(airflow))
    known = _OF_AIRFLOW_2.get(version.numbers[0])
    if known is None:  # every Runtime version of this shape has Airflow 2
        return Platform(airflow=(2, 11), python=asked)
    return Platform(airflow=known[0], python=asked or known[1])


def _version(text: str) -> Version | None:
    parts = text.split(".")[:2]
    if len(parts) < 2 or not all(part.isascii() and part.isdigit() for part in parts):
        return None
    return int(parts[0]), int(parts[1])
