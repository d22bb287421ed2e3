"""Run a job in a container of an image that has Airflow. The engine may be on another host."""

from __future__ import annotations

import io
import logging
import struct
import tarfile
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from astro_ci.checks.runners.copy import Owner, write_files, write_tree
from astro_ci.checks.runners.job import Job, OnLine
from astro_ci.errors import DockerError
from astro_ci.image.engine import Engine
from astro_ci.web.ahead import begin

if TYPE_CHECKING:
    from docker.models.containers import Container

log = logging.getLogger(__name__)

_HOME = "/usr/local/airflow"
_PYTHON = "python"
_LABEL = "astro-ci-check"
_IN_MEMORY_BYTES = 8 << 20
_LARGEST_RESULT_BYTES = 256 << 20
_LONGEST_LINE_BYTES = 1 << 20
_ANSWER_SECONDS = 30
_BEING_REMOVED = 409
"""The engine's status code while another client removes the container."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerRunner:
    """An image on an engine."""

    engine: Engine
    image: str
    """The image's name on the engine."""
    python: str = ""
    named: str = ""
    """The user's name for the image, when that name differs."""

    @property
    def description(self) -> str:
        """Name the image."""
        return f"in the image {self.named or self.image}"

    @contextmanager
    def place(self, job: Job) -> Iterator[DockerPlace]:
        """Create a container and copy the job's files into it; remove the container in any case."""
        with _asking(f"the image {self.image} could not be used"):
            config: dict[str, Any] = _image(self.engine, self.image).attrs["Config"]
        variables = dict(entry.partition("=")[::2] for entry in config.get("Env") or ())
        named = variables.get("AIRFLOW_HOME") or config.get("WorkingDir") or ""
        home = named.rstrip("/") or _HOME
        name = f"astro-ci-check-{uuid.uuid4().hex[:12]}"
        work = f"/{name}"
        trees = {tree: f"{home}/{tree}" for tree in job.trees}
        argv = job.argv(self.python or _PYTHON, work)
        made = begin(lambda: self._create(name, home, job, argv))
        try:
            with _asking(f"no container could be made of the image {self.image}"):
                container = made.result()
                owner = _owner(container, str(config.get("User") or ""))
                self._fill(container, job, home, trees, work, owner)
            yield DockerPlace(home, trees, work, container, self.image)
        finally:
            wait([made], _ANSWER_SECONDS)  # after a signal the engine may still be at it
            _remove(self.engine, name)

    def _create(self, name: str, home: str, job: Job, argv: list[str]) -> Container:
        from docker.types import LogConfig, Mount

        hidden = [tree for tree, path in job.trees.items() if tree in job.hidden and path.is_dir()]
        return self.engine.client.containers.create(
            self.image,
            name=name,
            # The image's own entrypoint waits for services that a check does not need.
            entrypoint=argv,
            command=[],
            environment=dict(job.env),
            labels={_LABEL: name},
            log_config=LogConfig(type="json-file"),  # some other log drivers cannot be read
            working_dir=home,
            mounts=[Mount(f"{home}/{tree}", None, no_copy=True) for tree in hidden],
        )

    def _fill(
        self,
        container: Container,
        job: Job,
        home: str,
        trees: Mapping[str, str],
        work: str,
        owner: Owner,
    ) -> None:
        for name, source in job.trees.items():
            with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as archive:
                write_tree(archive, f"{home}/{name}"[1:], source, owner)
                _put(container, archive)
        with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as archive:
            files = job.files(project=home, trees=trees, in_place=False)
            write_files(archive, work[1:], files, owner)
            _put(container, archive)


@dataclass(frozen=True, slots=True)
class DockerPlace:
    """A container that was created and not yet started."""

    project: str
    trees: Mapping[str, str]
    work: str
    container: Container = field(repr=False)
    image: str

    def run(self, on_line: OnLine) -> int:
        """Start the container and wait until it ends."""
        hint = "Set --python to the interpreter of the image that has Airflow."
        with _asking(f"a container of the image {self.image} could not be started", hint=hint):
            self.container.start()
        lost = f"the check in a container of the image {self.image} was cut off"
        hint = "See that the Docker Engine stays up and reachable, and run the job again."
        with _asking(lost, hint=hint):
            for line in _lines(self.container.logs(stream=True, follow=True)):
                on_line(line)
            return int(self.container.wait()["StatusCode"])

    def read(self, name: str) -> bytes | None:
        """Copy a file of the job's private directory out of the container."""
        from docker.errors import NotFound

        with _asking("the result of a check could not be copied out of its container"):
            try:
                chunks, _ = self.container.get_archive(f"{self.work}/{name}")
            except NotFound:
                return None
            with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as whole:
                _copy(chunks, whole)
                return _only_file(whole)


@contextmanager
def _asking(what: str, *, hint: str = "") -> Iterator[None]:
    from docker.errors import DockerException
    from requests import RequestException
    from urllib3.exceptions import HTTPError

    try:
        yield
    # An answer that ends early raises the errors of the code that reads the answer.
    except (DockerException, RequestException, HTTPError, tarfile.TarError, struct.error) as error:
        text = str(getattr(error, "explanation", None) or error)
        raise DockerError(f"{what}: {text}", hint=hint) from error


def _image(engine: Engine, reference: str) -> Any:
    from docker.errors import ImageNotFound

    try:
        return engine.client.images.get(reference)
    except ImageNotFound as error:
        raise DockerError(
            f"the Docker Engine at {engine.host} has no image {reference}",
            hint="Build or pull the image in this job, on this engine, before the check.",
        ) from error


def _owner(container: Container, user: str) -> Owner:
    """Find the ids of the image's user, who must own the copied files."""
    name, _, group = user.partition(":")
    if not name:
        return Owner(0, 0)
    rows = [line.split(":") for line in _passwd(container).splitlines()]
    row = next((row for row in rows if len(row) > 3 and name in (row[0], row[2])), None)
    uid, gid = (_number(text) for text in (row[2:4] if row else ("", "")))
    return Owner(_number(name, uid), _number(group, gid))


def _number(text: str, otherwise: int = 0) -> int:
    return int(text) if text.isascii() and text.isdigit() else otherwise


def _passwd(container: Container) -> str:
    from docker.errors import NotFound

    try:
        chunks, _ = container.get_archive("/etc/passwd")
    except NotFound:
        return ""
    with io.BytesIO() as whole:
        _copy(chunks, whole)
        return (_only_file(whole) or b"").decode("utf-8", "replace")


def _put(container: Container, archive: IO[bytes]) -> None:
    """Unpack at `/`, because the engine refuses links that leave the target directory."""
    archive.seek(0)
    if not container.put_archive("/", archive):
        raise DockerError("the files of a check could not be copied into its container")


def _copy(chunks: Iterable[bytes], out: IO[bytes]) -> None:
    for chunk in chunks:
        out.write(chunk)
        if out.tell() > _LARGEST_RESULT_BYTES:
            raise DockerError("the result of a check is larger than 256 MiB")
    out.seek(0)


def _only_file(archive: IO[bytes]) -> bytes | None:
    """Return the content of an archive's first regular file."""
    with tarfile.open(fileobj=archive) as entries:
        for entry in entries:
            file = entries.extractfile(entry) if entry.isreg() else None
            if file is not None:
                return file.read()
    return None


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Split the container's output into lines while it arrives."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        if len(rest) > _LONGEST_LINE_BYTES:
            whole, rest = [*whole, rest], b""
        yield from (line.decode("utf-8", "replace").rstrip("\r") for line in whole)
    if rest:
        yield rest.decode("utf-8", "replace").rstrip("\r")


def _remove(engine: Engine, name: str) -> None:
    """Remove a container and its volumes by name; do nothing when the container does not exist."""
    from docker.errors import APIError, DockerException, NotFound
    from requests import RequestException

    try:
        engine.client.api.remove_container(name, v=True, force=True)
    except NotFound:
        return
    except (DockerException, RequestException) as error:
        if isinstance(error, APIError) and error.status_code == _BEING_REMOVED:
            return
        log.warning("the container %s could not be removed: %s", name, error)
