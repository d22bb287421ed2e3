"""Build the project's image for linux/amd64: by BuildKit, or by the engine itself without it."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager
from pathlib import Path

from astro_ci.errors import DockerError, ProjectError
from astro_ci.image.building import buildkit, classic
from astro_ci.image.building.builder import Builder, find_builder
from astro_ci.image.building.docker_config import private_config
from astro_ci.image.building.failure import find_failure
from astro_ci.image.building.named_builder import without_buildx
from astro_ci.image.building.secrets import check_secrets
from astro_ci.image.building.spec import Build
from astro_ci.image.engine import Engine, shown_host
from astro_ci.image.facts import ImageFacts
from astro_ci.image.inspection import inspect_image
from astro_ci.project.find import dockerfile_text, read_dockerfile
from astro_ci.web.ahead import begin

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 3.0
"""How long a run that ends early waits for docker commands that tell their features."""

_KEPT_LINES = 200
_VERBOSE = "To see the whole output of the build, use --verbose (ASTRO_CI_VERBOSE=1)."


def build_image(
    engine: Engine,
    build: Build,
    *,
    env: Mapping[str, str],
    on_line: Callable[[str], None],
    builder: Future[Builder | None] | None = None,
) -> ImageFacts:
    """Build an image, tag it and return its facts; all output goes to `on_line` line by line.

    `builder` is what `looking_for_builder` gives, where somebody looks already. Raises
    ProjectError for what is wrong with the project's files, DockerError when the build fails,
    ConfigurationError for a secret that cannot be given. An exception raised by `on_line` or by a
    signal stops the build. In all these cases the tag is gone.
    """
    if not build.root.joinpath(build.dockerfile).is_file():
        raise ProjectError(
            f"there is no {build.dockerfile} in {build.root}",
            hint="Run this in an Astro project, or name the project's directory with --project.",
        )
    check_secrets(build.secrets, env)
    output: deque[str] = deque(maxlen=_KEPT_LINES)

    def show(line: str) -> None:
        output.append(line)
        on_line(line)

    is_built = False
    try:
        problem = _build(engine, build, env, show, builder)
        if problem:
            used = builder.result() if builder else None
            raise _failed(build, problem, list(output), used)
        facts = inspect_image(engine, build.tag)
        is_built = True
    finally:
        if not is_built:
            engine.remove_image(build.tag)
    return facts


def build_archive(
    build: Build,
    archive: Path,
    *,
    env: Mapping[str, str],
    on_line: Callable[[str], None],
    builder: Future[Builder | None],
) -> None:
    """Build the image with a named builder into a new file in the format of `docker save`.

    No engine is needed. Raises the same errors as `build_image`.
    """
    check_secrets(build.secrets, env)
    output: deque[str] = deque(maxlen=_KEPT_LINES)

    def show(line: str) -> None:
        output.append(line)
        on_line(line)

    with private_config(env) as command_env:
        found = builder.result()
        if found is None:
            raise without_buildx("--builder")
        problem = buildkit.run_build(found, build, env=command_env, on_line=show, archive=archive)
    if problem:
        raise _failed(build, problem, list(output), found)
    if not archive.is_file():
        raise DockerError(
            f"the builder {build.builder} left no image: the docker command ended without an error",
            hint=_VERBOSE,
        )


def describe_builder(engine: Engine | None, build: Build, builder: Builder | None) -> str:
    """Describe the builder for a log: its name, its driver, and its endpoint without a login."""
    if builder and builder.shown and not _builds_itself(engine, build):
        return f"the builder {builder.shown}"
    assert engine  # noqa: S101 - without one a builder is named
    place = f"{engine.version} at {shown_host(engine.host)}"
    if engine.is_podman:
        return f"Podman {place}"
    return f"{'BuildKit' if builder else 'the classic builder'} of the Docker Engine {place}"


@contextmanager
def looking_for_builder(env: Mapping[str, str], name: str = "") -> Iterator[Future[Builder | None]]:
    """Start to look for a docker command with BuildKit, which takes as long as loading the SDK.

    `name` is the buildx builder to use.
    """

    def find() -> Builder | None:
        with private_config(env) as command_env:
            return find_builder(command_env, name)

    found = begin(find)
    try:
        yield found
    finally:
        wait([found], PATIENCE_SECONDS)  # it has temporary files


def _build(
    engine: Engine,
    build: Build,
    env: Mapping[str, str],
    on_line: Callable[[str], None],
    builder: Future[Builder | None] | None,
) -> str:
    """Run the build with the best available builder; return its error, or an empty text."""
    with private_config(env) as command_env:
        found = None
        if not _builds_itself(engine, build):
            found = builder.result() if builder else find_builder(command_env, build.builder)
        if build.needs_buildx and not (found and found.is_buildx):
            why = {"why": "Podman builds without it"} if engine.is_podman else {}
            raise without_buildx(build.needs_buildx, **why)
        if found:
            return buildkit.run_build(found, build, env=command_env, on_line=on_line)
    if not engine.is_podman:
        log.warning(
            "no docker command with BuildKit was found, so the engine's classic builder is used: "
            "RUN --mount and COPY --chmod need BuildKit (install docker's buildx plugin)"
        )
    return classic.run_build(engine, build, on_line=on_line)


def _builds_itself(engine: Engine | None, build: Build) -> bool:
    """Whether the engine is Podman, which answers the SDK, but builds without BuildKit.

    A named builder is elsewhere, and loads the image into Podman.
    """
    return engine is not None and engine.is_podman and not build.builder


def _failed(
    build: Build, problem: str, output: Sequence[str], builder: Builder | None
) -> DockerError:
    """Make the error: first the cause, then the last output of the step."""
    read = read_dockerfile(build.root, build.dockerfile)
    failure = find_failure(output, problem, dockerfile_text(read) if read else "")
    step = ""
    if failure.line:
        step = f"Correct line {failure.line} of {build.dockerfile}, or what the step needs. "
    elif builder and builder.shown and not failure.said:
        step = f"Check with `docker buildx inspect` that the builder answers: {builder.shown}. "
    return DockerError(
        "\n".join([f"the image was not built: {failure.cause}", *failure.said]),
        hint=f"{step}{_VERBOSE}",
    )
