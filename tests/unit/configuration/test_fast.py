"""The values of --fast and --fast-max-age."""

from __future__ import annotations

import pytest

from astro_ci.configuration.config import Config
from astro_ci.configuration.fast import parse_age, parse_fast, written_age
from astro_ci.errors import ConfigurationError

DAY = 86_400.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7d", 7 * DAY), ("12h", DAY / 2), ("1d12h", 1.5 * DAY), ("30m", 1800.0), ("0d", 0.0)],
)
def test_an_age(text: str, seconds: float) -> None:
    assert parse_age("--fast-max-age", text) == seconds
    assert parse_age("--fast-max-age", written_age(seconds) if seconds else "0d") == seconds


@pytest.mark.parametrize("text", ["", "7", "d", "7 days", "-1d", "1h2d", "1.5d", "9" * 30 + "d"])
def test_no_age(text: str) -> None:
    with pytest.raises(ConfigurationError, match="is not an age") as caught:
        parse_age("--fast-max-age", text)
    assert caught.value.hint == "Write it as 12h, 7d or 1d12h."


@pytest.mark.parametrize("text", ["off", "false", "No", "0"])
def test_off_as_yaml_may_write_it(text: str) -> None:
    assert parse_fast("--fast", text) == "off"


def test_another_word() -> None:
    with pytest.raises(ConfigurationError, match="none of auto, require, off, verify"):
        parse_fast("--fast", "yes")
    with pytest.raises(ConfigurationError, match="--fast is 'always'"):
        Config(fast="always")


@pytest.mark.parametrize("word", ["require", "verify"])
def test_a_prebuilt_image_is_not_made_fast(word: str) -> None:
    with pytest.raises(ConfigurationError, match="--fast is for building one"):
        Config(image_name="app:1", fast=word)
    assert Config(image_name="app:1", fast="auto").fast == "auto", "where there is one to build"
