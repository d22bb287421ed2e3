"""Build with the engine's classic builder: the SDK has no BuildKit (docker-py #2230)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, closing
from typing import IO, Any, cast

from astro_ci.errors import DockerError
from astro_ci.image.building.builder import PLATFORM
from astro_ci.image.building.context import write_context
from astro_ci.image.building.process import chunks_of
from astro_ci.image.building.spec import Build
from astro_ci.image.engine import Engine
from astro_ci.text import Regex

_COLOUR = Regex(r"\x1b\[[0-9;]*m")


def run_build(engine: Engine, build: Build, *, on_line: Callable[[str], None]) -> str:
    """Run the build and return its error, or an empty text."""
    from docker.errors import DockerException
    from requests import RequestException

    if build.secrets:
        raise DockerError(
            "build secrets need BuildKit, and no docker command here has it",
            hint="Install the Docker command line with its buildx plugin (packages "
            "docker-ce-cli and docker-buildx-plugin).",
        )
    with _tar(build) as chunks:
        try:
            messages = engine.client.api.build(
                fileobj=cast("IO[bytes]", chunks),
                custom_context=True,
                dockerfile=build.dockerfile,
                target=build.target or None,
                cache_from=list(build.cache_from) or None,
                tag=build.tag,
                labels=dict(build.labels),
                buildargs=dict(build.build_args),
                platform=PLATFORM,
                rm=True,
                forcerm=True,
                decode=True,
            )
            # When an interruption closes the stream, the engine stops the build.
            with closing(messages):
                return _show(messages, on_line)
        except (DockerException, RequestException) as error:
            raise DockerError(f"the Docker Engine aborted the build: {error}") from error


def _tar(build: Build) -> AbstractContextManager[Iterator[bytes]]:
    """Stream the context in chunks. Raises an AstroCIError at the end for an unreadable file."""
    ignore = build.read_ignore()

    def feed(out: IO[bytes]) -> None:
        # The builder needs these two files, and removes them itself if .dockerignore excludes them.
        always = (build.dockerfile, ".dockerignore")
        write_context(build.root, out, ignore=ignore, leave_out=build.leave_out, always=always)

    return chunks_of(feed)


def _show(messages: Iterable[dict[str, Any]], on_line: Callable[[str], None]) -> str:
    for message in messages:
        text = message.get("stream") or message.get("status") or ""
        for line in _COLOUR.sub("", str(text)).splitlines():
            if line.strip():
                on_line(line)
        if "error" in message:
            return str(message["error"]).strip()
    return ""
