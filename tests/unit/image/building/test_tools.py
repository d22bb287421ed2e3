"""The parts around a build: the command, its configuration, its secrets, its output."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import time
from pathlib import Path
from typing import IO

import pytest

from astro_ci.errors import ConfigurationError, DockerError, ProjectError
from astro_ci.image.building.builder import find_builder, version_of
from astro_ci.image.building.docker_config import private_config
from astro_ci.image.building.process import run_command
from astro_ci.image.building.secrets import check_secrets

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
        ("id=pip,src=/no/such/file", "the file /no/such/file, which is not there"),
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


def run(script: str, feed: object = None, on_line: object = None) -> tuple[int, list[str]]:
    lines: list[str] = []
    code = run_command(
        ["/bin/sh", "-c", script],
        env={"PATH": "/usr/bin:/bin"},
        feed=feed,  # type: ignore[arg-type]
        on_line=on_line or lines.append,  # type: ignore[arg-type]
    )
    return code, lines


def test_a_command_gets_its_input_and_gives_both_outputs_and_its_code() -> None:
    def feed(out: IO[bytes]) -> None:
        out.write(b"from the thread\n" * 100_000)

    code, lines = run("wc -l; echo said >&2; printf 'caf\\351 '; exit 3", feed)
    assert code == 3
    assert lines[0].strip() == "100000"
    assert lines[1:] == ["said", "caf\N{REPLACEMENT CHARACTER} "]


def test_input_that_is_not_read_to_its_end_is_no_error() -> None:
    assert run("exit 5", lambda out: out.write(b"x" * 10_000_000))[0] == 5


def test_input_that_breaks_off_stops_the_command_before_it_can_take_it_for_whole(
    tmp_path: Path,
) -> None:
    taken = tmp_path / "taken"

    def feed(out: IO[bytes]) -> None:
        out.write(b"half")
        out.flush()
        raise ProjectError("the file shrank")

    with pytest.raises(ProjectError, match="the file shrank"):
        run(f"cat > /dev/null; touch {taken}", feed)
    assert not taken.exists()


def test_an_exception_while_reading_stops_the_command_and_its_children(tmp_path: Path) -> None:
    pids = tmp_path / "pids"

    def interrupt(line: str) -> None:
        raise KeyboardInterrupt

    started = time.monotonic()
    script = f"trap '' TERM; sleep 300 & echo $$ $! > {pids}; echo go; wait; sleep 300"
    with pytest.raises(KeyboardInterrupt):
        run(script, lambda out: out.write(b"x" * 10_000_000), interrupt)
    assert time.monotonic() - started < 10
    for pid in pids.read_text().split():
        done = subprocess.run(["ps", "-o", "stat=", "-p", pid], capture_output=True, text=True)
        assert done.stdout.strip()[:1] in ("", "Z")


def test_a_command_that_is_not_there_is_named() -> None:
    with pytest.raises(DockerError, match="/no/such/docker could not be started"):
        run_command(["/no/such/docker"], env={}, feed=None, on_line=print)
