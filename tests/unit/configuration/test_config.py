from __future__ import annotations

from typing import Any

import pytest

from astro_ci.configuration.config import Config
from astro_ci.configuration.values import parse_duration, written_duration
from astro_ci.errors import ConfigurationError
from astro_ci.planning.marker import description_room


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ({"deployment_id": "../../organizations"}, "--deployment-id is .* not an id", "name"),
        ({"deployment_id": "prod env"}, "--deployment-id is 'prod env'", "--deployment-name"),
        ({"workspace_id": "a/b"}, "--workspace-id", "Copy the id"),
        ({"organization_id": ""}, "--organization-id", "Copy the id"),
        ({"deployment_id": "cl1", "deployment_name": "x"}, "both set", "once"),
        ({"description": "x" * 501}, "it has 501 characters", "Shorten it to"),
        ({"base": "--upload-pack=x"}, "not a commit or ref", "deployed"),
        ({"build_args": ("1=2",)}, "--build-arg is not NAME=value", "NAME=value"),
        ({"build_args": ("--x",)}, "--build-arg is not NAME=value", "NAME=value"),
        ({"builder": "--allow=security.insecure"}, "not the name of a builder", "buildx ls"),
        ({"builder": "a b"}, "--builder is 'a b'", "buildx ls"),
        ({"target": "--network=host"}, "--target is .* not the name of a stage", "AS"),
        ({"dockerfile": "../Dockerfile"}, "outside of the project", "Move the Dockerfile"),
        ({"dockerfile": "a/../../b"}, "outside of the project", "Move the Dockerfile"),
        ({"dockerfile": "/etc/passwd"}, "outside of the project", "Move the Dockerfile"),
        ({"dockerfile": "-"}, "not the path of a file", "docker/Dockerfile"),
        ({"dockerfile": "./"}, "not the path of a file", "docker/Dockerfile"),
        ({"dockerfile": ""}, "not the path of a file", "docker/Dockerfile"),
        ({"cache_from": ("--push",)}, "--cache-from is not a place", "type=registry"),
        ({"cache_to": ("a\nb",)}, "--cache-to is not a place", "type=registry"),
        ({"image_name": "a:1", "builder": "b"}, "--builder is for building", "--image-name"),
        ({"image_name": "a:1", "dockerfile": "b"}, "--dockerfile is for building", "--image-name"),
        ({"wait_seconds": 0.0}, "--wait-time", "--no-wait"),
    ],
)  # fmt: skip
def test_refuses(options: dict[str, Any], message: str, hint: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        Config(**options)
    assert hint in caught.value.hint
    assert caught.value.exit_code == 2


def test_what_makes_the_image_counts_and_the_usual_does_not() -> None:
    assert Config().build_inputs == ()
    assert Config(builder="b", cache_from=("c",), cache_to=("d",)).build_inputs == ()
    found = Config(target="Final", dockerfile="docker/Dockerfile").build_inputs
    assert found == ("--dockerfile docker/Dockerfile", "--target final")


def test_takes_a_description_up_to_the_room_there_is() -> None:
    Config(description="x" * description_room())
    with pytest.raises(ConfigurationError):
        Config(description="x" * (description_room() + 1))


def test_a_build_argument_never_shows_its_value() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Config(build_args=("1TOKEN=hunter2",))
    assert "hunter2" not in f"{caught.value}{caught.value.hint}"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("10m", 600), ("1h30m", 5400), (" 2m5s ", 125), ("0", 0)],
)  # fmt: skip
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration("--wait-time", text) == seconds


@pytest.mark.parametrize("text", ["", " ", "10 minutes", "m", "-5", "1.5h", "5m1h", "1h 5m"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ConfigurationError, match="not a duration") as caught:
        parse_duration("--wait-time", text)
    assert "1h30m" in caught.value.hint


@pytest.mark.parametrize("text", ["90s", "10m", "1h30m", "1h", "1h1m1s", "0s"])
def test_durations_are_written_as_they_are_read(text: str) -> None:
    again = written_duration(parse_duration("--wait-time", text))
    assert parse_duration("--wait-time", again) == parse_duration("--wait-time", text)
    assert written_duration(600.0) == "10m"
