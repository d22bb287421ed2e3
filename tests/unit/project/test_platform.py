"""What an Astro Runtime brings."""

from __future__ import annotations

import pytest

from astro_ci.project.dockerfile import base_image
from astro_ci.project.platform import Platform, platform_of


@pytest.mark.parametrize(
    ("runtime", "python", "expected"),
    [
        ("4.2.0", "", Platform(airflow=(2, 2), python=(3, 9))),
        ("8.10.0", "", Platform(airflow=(2, 6), python=(3, 10))),
        ("13.1.0", "", Platform(airflow=(2, 11), python=(3, 12))),
        ("13.1.0", "3.11", Platform(airflow=(2, 11), python=(3, 11))),
        ("14.0.0", "", Platform(airflow=(2, 11))),
        ("3.0-1", "", Platform(airflow=(3, 0), python=(3, 12))),
        ("3.3-8", "", Platform(airflow=(3, 3), python=(3, 14))),
        ("3.9-1", "", Platform(airflow=(3, 9))),
        ("3.9-1", "3.14.2", Platform(airflow=(3, 9), python=(3, 14))),
        ("", "", Platform()),
        ("latest", "3", Platform()),
    ],
)
def test_what_a_runtime_brings(runtime: str, python: str, expected: Platform) -> None:
    assert platform_of(runtime, python=python) == expected


@pytest.mark.parametrize(
    ("image", "python"),
    [
        ("quay.io/astronomer/astro-runtime:13.6.0-python-3.11-base", "3.11"),
        ("astrocrpublic.azurecr.io/runtime:3.1-2-python-3.12", "3.12"),
        ("quay.io/astronomer/astro-runtime:13.6.0", ""),
        ("python:3.11-python-3.12", ""),
    ],
)
def test_the_python_that_a_tag_asks_for(image: str, python: str) -> None:
    found = base_image(f"FROM {image}\n")
    assert found is not None
    assert found.python_version == python
