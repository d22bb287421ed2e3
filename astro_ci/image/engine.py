"""Connect to the Docker Engine that the user's `docker` command would use.

The SDK knows DOCKER_HOST and its TLS variables, but not docker contexts, which `user_config` reads.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, wait
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from astro_ci.errors import DockerError
from astro_ci.image.user_config import DEFAULT_HOST, endpoint_of
from astro_ci.text import crossed_out
from astro_ci.web.ahead import begin

if TYPE_CHECKING:
    import docker

    from astro_ci.image.over_ssh import OverSSH

log = logging.getLogger(__name__)

# The time between two lines of a build or a push: pip may compile for minutes without output.
_SILENCE_SECONDS = 3600
_ANSWER_SECONDS = 30
_HINT = "To use an engine elsewhere, set DOCKER_HOST."


class NoEngineError(DockerError):
    """No engine answers. How to get one depends on the CI system, which the caller knows."""


class Engine(Struct, frozen=True):
    """A Docker Engine that answered."""

    client: docker.DockerClient
    host: str
    version: str
    is_podman: bool = False
    tunnel: OverSSH | None = None
    removing: list[Future[None]] = field(default_factory=list)
    """Running removals, for which only `close` waits."""

    def close(self) -> None:
        """Wait for the removals, and close the connections to the engine."""
        self._finish_removing()
        self.client.close()
        if self.tunnel:
            self.tunnel.close()

    def uses_containerd_store(self) -> bool:
        """Whether the engine keeps images in containerd; some registries refuse its pushes."""
        status = self.client.info().get("DriverStatus") or []
        return any("io.containerd.snapshotter" in str(value) for _, value in status)

    def untag(self, reference: str) -> None:
        """Remove a name of an image, but not its last name, which would delete the image."""
        from docker.errors import DockerException
        from requests import RequestException

        try:
            if len(self.client.images.get(reference).tags) > 1:
                self.client.api.remove_image(reference, noprune=True)
        except (DockerException, RequestException) as error:
            log.debug("the tag %s was left behind: %s", reference, error)

    def remove_image(self, reference: str) -> None:
        """Remove an image of this run if it exists; a failure is only logged."""
        self._finish_removing()  # a container keeps its image
        from docker.errors import DockerException, NotFound
        from requests import RequestException

        try:
            self.client.api.remove_image(reference, force=True)
        except NotFound:
            return
        except (DockerException, RequestException) as error:
            log.info("the image %s was left behind: %s", reference, error)

    def remove_container_aside(self, name: str, made: Future[Any]) -> None:
        """Remove a container of this run in the background, after `made` has its result.

        A signal may arrive before the engine has made the container. Without the wait, the removal
        would find no container, and the container would stay.
        """

        def remove() -> None:
            wait([made], _ANSWER_SECONDS)
            self.remove_container(name)

        self.removing.append(begin(remove))

    @contextmanager
    def awaited_by_close(self) -> Iterator[None]:
        """Make `close` wait for the block, which makes and removes a container in a thread."""
        ended: Future[None] = Future()
        self.removing.append(ended)
        try:
            yield
        finally:
            ended.set_result(None)

    def _finish_removing(self) -> None:
        awaited = 0
        while awaited < len(self.removing):  # what ended may have begun a removal
            awaited = len(self.removing)
            wait(self.removing, _ANSWER_SECONDS)

    def remove_container(self, name: str) -> None:
        """Remove a container of this run if it exists; a failure is only logged."""
        from docker.errors import DockerException, NotFound
        from requests import RequestException

        try:
            self.client.api.remove_container(name, force=True, v=True)
        except NotFound:
            return
        except (DockerException, RequestException) as error:
            log.info("the container %s was left behind: %s", name, error)


def connect(env: Mapping[str, str]) -> Engine:
    """Find the engine and ask for its version.

    As for `docker`, DOCKER_CONTEXT comes before DOCKER_HOST, and DOCKER_HOST before the current
    docker context. Raises DockerError when no engine answers.
    """
    import docker
    from docker.errors import DockerException
    from requests import RequestException

    endpoint = endpoint_of(env)
    host = endpoint.get("DOCKER_HOST") or DEFAULT_HOST
    tunnel = None
    try:
        _knock(host)
        if host.startswith("ssh://"):
            tunnel = _tunnel(host, env)
            endpoint = {"DOCKER_HOST": tunnel.socket}
        client = docker.DockerClient.from_env(environment=endpoint, timeout=_ANSWER_SECONDS)
        version: dict[str, Any] = client.version()
    except (DockerException, RequestException, OSError) as error:
        reason = _reason(error, host)
        if tunnel:
            reason = tunnel.said or reason
            tunnel.close()
        raise NoEngineError(
            f"no Docker Engine answers at {shown_host(host)}: {reason}", hint=_HINT
        ) from error
    client.api.timeout = _SILENCE_SECONDS
    components = [part.get("Name", "") for part in version.get("Components") or []]
    is_podman = any("podman" in name.lower() for name in components)
    log.debug("engine %s at %s", version.get("Version"), shown_host(host))
    return Engine(client, host, str(version.get("Version", "")), is_podman, tunnel)


def _tunnel(host: str, env: Mapping[str, str]) -> OverSSH:
    from astro_ci.image.over_ssh import OverSSH  # few engines have such an address

    return OverSSH(host, env)


def _knock(host: str) -> None:
    """Try to connect to a socket file first, because the SDK never closes a refused socket."""
    if host.startswith("unix://"):
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(_ANSWER_SECONDS)
            probe.connect(host.removeprefix("unix://"))


def shown_host(host: str) -> str:
    """Return the engine's address without a password; the user of an SSH address stays."""
    scheme, slashes, rest = host.rpartition("://")
    login, at, place = rest.rpartition("@")
    is_plain = scheme == "ssh" and ":" not in login
    return host if is_plain or not at else f"{scheme}{slashes}***@{place}"


def _reason(error: Exception, host: str) -> str:
    """Find the innermost message of the SDK's nested errors."""
    cause: BaseException = error
    # The SDK raises a NameError without an optional package; the error above it names the package.
    while cause.__context__ is not None and not isinstance(cause.__context__, NameError):
        cause = cause.__context__
    told = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
    login = host.rpartition("://")[2].rpartition("@")[0]
    return crossed_out(told, [login] if ":" in login else []).strip()
