"""Build with a docker command that has BuildKit."""

from __future__ import annotations

import logging
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from astro_ci.image.building.builder import LOAD, PLATFORM, Builder
from astro_ci.image.building.context import copy_context, write_context
from astro_ci.image.building.process import Feed, run_command
from astro_ci.image.building.spec import Build
from astro_ci.project.find import read_dockerfile
from astro_ci.text import Regex

log = logging.getLogger(__name__)

_ERROR = "ERROR: "
# Build arguments are passed in the environment, except for variables that the docker command reads.
_STEERING = Regex(
    r"(DOCKER|BUILDX|BUILDKIT|COMPOSE|GO|LC|LD|OTEL|SSH|SSL|XDG)(_.*)?|GODEBUG|HOME|LANG|PATH|PWD"
    r"|SOURCE_DATE_EPOCH|TMPDIR|(ALL|FTP|HTTPS?|NO)_PROXY",
    re.IGNORECASE,
)


def run_build(
    builder: Builder,
    build: Build,
    *,
    env: Mapping[str, str],
    on_line: Callable[[str], None],
    archive: Path | None = None,
) -> str:
    """Run the build and return its error, or an empty text.

    The image goes to the engine. With `archive`, it goes to this new file in the format of
    `docker save` instead, and no engine is needed.
    """
    log.debug("building with %s", " ".join(builder.arguments))
    build_args, carried = _build_arguments(build.build_args, env)
    with _context(build, env.get("TMPDIR")) as (context, feed):
        argv = [
            *_arguments(builder, archive),
            *("--platform", PLATFORM, "--progress", "plain", "--tag", build.tag),
            *(f"--label={name}={value}" for name, value in build.labels.items()),
            *build_args,
            *(f"--secret={secret}" for secret in build.secrets),
            *([f"--target={build.target}"] if build.target else ()),
            *(f"--cache-from={place}" for place in build.cache_from),
            *(f"--cache-to={place}" for place in build.cache_to),
            *context,
        ]
        command_env = {**env, **carried, "DOCKER_BUILDKIT": "1"}
        said = ""

        def show(line: str) -> None:
            nonlocal said
            if line.startswith(_ERROR):
                said = line.removeprefix(_ERROR).removeprefix("failed to build: ")
            on_line(line)

        code = run_command(argv, env=command_env, feed=feed, on_line=show)
    return said or f"the docker command ended with exit code {code}" if code else ""


def _arguments(builder: Builder, archive: Path | None) -> Iterator[str]:
    for word in builder.arguments:
        if archive and word == LOAD:
            # A quoted CSV field, as the directory's name may contain a comma.
            place = str(archive).replace('"', '""')
            yield f'--output=type=docker,"dest={place}"'
        else:
            yield word


@contextmanager
def _context(build: Build, temporary: str | None) -> Iterator[tuple[list[str], Feed | None]]:
    """Yield the arguments for Dockerfile and context, and the function that feeds standard input.

    BuildKit applies no ignore file to a tar, and the tar has to contain the Dockerfile. So if the
    ignore file excludes the Dockerfile, a tar would put the Dockerfile into the image. In this case
    the context is copied, with the Dockerfile next to the copy. The same is done when the
    Dockerfile's path leads through a link, whose target may be outside of the context.
    """
    ignore = build.read_ignore()
    whole = Path(os.path.realpath(build.root), build.dockerfile)
    is_link = os.path.realpath(whole) != str(whole)
    if not (is_link or ignore.excludes(build.dockerfile)):

        def feed(out: IO[bytes]) -> None:
            always = (build.dockerfile,)
            write_context(build.root, out, ignore=ignore, leave_out=build.leave_out, always=always)

        yield ["--file", build.dockerfile, "-"], feed
        return
    with tempfile.TemporaryDirectory(prefix="astro-ci-build-", dir=temporary) as made:
        context = Path(made, "context")
        copy_context(build.root, context, ignore=ignore, leave_out=build.leave_out)
        dockerfile = Path(made, "Dockerfile")
        dockerfile.write_bytes(read_dockerfile(build.root, build.dockerfile) or b"")
        # Prevents that the engine applies the copy's .dockerignore a second time.
        Path(f"{dockerfile}.dockerignore").write_text("# applied already\n", "utf-8")
        yield ["--file", str(dockerfile), str(context)], None


def _build_arguments(
    build_args: Mapping[str, str], env: Mapping[str, str]
) -> tuple[list[str], dict[str, str]]:
    """Split build arguments into those on the command line and those in the environment."""
    arguments, carried = [], {}
    for name, value in build_args.items():
        if _STEERING.fullmatch(name) or env.get(name, value) != value:
            arguments.append(f"--build-arg={name}={value}")
        else:
            arguments.append(f"--build-arg={name}")
            carried[name] = value
    return arguments, carried
