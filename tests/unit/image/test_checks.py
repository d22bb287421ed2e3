"""What an image is refused for, and the remedy that each refusal names."""

from __future__ import annotations

import pytest

from astro_ci.errors import ProjectError
from astro_ci.image.checks import check_image
from astro_ci.image.facts import ImageFacts


def facts(version: str | None = "13.1.0", platform: str = "linux/amd64") -> ImageFacts:
    system, _, architecture = platform.partition("/")
    return ImageFacts(
        reference="project:1",
        id="sha256:1",
        os=system,
        architecture=architecture,
        runtime_version=version,
    )


@pytest.mark.parametrize(
    ("built", "running"),
    [
        ("13.1.0", "13.1.0"),
        ("13.1.0", "12.0.0"),
        ("3.1-2", "12.0.0"),
        ("3.1-2", "3.1-1"),
        ("3.1-2", ""),
        ("nightly", "13.1.0"),
        ("13.1.0", "nightly"),
        ("4.0-1", "3.0-1"),
    ],
)
def test_what_astro_can_run_passes(built: str, running: str) -> None:
    check_image(facts(built), running=running, supported=None)
    check_image(facts(built), running=running, supported=[built])


@pytest.mark.parametrize(
    ("image", "running", "supported", "message", "remedy"),
    [
        pytest.param(
            facts(platform="linux/arm64"),
            "",
            None,
            "the image project:1 is for linux/arm64, and Astro runs linux/amd64 only",
            "--platform=linux/amd64",
            id="platform",
        ),
        pytest.param(
            facts(None),
            "13.1.0",
            None,
            "no label io.astronomer.docker.runtime.version",
            "last FROM of the Dockerfile",
            id="label",
        ),
        pytest.param(
            facts("13.0.0"),
            "13.1.0",
            ["13.0.0"],
            "has Astro Runtime 13.0.0 and the Deployment runs 13.1.0: Astro does not downgrade",
            "roll back",
            id="downgrade",
        ),
        pytest.param(
            facts("13.1.0"),
            "3.0-1",
            None,
            "does not downgrade",
            "3.0-1 or later",
            id="downgrade across Airflow",
        ),
        pytest.param(
            facts("3.1-2"),
            "11.9.0",
            None,
            "the move from Airflow 2 starts at Runtime 12.0.0",
            "12.0.0 or a later one with Airflow 2, then",
            id="airflow 3 too early",
        ),
        pytest.param(
            facts("13.1.0"),
            "12.0.0",
            ["9.1.0", "3.1-2", "12.1.0", "13.2.0", "11.0.0", "10.0.0", "9.10.0"],
            "has Astro Runtime 13.1.0, which this Deployment does not support",
            "3.1-2, 13.2.0, 12.1.0, 11.0.0, 10.0.0 and 2 older ones",
            id="unsupported",
        ),
    ],
)
def test_what_astro_cannot_run_is_refused_with_the_remedy(
    image: ImageFacts, running: str, supported: list[str] | None, message: str, remedy: str
) -> None:
    with pytest.raises(ProjectError) as caught:
        check_image(image, running=running, supported=supported)
    assert message in str(caught.value)
    assert remedy in caught.value.hint
    assert caught.value.exit_code == 3
