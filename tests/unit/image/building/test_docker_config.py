"""The configuration of the command that builds: a private copy."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from astro_ci.image.building.docker_config import private_config


def test_the_private_configuration_has_what_is_needed_and_is_deleted(tmp_path: Path) -> None:
    original = tmp_path / "docker"
    for directory in ("cli-plugins", "contexts", "buildx/instances", "buildx/refs"):
        original.joinpath(directory).mkdir(parents=True)
    original.joinpath("buildx", "instances", "ci").write_text("{}")
    original.joinpath("buildx", "current").write_text("ci")
    config = {
        "auths": {"example.com": {"auth": "eDp5"}},
        "credHelpers": {"a": "b"},
        "aliases": {"builder": "elsewhere"},
        "currentContext": "remote",
    }
    original.joinpath("config.json").write_text(json.dumps(config))
    env = {"DOCKER_CONFIG": str(original), "TMPDIR": str(tmp_path), "BUILDX_CONFIG": "", "A": "1"}
    with private_config(env) as command_env:
        private = Path(command_env["DOCKER_CONFIG"])
        assert private.parent == tmp_path
        assert stat.S_IMODE(private.stat().st_mode) == 0o700
        assert stat.S_IMODE(private.joinpath("config.json").stat().st_mode) == 0o600
        carried = json.loads(private.joinpath("config.json").read_text())
        assert carried == {key: value for key, value in config.items() if key != "aliases"}
        assert private.joinpath("cli-plugins").resolve() == original / "cli-plugins"
        assert private.joinpath("buildx", "current").read_text() == "ci"
        private.joinpath("buildx", "instances", "ci").write_text("spoilt")
        assert not private.joinpath("buildx", "refs").exists()
        assert command_env["A"] == "1"
        assert "BUILDX_CONFIG" not in command_env
    assert not private.exists()
    assert original.joinpath("buildx", "instances", "ci").read_text() == "{}"


@pytest.mark.parametrize("content", ["", "not json", "[]"])
def test_a_broken_configuration_counts_as_none(tmp_path: Path, content: str) -> None:
    home = tmp_path / ".docker"
    home.mkdir()
    home.joinpath("config.json").write_text(content)
    with private_config({"HOME": str(tmp_path), "TMPDIR": str(tmp_path)}) as command_env:
        assert Path(command_env["DOCKER_CONFIG"], "config.json").read_text() == "{}"
