"""Find a docker command that can build with BuildKit, by running each command on PATH.

A `docker` with the buildx plugin has BuildKit, and so has a `docker` before version 23. A later
`docker` without the plugin cannot build at all. PATH may have several `docker` commands.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path

from msgspec import Struct

from astro_ci.image.building.named_builder import chosen_builder, show_builder, without_buildx
from astro_ci.image.user_config import config_directory, read_config
from astro_ci.web.ahead import begin

log = logging.getLogger(__name__)

PLATFORM = "linux/amd64"
LOAD = "--load"
_PLUGINS = tuple(
    f"{start}/docker/cli-plugins"
    for start in ("/usr/local/lib", "/usr/local/libexec", "/usr/lib", "/usr/libexec")
)
_PROBE_SECONDS = 20
# An attestation would turn the tag into an index of manifests, which some registries refuse.
_NO_ATTESTATIONS = ("--provenance=false", "--sbom=false")


class Builder(Struct, frozen=True):
    """A docker command, and the arguments that start a build with it."""

    arguments: tuple[str, ...]
    shown: str = ""
    """The name of the buildx builder, for a log; empty for the engine's BuildKit."""

    @property
    def is_buildx(self) -> bool:
        """Whether this is the buildx plugin, not the BuildKit of an older docker command."""
        return "buildx" in self.arguments


def find_builder(env: Mapping[str, str], name: str = "") -> Builder | None:
    """Choose the first docker command with buildx, else the first with BuildKit, else None.

    `name` is the buildx builder to use. Raises DockerError when there is no builder of that name,
    or no buildx.
    """
    commands = list(_commands(env))
    # Without a visible plugin, both questions are asked at the same time, as each is slow.
    without = [] if _may_have_buildx(env) or name else _begin(commands, ("build",), env)
    for command, usage in _answers(commands, _begin(commands, ("buildx", "build"), env)):
        if "--secret" in usage and LOAD in usage:
            flags = [flag for flag in _NO_ATTESTATIONS if flag.partition("=")[0] in usage]
            chosen = name or chosen_builder(env)
            shown = show_builder(command, chosen, env) if chosen else ""
            named = (f"--builder={name}",) if name else ()
            return Builder((command, "buildx", "build", *named, LOAD, *flags), shown)
    if name:
        raise without_buildx("--builder")
    for command, usage in _answers(commands, without or _begin(commands, ("build",), env)):
        if "--secret" in usage:
            return Builder((command, "build"))
    log.debug("no BuildKit in %s", commands or "PATH: no docker command")
    return None


def version_of(builder: Builder, env: Mapping[str, str]) -> str:
    """Ask for the version of a builder; empty when it is not known."""
    words = ("buildx", "version") if builder.is_buildx else ("--version",)
    return _ask((builder.arguments[0], *words), env).strip()


def _begin(
    commands: Sequence[str], words: Sequence[str], env: Mapping[str, str]
) -> list[Future[str]]:
    """Ask each command for its help text; all at the same time, as each is slow to start."""
    return [begin(partial(_ask, (command, *words, "--help"), env)) for command in commands]


def _answers(commands: Sequence[str], asked: Sequence[Future[str]]) -> Iterator[tuple[str, str]]:
    for command, usage in zip(commands, asked, strict=True):
        yield command, usage.result()


def _may_have_buildx(env: Mapping[str, str]) -> bool:
    """Whether the plugin is in one of docker's usual plugin directories.

    Source: docker/cli, cli-plugins/manager.
    """
    extra = read_config(env).get("cliPluginsExtraDirs")
    own = config_directory(env) / "cli-plugins"
    places = [*(extra if isinstance(extra, list) else ()), own, *_PLUGINS]
    return any(Path(str(place), "docker-buildx").exists() for place in places)


def _commands(env: Mapping[str, str]) -> Iterator[str]:
    seen = set()
    for directory in env.get("PATH", os.defpath).split(os.pathsep):
        found = shutil.which("docker", path=directory) if directory else None
        if found and (real := Path(found).resolve()) not in seen:
            seen.add(real)
            yield found


def _ask(argv: Sequence[str], env: Mapping[str, str]) -> str:
    """Return the output of a command; empty when it fails, as without the buildx plugin."""
    try:
        done = subprocess.run(
            argv,
            env={**env, "DOCKER_BUILDKIT": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PROBE_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        log.debug("%s: %s", argv[0], error)
        return ""
    return done.stdout if done.returncode == 0 else ""
