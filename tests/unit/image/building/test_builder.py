"""Which command builds, of those on PATH."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from astro_ci.errors import DockerError
from astro_ci.image.building.builder import find_builder, version_of

NEW_BUILDX = """
case "$*" in
  "buildx build --help") echo "--load --secret --provenance --sbom" ;;
  "buildx version") echo "github.com/docker/buildx v0.24.0" ;;
esac
"""
OLD_BUILDX = """[ "$*" = "buildx build --help" ] && echo "--load --secret" """
# As version 28 behaves without its plugin: general help, and a refusal.
WITHOUT_BUILDX = """
[ "$1" = buildx ] && echo "Usage: docker COMMAND" && exit 0
echo "ERROR: BuildKit is enabled but the buildx component is missing" >&2; exit 1
"""
BUILT_IN = """
[ "$1" = buildx ] && exit 1
[ "$1" = build ] && [ "$DOCKER_BUILDKIT" = 1 ] && echo "--secret stringArray"
[ "$1" = --version ] && echo "Docker version 20.10.24"
exit 0
"""


def install(directory: Path, script: str) -> Path:
    directory.mkdir()
    command = directory / "docker"
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)
    return directory


def path_of(*directories: Path) -> dict[str, str]:
    return {"PATH": os.pathsep.join(map(str, (*directories, "/usr/bin", "/bin")))}


def test_a_command_with_buildx_is_preferred_wherever_it_is_on_path(tmp_path: Path) -> None:
    first, second = install(tmp_path / "a", BUILT_IN), install(tmp_path / "b", NEW_BUILDX)
    found = find_builder(path_of(first, second))
    assert found is not None
    assert found.is_buildx
    assert found.arguments[0] == str(second / "docker")
    assert found.arguments[-2:] == ("--provenance=false", "--sbom=false")
    version = version_of(found, path_of(first, second))
    assert version == "github.com/docker/buildx v0.24.0"


def test_flags_that_an_old_buildx_lacks_are_not_given(tmp_path: Path) -> None:
    found = find_builder(path_of(install(tmp_path / "a", OLD_BUILDX)))
    assert found is not None
    assert found.arguments[1:] == ("buildx", "build", "--load")


def test_a_command_that_cannot_build_is_passed_over_for_one_that_can(tmp_path: Path) -> None:
    first, second = install(tmp_path / "a", WITHOUT_BUILDX), install(tmp_path / "b", BUILT_IN)
    found = find_builder(path_of(first, second))
    assert found is not None
    assert found.arguments == (str(second / "docker"), "build")
    assert not found.is_buildx


@pytest.mark.parametrize("script", [WITHOUT_BUILDX, "exit 127", "kill -9 $$"])
def test_without_buildkit_there_is_no_builder(tmp_path: Path, script: str) -> None:
    install(tmp_path / "a", script)
    # Only our own directory: a real docker further down would be found as well.
    assert find_builder({"PATH": str(tmp_path / "a")}) is None
    assert find_builder({"PATH": str(tmp_path)}) is None


NAMED = """
case "$*" in
  "buildx build --help") echo "--load --secret" ;;
  "buildx inspect -- team") printf 'Driver: remote\\nEndpoint: tcp://me:word@host:1234?x=y\\n' ;;
  "buildx inspect -- "*) echo "ERROR: no builder" >&2; exit 1 ;;
esac
"""


def test_a_named_builder_is_asked_for_and_shown_without_its_login(tmp_path: Path) -> None:
    env = path_of(install(tmp_path / "a", NAMED))
    found = find_builder(env, "team")
    assert found is not None
    assert found.arguments[1:4] == ("buildx", "build", "--builder=team")
    assert found.shown == "team (driver remote at tcp://***@host:1234)"


def test_the_builder_that_was_chosen_before_is_shown(tmp_path: Path) -> None:
    env = path_of(install(tmp_path / "a", NAMED))
    by_variable = find_builder({**env, "BUILDX_BUILDER": "team"})
    state = tmp_path / "config" / "buildx"
    state.mkdir(parents=True)
    (state / "current").write_text('{"Key": "unix:///x", "Name": "team", "Global": false}')
    by_state = find_builder({**env, "DOCKER_CONFIG": str(tmp_path / "config")})
    assert by_variable == by_state
    assert by_state is not None
    assert by_state.shown.startswith("team (driver remote")
    assert "--builder=team" not in by_state.arguments
    (state / "current").write_text("[]")
    unchosen = find_builder({**env, "DOCKER_CONFIG": str(tmp_path / "config")})
    assert unchosen is not None
    assert unchosen.shown == ""


def test_a_named_builder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DockerError, match="the builder other cannot be used: no builder") as told:
        find_builder(path_of(install(tmp_path / "a", NAMED)), "other")
    assert "docker buildx create" in told.value.hint
    env = {"PATH": str(install(tmp_path / "b", BUILT_IN))}
    with pytest.raises(DockerError, match="--builder needs docker's buildx plugin"):
        find_builder(env, "team")
