"""Read an image on the engine: its config, and some of its files."""

from __future__ import annotations

import logging
import posixpath
import tarfile
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, cast

from msgspec.structs import replace

from astro_ci.errors import DockerError
from astro_ci.image.elf import HEADER_BYTES, machine_of
from astro_ci.image.engine import Engine
from astro_ci.image.facts import ImageFacts
from astro_ci.project.runtime import LABEL
from astro_ci.text import excerpt, printable
from astro_ci.web.ahead import begin

log = logging.getLogger(__name__)

REVISION_LABEL = "org.opencontainers.image.revision"
SOURCE_LABEL = "org.opencontainers.image.source"
# Each image of a Linux distribution has one of these programs. Those that are usually no links come
# first, because the engine needs as much time to read a link as to read a program.
_PROGRAMS = ("/usr/bin/env", "/bin/busybox", "/bin/sh", "/usr/local/bin/python")
_MOST_LINKS = 8
_HOME = "/usr/local/airflow"


def inspect_image(engine: Engine, reference: str, *, named: str = "") -> ImageFacts:
    """Read the facts about an image on the engine. Raises DockerError when it has no such image.

    `named` is the user's name of the image, if it differs.
    """
    from docker.errors import DockerException, ImageNotFound
    from requests import RequestException

    shown = named or reference
    try:
        found = engine.client.images.get(reference).attrs
    except ImageNotFound as error:
        raise DockerError(
            f"the Docker Engine at {engine.host} has no image {shown}",
            hint="Build or pull the image in this job, on this engine, before the deploy.",
        ) from error
    except (DockerException, RequestException) as error:
        raise DockerError(f"the image {shown} could not be inspected: {error}") from error
    labels = (found.get("Config") or {}).get("Labels") or {}
    return ImageFacts(
        reference=shown,
        id=found["Id"],
        os=printable(found.get("Os") or ""),
        architecture=printable(found.get("Architecture") or ""),
        runtime_version=excerpt(labels.get(LABEL) or "") or None,
        revision=labels.get(REVISION_LABEL, ""),
        source_url=printable(labels.get(SOURCE_LABEL) or ""),
        layers=tuple((found.get("RootFS") or {}).get("Layers") or ()),
    )


def look_into_image(engine: Engine, facts: ImageFacts) -> ImageFacts:
    """Add the machine that a program of the image was compiled for."""
    return replace(facts, machine=read_machine(engine, facts.id))


def read_machine(engine: Engine, reference: str) -> str:
    """Return the machine that a program of the image was compiled for; empty when unknown."""
    from docker.errors import DockerException
    from requests import RequestException

    try:
        with _container(engine, reference) as container:
            for program in _PROGRAMS:
                if machine := machine_of(_read_start(engine, container, program)):
                    return machine
    except (DockerException, RequestException, tarfile.TarError, OSError) as error:
        log.debug("no program of %s could be read: %s", reference, error)
    return ""


def list_dag_files(engine: Engine, reference: str) -> Sequence[str] | None:
    """List the files where Airflow looks for DAGs; None when the image could not be read."""
    from docker.errors import DockerException, NotFound
    from requests import RequestException

    try:
        with _container(engine, reference) as container:
            home = _airflow_home(engine, reference)
            try:
                chunks, _ = engine.client.api.get_archive(container, f"{home}/dags")
            except NotFound:
                return []
            with _stream(chunks) as archive:
                names = [entry.name for entry in archive if not entry.isdir()]
    except (DockerException, RequestException, tarfile.TarError, OSError) as error:
        log.debug("the DAGs of %s could not be listed: %s", reference, error)
        return None
    return sorted(name.partition("/")[2] for name in names)


def _airflow_home(engine: Engine, reference: str) -> str:
    config = engine.client.images.get(reference).attrs.get("Config") or {}
    variables = dict(entry.partition("=")[::2] for entry in config.get("Env") or ())
    return (variables.get("AIRFLOW_HOME") or _HOME).rstrip("/")


@contextmanager
def _container(engine: Engine, reference: str) -> Iterator[str]:
    """Make a container of the image that is never started, and give its name."""
    name = f"astro-ci-look-{uuid.uuid4().hex[:12]}"
    # `containers.create` would ask for all that there is to say about it.
    create = engine.client.api.create_container
    made = begin(lambda: create(reference, name=name, entrypoint=["none"], command=[]))
    try:
        made.result()
        yield name
    finally:
        engine.remove_container_aside(name, made)


def _read_start(engine: Engine, container: str, path: str) -> bytes:
    """Read the first bytes of a program, through links; empty when there is no such program."""
    from docker.errors import NotFound

    for _ in range(_MOST_LINKS):
        try:
            chunks, _ = engine.client.api.get_archive(container, path)
        except NotFound:
            return b""
        with _stream(chunks) as archive:
            entry = archive.next()
            if entry is None or not (entry.issym() or entry.isreg()):
                return b""
            if entry.isreg():
                file = archive.extractfile(entry)
                return file.read(HEADER_BYTES) if file else b""
            target = entry.linkname
        path = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    return b""


@contextmanager
def _stream(chunks: Iterable[bytes]) -> Iterator[tarfile.TarFile]:
    """Read an archive as it arrives, and do not wait for its unread rest."""
    reader = _Reader(iter(chunks))
    try:
        with tarfile.open(fileobj=cast("IO[bytes]", reader), mode="r|") as archive:
            yield archive
    finally:
        reader.close()


class _Reader:
    """A file object that reads from chunks, for tarfile."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def read(self, size: int) -> bytes:
        """Read `size` bytes, fewer only at the end."""
        while len(self._rest) < size and (chunk := next(self._chunks, b"")):
            self._rest += chunk
        found, self._rest = self._rest[:size], self._rest[size:]
        return found

    def close(self) -> None:
        """Discard the rest."""
        close = getattr(self._chunks, "close", None)
        if close:
            close()
