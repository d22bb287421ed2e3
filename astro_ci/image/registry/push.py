"""Push an image to the registry of a deploy with the engine, and read its digest.

The SDK sends the credentials to the engine with the request, so no login is made or stored. The
SDK's `push` does not raise when a push fails: the failure is a line of its stream.
"""

from __future__ import annotations

import base64
import logging
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from typing import Any

from astro_ci.errors import RegistryError
from astro_ci.image.engine import Engine
from astro_ci.image.registry.failure import TransientRegistryError
from astro_ci.text import Regex, crossed_out
from astro_ci.web.retry import Repeating
from astro_ci.web.session import Patience

log = logging.getLogger(__name__)

Password = str | Callable[[], str]
OnProgress = Callable[[int, int], None]

# The engine itself tries to push each layer five times, over 50 seconds.
_ATTEMPTS = 3
_REFUSED = Regex(
    r"unauthorized|authentication required|no basic auth|denied|forbidden"
    r"|(?<![:.\d])\b40[13]\b(?![.\d])",
    re.IGNORECASE,
)
_UNREACHABLE = Regex(
    r"connection refused|no such host|i/o timeout|deadline exceeded|reset by peer|broken pipe"
    r"|network is unreachable|no route to host|server misbehaving|temporary failure"
    r"|handshake timeout|Client\.Timeout|unexpected EOF|\bEOF$",
    re.IGNORECASE,
)
_BUSY = Regex(
    r"(?<![:.\d])\b(429|5\d\d)\b(?![.\d])|too ?many ?requests|internal server error|bad gateway"
    r"|service unavailable|gateway time-?out",
    re.IGNORECASE,
)
_UNTRUSTED = Regex(r"x509|certificate|HTTP response to HTTPS client", re.IGNORECASE)

_REFUSED_HINT = "Check that the token has not expired and may deploy to this Deployment."
_CONTAINERD_HINT = (
    " This engine keeps images in containerd, and Astro's registry may refuse its pushes: set "
    '"features": {"containerd-snapshotter": false} in its daemon.json.'
)


def push_image(
    engine: Engine,
    local: str,
    repository: str,
    tag: str,
    *,
    password: Password,
    username: str = "cli",
    hint: str = _REFUSED_HINT,
    on_progress: OnProgress = lambda done, total: None,
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """Push an image of the engine as `repository:tag`, and return its manifest's digest.

    A callable password is asked before every attempt. Without a user name it is an identity token
    of OAuth2; without either, nobody asks. `hint` is for a registry that refuses.

    `on_progress` gets bytes sent and bytes known of so far, layers that the registry already has
    aside. It is called for every message of the engine, also while nothing moves; what it raises
    ends the push.

    The name given to the image for the push is removed again. Raises RegistryError.
    """
    retrying = Repeating(_is_transient, attempts=_ATTEMPTS, sleep=sleep)
    with _tagged(engine, local, repository, tag):
        digest = retrying(_push, engine, repository, tag, username, password, hint, on_progress)
        if digest:
            return digest
        if not engine.is_podman:
            raise RegistryError(f"the push to {repository} failed: the push ended without a digest")
        return _digest_of(engine, repository, tag, username, password, hint, sleep)


def _is_transient(error: BaseException) -> bool:
    return isinstance(error, TransientRegistryError)


@contextmanager
def _tagged(engine: Engine, local: str, repository: str, tag: str) -> Iterator[None]:
    """Name the image for the push, and take the name off again unless it had it before."""
    from docker.errors import DockerException, ImageNotFound
    from requests import RequestException

    name = f"{repository}:{tag}"
    try:
        image = engine.client.images.get(local)
        was_there = name in image.tags
        image.tag(repository, tag)
    except ImageNotFound as error:
        raise RegistryError(
            f"the image {local} cannot be pushed: the Docker Engine has no image of that name",
            hint="Build or pull the image in this job, on this engine, before the deploy.",
        ) from error
    except (DockerException, RequestException) as error:
        raise RegistryError(f"the image {local} could not be tagged {name}: {error}") from error
    try:
        yield
    finally:
        if not was_there:
            engine.untag(name)


def _push(
    engine: Engine,
    repository: str,
    tag: str,
    username: str,
    password: Password,
    hint: str,
    on_progress: OnProgress,
) -> str:
    from docker.errors import DockerException
    from requests import RequestException

    secret = password() if callable(password) else password
    secret = secret.removeprefix("Bearer ")
    auth = {"username": username, "password": secret} if username else {"identitytoken": secret}
    basic = base64.b64encode(f"{username}:{secret}".encode()).decode().rstrip("=")
    sent = (secret, basic) if secret else ()
    try:
        messages = engine.client.api.push(
            repository,
            tag=tag,
            stream=True,
            decode=True,
            auth_config=auth if secret else {},
        )
        # Closing the stream early, as an interruption does, makes the engine stop.
        with closing(messages):
            return _follow(messages, on_progress)
    except _PushFailedError as error:
        text = crossed_out(str(error), sent)
        raise classify(text, repository, engine.uses_containerd_store(), hint) from error
    except (DockerException, RequestException) as error:
        text = crossed_out(str(error), sent)
        raise RegistryError(f"the Docker Engine aborted the push to {repository}: {text}") from None


class _PushFailedError(Exception):
    """The error line of a push."""


def _follow(messages: Iterable[dict[str, Any]], on_progress: OnProgress) -> str:
    """Report how a push goes on, and return its digest; empty where the engine does not say."""
    layers: dict[str, tuple[int, int]] = {}
    digest = ""
    for message in messages:
        if "error" in message:
            raise _PushFailedError(str(message["error"]).strip())
        if str(message.get("status", "")).startswith("Retrying in 5 seconds"):
            log.info("layer %s: the registry failed, the engine tries again", message["id"])
        progress = message.get("progressDetail") or {}
        if message.get("id") and progress.get("total"):
            done, total = int(progress.get("current") or 0), int(progress["total"])
            # The tar of a layer may come out a little larger than the layer was said to be.
            layers[message["id"]] = (min(done, total), total)
        on_progress(sum(done for done, _ in layers.values()), sum(t for _, t in layers.values()))
        digest = (message.get("aux") or {}).get("Digest") or digest
    return digest


def _digest_of(
    engine: Engine,
    repository: str,
    tag: str,
    username: str,
    password: Password,
    hint: str,
    sleep: Callable[[float], None],
) -> str:
    """Ask the registry what was pushed, as Podman does not say. Raises RegistryError."""
    from astro_ci.image.registry.client import open_repository
    from astro_ci.image.registry.login import Login

    def secret() -> str:
        found = password() if callable(password) else password
        return found.removeprefix("Bearer ")

    host, _, name = repository.partition("/")
    login = Login(username=username, password=secret, hint=hint)
    registry = open_repository(host, name, login, Patience(sleep=sleep))
    try:
        pushed = registry.image(tag)
    finally:
        registry.close()
    # What is there has to be the image that was looked at.
    meant = str(engine.client.images.get(f"{repository}:{tag}").id)
    if pushed.config.digest != meant:
        raise RegistryError(
            f"{repository}:{tag} is not the image that was pushed: its config is "
            f"{pushed.config.digest}, not {meant}",
            hint="Run the job again, and make sure that nothing else pushes to this tag.",
        )
    return pushed.digest


def classify(
    text: str, repository: str, uses_containerd_store: bool, hint: str = _REFUSED_HINT
) -> RegistryError:
    """Convert the error line of a push to an error with a hint.

    A failure that may be temporary becomes a TransientRegistryError.
    """
    host = repository.partition("/")[0]
    if _UNTRUSTED.search(text):
        return RegistryError(
            f"the Docker Engine does not trust the registry {host}: {text}",
            hint="Give the engine, not this job, the registry's certificate authority, or list a "
            "registry without TLS in the engine's insecure-registries.",
        )
    if _REFUSED.search(text):
        return RegistryError(
            f"the registry {host} refused the push to {repository}: {text}",
            hint=hint + (_CONTAINERD_HINT if uses_containerd_store else ""),
        )
    if _UNREACHABLE.search(text):
        return TransientRegistryError(
            f"the Docker Engine could not reach the registry {host}: {text}",
            hint="Check the network, proxy and DNS of the engine, which makes the connection "
            "itself.",
        )
    if _BUSY.search(text):
        return TransientRegistryError(
            f"the registry {host} could not accept the push: {text}",
            hint="Run the job again in a few minutes: the registry is busy or has a problem.",
        )
    return RegistryError(f"the push to {repository} failed: {text}")
