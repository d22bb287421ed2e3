"""Names of images, as the docker command reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astro_ci.errors import ConfigurationError
from astro_ci.image.registry.reference import parse_reference

DIGEST = f"sha256:{'a' * 64}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("python", "docker.io/library/python:latest"),
        ("org/app:1.2", "docker.io/org/app:1.2"),
        ("docker.io/python", "docker.io/library/python:latest"),
        ("localhost/app", "localhost/app:latest"),
        ("localhost:5000/app:a", "localhost:5000/app:a"),
        ("ghcr.io/org/team/app_1:v1", "ghcr.io/org/team/app_1:v1"),
        ("[::1]:5000/app", "[::1]:5000/app:latest"),
        (f"ghcr.io/org/app@{DIGEST}", f"ghcr.io/org/app@{DIGEST}"),
        (f"ghcr.io/org/app:1@{DIGEST}", f"ghcr.io/org/app@{DIGEST}"),
    ],
)
def test_names(text: str, expected: str) -> None:
    assert str(parse_reference(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "App",
        "ghcr.io/Org/app",
        "ghcr.io/",
        "ghcr.io//app",
        "ghcr.io/../app",
        "ghcr.io/a/../b",
        "https://ghcr.io/app",
        "app:",
        "app:-x",
        f"app:{'t' * 129}",
        "app@sha256:abc",
        f"app@{DIGEST}x",
        "user:secret@ghcr.io/app",
        "ghcr.io/app?x=y",
        "ghcr.io/app#x",
        "ghcr.io/app\n",
        f"ghcr.io/{'a' * 300}",
    ],
)
def test_what_is_no_name(text: str) -> None:
    with pytest.raises(ConfigurationError, match="is not the name of an image") as caught:
        parse_reference(text)
    assert caught.value.exit_code == 2
    assert "docker pull" in caught.value.hint


@given(st.text(max_size=80))
def test_no_name_leads_to_another_path(text: str) -> None:
    try:
        found = parse_reference(text)
    except ConfigurationError:
        return
    assert not {"?", "#", "%", " ", "\\"} & set(f"{found.host}{found.name}{found.reference}")
    assert ".." not in found.name.split("/")
