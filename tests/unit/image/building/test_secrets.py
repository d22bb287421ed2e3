"""The secrets that a build is given."""

from __future__ import annotations

from pathlib import Path

import pytest

from astro_ci.errors import ConfigurationError
from astro_ci.image.building.secrets import check_secrets


def test_secrets_that_can_be_given_pass(tmp_path: Path) -> None:
    file = tmp_path / "netrc"
    file.write_text("x")
    secrets = ["id=a,env=A", f"id=b,src={file}", f"type=file,id=c,source={file}", "id=A"]
    check_secrets(secrets, {"A": ""})


@pytest.mark.parametrize(
    ("secret", "message"),
    [
        ("id=pip,env=PIP", "environment variable PIP, which is not set"),
        ("id=PIP", "environment variable PIP, which is not set"),
        ("id=pip,src=/no/such/file", "the file /no/such/file, which does not exist"),
        ("env=A", "has no id"),
        ("hunter2", "is not a list of key=value"),
        ("id=pip,password=hunter2", "is not a list of key=value"),
        ("id=", "is not a list of key=value"),
    ],
)
def test_secrets_that_would_be_empty_or_wrong_are_refused(secret: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        check_secrets([secret], {"A": "1"})
    assert caught.value.hint
    assert "hunter2" not in str(caught.value) + caught.value.hint
